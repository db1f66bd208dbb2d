"""The command line of the refine job, as Glue gives it."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Any

from b3lake.lake.names import HISTORY_TABLE
from b3lake.lake.removal import MAX_REMOVED_SHARE
from b3lake.lake.tickers import normalise
from b3lake.refine.config import Connection, Job, Place, Scope, state_of
from b3lake.refine.errors import RefineError
from b3lake.refine.partitions import day_number, iso

NO_HISTORY = "off"


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise RefineError(f"{message[0].upper()}{message[1:]}. See --help.")


def _place_or_off(text: str) -> Place | None:
    return None if text == NO_HISTORY else Place.parse(text)


def _trade_date(text: str) -> int:
    try:
        return day_number(date.fromisoformat(text))
    except ValueError as error:
        raise RefineError(f"{text!r} is not a date of the form YYYY-MM-DD.") from error


def _tickers(text: str) -> frozenset[str]:
    try:
        names = frozenset(normalise(ticker) for ticker in text.split(",") if ticker.strip())
    except ValueError as error:
        raise RefineError(f"--tickers: {error}.") from error
    if not names:
        raise RefineError("--tickers names none: give some, like PETR4,VALE3, or leave it out.")
    return names


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise RefineError(f"--max_removed_share {text} is no share: give a number from 0 to 1.")
    return share


def _parser() -> argparse.ArgumentParser:
    parser = _Arguments(
        prog="refine_job.py",
        description="Refine the bronze quotes into one row per ticker and trade date.",
        allow_abbrev=False,
    )
    parser.add_argument("--raw_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the bronze objects")
    parser.add_argument("--refined_uri", required=True, type=Place.parse, help="s3://bucket/prefix of the refined ones")
    parser.add_argument("--database", required=True, help="Glue database")
    parser.add_argument("--table", required=True, help="Glue table of the refined objects")
    parser.add_argument("--history_uri", type=_place_or_off, help="s3://bucket/prefix of the history, or off")
    parser.add_argument("--history_table", default=HISTORY_TABLE, help="Glue table of the history")
    parser.add_argument("--refine_mode", choices=["incremental", "full"], default="incremental")
    parser.add_argument("--start_date", type=_trade_date, help="refine from this trade date on (YYYY-MM-DD)")
    parser.add_argument("--end_date", type=_trade_date, help="refine to this trade date, included (YYYY-MM-DD)")
    parser.add_argument("--tickers", type=_tickers, help="refine these only: PETR4,VALE3")
    parser.add_argument(
        "--max_removed_share",
        type=_share,
        default=MAX_REMOVED_SHARE,
        help=f"remove no larger share of the refined rows than this (0 to 1, default {MAX_REMOVED_SHARE})",
    )
    parser.add_argument("--region", help="AWS region of the lake (default: AWS_REGION or AWS_DEFAULT_REGION)")
    parser.add_argument("--lake_env", help="put the run's figures to CloudWatch, for this environment")
    return parser


def _check_places(raw: Place, refined: Place, history: Place | None) -> None:
    """Raise RefineError when what is written would lie in what is read, or in something else that is written."""
    places = {"--raw_uri": raw, "--refined_uri": refined} | ({"--history_uri": history} if history else {})
    places["the job's own notes"] = state_of(refined)
    for (name, place), (other_name, other) in combinations(places.items(), 2):
        if f"{place.uri}/".startswith(f"{other.uri}/") or f"{other.uri}/".startswith(f"{place.uri}/"):
            raise RefineError(
                f"{name} ({place.uri}) and {other_name} ({other.uri}) are the same place, or one is in the other: each "
                "must have one of its own."
            )


def parse_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
    """The run that the command line asks for. Glue's own arguments are ignored; raises RefineError for wrong ones."""
    known, _ = _parser().parse_known_args(arguments)
    if known.start_date is not None and known.end_date is not None and known.start_date > known.end_date:
        raise RefineError(f"--start_date {iso(known.start_date)} is after --end_date {iso(known.end_date)}: swap them.")
    _check_places(known.raw_uri, known.refined_uri, known.history_uri)
    region = known.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise RefineError("The lake's region is not known: give --region, like us-east-1, or set AWS_DEFAULT_REGION.")
    endpoint = environment.get("AWS_ENDPOINT_URL")  # a variable that is there and empty says nothing
    return Job(
        raw=known.raw_uri,
        refined=known.refined_uri,
        database=known.database,
        table=known.table,
        history=known.history_uri,
        history_table=known.history_table,
        full=known.refine_mode == "full",
        scope=Scope(known.start_date, known.end_date, known.tickers),
        lake_env=known.lake_env,
        max_removed_share=known.max_removed_share,
        connection=Connection(
            region=region,
            s3_endpoint=environment.get("AWS_ENDPOINT_URL_S3") or endpoint or None,
            glue_endpoint=environment.get("AWS_ENDPOINT_URL_GLUE") or endpoint or None,
        ),
    )
