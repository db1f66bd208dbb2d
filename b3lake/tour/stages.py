"""The stages of the lake, each with the look that shows it."""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from b3lake.ask.errors import QueryError
from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.keys import RAW_PREFIX, REFINED_PREFIX, partition_key
from b3lake.lake.names import REFINED_TABLE
from b3lake.lake.schemas import MOVING_AVERAGE_DATES
from b3lake.tour.lake import Invocation, NotSeenError, TouredLake

Evidence = dict[str, object]
_SUCCEEDED = "SUCCEEDED"
_FUNCTION_SECONDS = 30.0
"""The function's timeout: a run that it asked for began at most so long before its last line in the log."""
_DAYS_LOOKED_AT = 30
_SHOWN = 5
_NOT_THERE = frozenset({"EntityNotFoundException", "NoSuchKey"})


@dataclass(frozen=True)
class Result:
    """Whether a stage was seen, and the sentence about it: `key` in the list of texts, with its `values`."""

    stage: str
    seen: bool
    key: str
    values: Evidence


def _ingest(lake: TouredLake) -> Evidence:
    day, ticker = lake.sample
    rows = lake.raw(day, ticker).rows
    more = len(lake.tickers) - _SHOWN
    tickers = ", ".join(lake.tickers[:_SHOWN]) + (f" + {more}" if more > 0 else "")
    return {"days": len(lake.days), "day": day, "tickers": tickers, "source": rows["source"][0].as_py()}


def _raw(lake: TouredLake) -> Evidence:
    stored = lake.raw(*lake.sample)
    return {"key": stored.key, "rows": stored.rows.num_rows, "size": stored.size, "request": stored.request}


def _event(lake: TouredLake) -> Evidence:
    queue, function = lake.names.raw_events_queue, lake.names.start_glue_job
    told = lake.client("s3").get_bucket_notification_configuration(Bucket=lake.bucket)
    to_queue = [one for one in told.get("QueueConfigurations", []) if one["QueueArn"].endswith(f":{queue}")]
    events = sorted({event for one in to_queue for event in one["Events"]})
    if not any(event.startswith("s3:ObjectCreated:") for event in events):
        raise NotSeenError("missing.notification", bucket=lake.bucket, queue=queue)
    mappings = lake.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    if not any(one["EventSourceArn"].endswith(f":{queue}") and one["State"] == "Enabled" for one in mappings):
        raise NotSeenError("missing.mapping", queue=queue, function=function)
    last = lake.invocations[0]
    return {
        "events": ", ".join(events),
        "prefix": f"{RAW_PREFIX}/",
        "queue": queue,
        "function": function,
        "time": _moment(last.time),
        "request": last.request,
    }


def _start(lake: TouredLake) -> Evidence:
    function, job = lake.names.start_glue_job, lake.names.refine_job
    configured = lake.client("lambda").get_function_configuration(FunctionName=function)
    if configured.get("Environment", {}).get("Variables", {}).get("REFINE_JOB_NAME") != job:
        raise NotSeenError("missing.job", function=function, job=job)
    for run in lake.runs():
        if invocation := _invocation_of(run["Id"], run["StartedOn"], lake.invocations):
            return {
                "runtime": configured["Runtime"],
                "job": job,
                "request": invocation.request,
                "run": run["Id"],
                "state": run["JobRunState"],
            }
    raise NotSeenError("missing.started", job=job)


def _invocation_of(run: str, started: dt.datetime, invocations: Sequence[Invocation]) -> Invocation | None:
    """The invocation that says it started `run`; where the log has none of the function's own lines, by the time."""
    if any(one.started for one in invocations):
        return next((one for one in invocations if one.started == run), None)
    return next((one for one in invocations if -1 <= (one.time - started).total_seconds() <= _FUNCTION_SECONDS), None)


