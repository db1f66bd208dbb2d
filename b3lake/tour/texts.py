"""The sentences of the tour, by name; b3lake/texts has their Portuguese."""

from b3lake.texts.told import told

TEXTS = {
    "stage.ingest": "Fetch B3's data",
    "seen.ingest": "{days} sessions, the newest of {day}: {tickers}\nsource: {source}",
    "stage.raw": "Raw data in S3 as Parquet, partitioned by day",
    "seen.raw": "{key}\nrows: {rows}, bytes: {size}\nrequest id {request}",
    "stage.event": "The bucket triggers the Lambda function",
    "seen.event": (
        "event {events} of {prefix}\nqueue {queue}\nfunction {function}\ninvoked at {time}\nrequest id {request}"
    ),
    "stage.start": "The Lambda function only starts the Glue job",
    "seen.start": "{runtime}, job {job}\nrequest id {request}\nstarted the run {run} ({state})",
    "stage.transform": "The Glue job makes transformations A, B, C",
    "seen.transform": (
        "run {run}\nstarted at {time}; {ticker} on {day},\ncompared with the raw data:\n"
        "A aggregation: total_volume = {volume}, rows summed: {bars}\n"
        "B names: open → open_price ({open}), close → close_price ({close})\n"
        "C dates: close_ma_{dates} = {average}, close_delta = {delta}"
    ),
    "stage.refined": "Refined data, by date and ticker",
    "seen.refined": "{key}\nbytes: {size}\nrequest id {request}",
    "stage.catalog": "Catalogued automatically in the Glue Catalog",
    "seen.catalog": "table {table}\npartitioned by {keys}\npartition {values}, registered at {time}",
    "stage.athena": "SQL in Athena",
    "seen.athena": "workgroup {workgroup}\n{sql}\nanswer: {answer}",
    "missing.raw": "There is no data in {uri}. Fetch it: `make ingest` (this machine) or `b3lake fetch` (the account).",
    "missing.columns": "{uri} lacks the columns {columns}: `b3lake doctor` says what is wrong.",
    "missing.unreadable": "{uri} cannot be read as the Parquet that belongs there: `b3lake doctor` says what is wrong.",
    "missing.notification": (
        "The bucket {bucket} tells the queue {queue} of no new object: deploy the stack again (`sam deploy`)."
    ),
    "missing.mapping": (
        "The queue {queue} does not reach the function {function}: deploy the stack again (`sam deploy`)."
    ),
    "missing.invocation": "The log {group} shows no invocation. Fetch a day that is not there yet, and wait a minute.",
    "missing.started": (
        "No run of {job} was started by the function. Fetch a day that is not there yet, and wait a minute."
    ),
    "missing.job": "The function {function} does not start {job}: deploy the stack again (`sam deploy`).",
    "missing.run": "No run of {job} has succeeded (the last: {state}). Wait, or see the job's log.",
    "missing.refined": "{uri} is not there: the job has not refined that day yet. Wait for its run, or start the job.",
    "missing.dates": (
        "The average of {dates} sessions needs {dates} days of {ticker}, and there are {found}. Fetch more days."
    ),
    "missing.value": "{name} of {ticker} on {day} is {found}, and the raw data gives {expected}: run the job again.",
    "missing.partition": (
        "The partition {values} is not in the table {table}: run the job again, or `b3lake doctor --fix`."
    ),
    "missing.answer": "Athena did not answer with the row of {ticker} on {day}, but with {answer}.",
    "missing.aws": "{said}",
    "title": "The stages of the data lake {env}, bucket {bucket}",
    "all": "All {count} stages were seen.",
    "not_all": "{seen} of {count} stages seen; not: {stages}.",
}


def text(key: str, language: str, /, **values: object) -> str:
    """The sentence `key` in `language`, with its values."""
    return told(TEXTS[key].format(**values), language)