def _transform(lake: TouredLake) -> Evidence:
    runs = lake.runs()
    run = next((one for one in runs if one["JobRunState"] == _SUCCEEDED), None)
    if run is None:
        state = runs[0]["JobRunState"] if runs else "—"
        raise NotSeenError("missing.run", job=lake.names.refine_job, state=state)
    day, ticker = lake.sample
    bars = lake.raw(day, ticker).rows.sort_by("ts").to_pylist()
    closes = _closes(lake, day, ticker)
    row = lake.refined_row(day, ticker)
    average = f"close_ma_{MOVING_AVERAGE_DATES}"
    expected = {
        "total_volume": sum(bar["volume"] or 0 for bar in bars),
        "bar_count": len(bars),
        "open_price": bars[0]["open"],
        "close_price": bars[-1]["close"],
        average: sum(closes) / len(closes),
        "close_delta": closes[0] - closes[1],
    }
    for name, value in expected.items():
        if row[name] is None or not math.isclose(row[name], value, rel_tol=1e-9, abs_tol=1e-9):
            raise NotSeenError("missing.value", name=name, ticker=ticker, day=day, found=row[name], expected=value)
    return {
        "run": run["Id"],
        "time": _moment(run["StartedOn"]),
        "ticker": ticker,
        "day": day,
        "volume": row["total_volume"],
        "bars": len(bars),
        "open": f"{row['open_price']:.2f}",
        "close": f"{row['close_price']:.2f}",
        "dates": MOVING_AVERAGE_DATES,
        "average": f"{row[average]:.4f}",
        "delta": f"{row['close_delta']:.4f}",
    }


def _closes(lake: TouredLake, day: dt.date, ticker: str) -> list[float]:
    """The last closes of `ticker` from `day` back, as many as the average takes in, in the shares of `day`."""
    closes: list[float] = []
    ratio = 1.0
    for each in reversed(lake.days[-_DAYS_LOOKED_AT:]):
        try:
            bars = lake.raw(each, ticker).rows.sort_by("ts").to_pylist()
        except NotSeenError:
            continue  # no session of this ticker
        closes.append(bars[-1]["close"] / ratio)
        if len(closes) == MOVING_AVERAGE_DATES:
            return closes
        for bar in bars:
            ratio *= bar["stock_splits"] or 1.0
    raise NotSeenError("missing.dates", dates=MOVING_AVERAGE_DATES, ticker=ticker, found=len(closes))


def _refined(lake: TouredLake) -> Evidence:
    stored = lake.read(partition_key(REFINED_PREFIX, *lake.sample), "missing.refined")
    return {"key": stored.key, "size": stored.size, "request": stored.request}


def _catalog(lake: TouredLake) -> Evidence:
    glue, database = lake.client("glue"), lake.names.database
    values = [str(value) for value in lake.sample]
    table = glue.get_table(DatabaseName=database, Name=REFINED_TABLE)["Table"]
    try:
        asked = glue.get_partition(DatabaseName=database, TableName=REFINED_TABLE, PartitionValues=values)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            named = f"{database}.{REFINED_TABLE}"
            raise NotSeenError("missing.partition", values=", ".join(values), table=named) from error
        raise
    return {
        "table": f"{database}.{REFINED_TABLE}",
        "keys": ", ".join(key["Name"] for key in table["PartitionKeys"]),
        "values": ", ".join(values),
        "time": _moment(asked["Partition"]["CreationTime"]),
    }


def _athena(lake: TouredLake) -> Evidence:
    day, ticker = lake.sample
    sql = f"SELECT close_price, total_volume FROM {REFINED_TABLE}\nWHERE dt = DATE '{day}' AND ticker = '{ticker}'"  # noqa: S608 - both are of keys
    answered = lake.ask(sql).to_pylist()
    row = lake.refined_row(day, ticker)
    wanted = {name: row[name] for name in ("close_price", "total_volume")}
    told = "; ".join(", ".join(f"{name} = {value}" for name, value in one.items()) for one in answered) or "—"
    if answered != [wanted]:
        raise NotSeenError("missing.answer", ticker=ticker, day=day, answer=told)
    return {"workgroup": lake.names.workgroup, "sql": sql, "answer": told}


STAGES: dict[str, Callable[[TouredLake], Evidence]] = {
    "ingest": _ingest,
    "raw": _raw,
    "event": _event,
    "start": _start,
    "transform": _transform,
    "refined": _refined,
    "catalog": _catalog,
    "athena": _athena,
}
"""In the order in which a quote passes them."""


def walk(lake: TouredLake) -> Iterator[Result]:
    """Look at every stage, also after one that was not seen. Raises nothing that AWS answers."""
    for stage, look in STAGES.items():
        try:
            yield Result(stage, seen=True, key=f"seen.{stage}", values=look(lake))
        except NotSeenError as missing:
            yield Result(stage, seen=False, key=missing.key, values=missing.values)
        except QueryError as error:
            yield Result(stage, seen=False, key="missing.aws", values={"said": error})
        except (ClientError, BotoCoreError) as error:
            said = as_aws_error(error, f"The environment {lake.names.env} ({stage})", "LAKE_ENV")
            yield Result(stage, seen=False, key="missing.aws", values={"said": said})


def _moment(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
