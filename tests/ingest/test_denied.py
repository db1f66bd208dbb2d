"""AWS's refusals: each is one sentence that names the bucket, table or key, and one refused object stops no run."""

import asyncio
import datetime as dt
import io
from collections.abc import Awaitable, Callable, Iterator
from xml.sax.saxutils import escape

import pyarrow as pa
import pytest
from obstore.store import S3Store
from rich.console import Console

from b3lake.ingest import objects
from b3lake.ingest.catalog import Catalog, _partition
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake, MixedLakeError
from b3lake.ingest.load import Loader
from b3lake.ingest.parquet import encode
from b3lake.ingest.progress import Steps
from b3lake.ingest.small_tables import RATES, Destination, SmallTable, read_table, update_table
from b3lake.lake.errors import AwsError
from b3lake.lake.schemas import RATES_SCHEMA, RAW_SCHEMA
from devlake.aws_requests import AwsRequest
from devlake.proxy import Answer, Proxy, serving
from tests.ingest.lake_cases import DAYS, key_of, session, table

BUCKET, DATABASE = "raw-of-somebody", "of_somebody"
STRANGE_KEY = "raw/b3//a\x01"
GRANTS = "ask for the permissions that template.yaml and terraform/ grant."
RATE = pa.Table.from_pylist([{"series": "CDI", "day": DAYS[0], "value": 0.1, "unit": "% a day"}], RATES_SCHEMA)


def error(status: int, code: str, message: str = "x") -> Answer:
    """S3's way to refuse."""
    xml = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, xml.encode(), "application/xml")


def listing(keys: list[str]) -> Answer:
    found = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2024-05-08T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{'0' * 32}&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key in keys
    )
    head = f"<Name>{BUCKET}</Name><KeyCount>{len(keys)}</KeyCount><IsTruncated>false</IsTruncated>"
    return Answer(200, f"<ListBucketResult>{head}{found}</ListBucketResult>".encode(), "application/xml")


NO_KEY, NO_BUCKET = error(404, "NoSuchKey"), error(404, "NoSuchBucket")
DENIED = error(403, "AccessDenied", "Access Denied")
ARCHIVED = error(403, "InvalidObjectState")
PASSING = error(400, "RequestTimeout", "Slow")
"""Nothing of the object's own, and nothing that every request would meet."""
GLUE_DENIED = Answer.of_json(400, {"__type": "AccessDeniedException", "message": "not authorized"})
NO_DATABASE = Answer.of_json(400, {"__type": "EntityNotFoundException", "message": "none"})


class Aws(dict[str, Answer | list[Answer]]):
    """An AWS of these answers, by operation; of several each is given once, and then the last."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def __call__(self, request: AwsRequest) -> Answer:
        self.asked.append(request.operation)
        answer = self.get(request.operation, DENIED if request.service == "s3" else GLUE_DENIED)
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    made = Aws()
    with serving(Proxy("http://127.0.0.1:9", intercept=made)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield made


def open_store() -> S3Store:
    return objects.open_store(BUCKET, session())


async def listed(store: S3Store) -> list[objects.RawObject]:
    return [one async for one in objects.list_days(store)]


def put_rates(store: S3Store) -> Awaitable[bool]:
    return update_table(Destination(store, "bcb"), RATES, lambda _rows: RATE)


@pytest.mark.parametrize(
    ("work", "place", "remedy"),
    [
        (listed, f"bucket {BUCKET}", "set RAW_BUCKET"),
        (lambda store: objects.get_all(store, [key_of(DAYS[0])]), f"bucket {BUCKET}", ""),
        (
            lambda store: objects.delete_keys(store, [STRANGE_KEY]),
            f"s3://{BUCKET}/raw/b3//a\\x01",
            "set RAW_BUCKET",
        ),
        (lambda store: read_table(store, RATES), f"bucket {BUCKET}", "correct its name"),
        (put_rates, f"bucket {BUCKET}", "correct its name"),
    ],
    ids=["list", "get", "delete", "read a table", "write a table"],
)
def test_a_bucket_that_is_denied_or_away_is_named(
    aws: Aws, work: Callable[[S3Store], Awaitable[object]], place: str, remedy: str
) -> None:
    with pytest.raises(AwsError) as denied:
        asyncio.run(work(open_store()))
    assert str(denied.value) == f"AWS denies access to {place}: {GRANTS}"
    assert denied.value.__cause__ is not None
    if remedy:
        aws |= dict.fromkeys(("ListObjectsV2", "GetObject", "DeleteObject"), NO_BUCKET)
        with pytest.raises(AwsError) as away:
            asyncio.run(work(open_store()))
        at_start = place if "://" in place else f"Bucket {BUCKET}"
        assert str(away.value) == f"{at_start} does not exist: deploy the stack, or {remedy}."


def test_a_table_that_may_be_read_and_not_written_is_named(aws: Aws) -> None:
    aws["GetObject"] = NO_KEY
    assert asyncio.run(read_table(open_store(), RATES)) == RATES_SCHEMA.empty_table()
    with pytest.raises(AwsError) as denied:
        asyncio.run(put_rates(open_store()))
    assert str(denied.value) == f"AWS denies access to bucket {BUCKET}: {GRANTS}"
    assert denied.value.__cause__ is not None
    assert aws.asked == ["GetObject", "GetObject", "PutObject"]


def test_objects_that_are_not_there_are_left_out(aws: Aws) -> None:
    aws["GetObject"] = NO_KEY
    assert asyncio.run(objects.get_all(open_store(), [key_of(DAYS[0])])) == {}


def test_nothing_is_asked_where_there_is_nothing_to_delete(aws: Aws) -> None:
    asyncio.run(objects.delete_keys(open_store(), []))
    assert aws.asked == []


TABLE = f"Glue table {DATABASE}.b3_daily_quotes"


@pytest.mark.parametrize(
    ("work", "place"),
    [
        (lambda catalog: catalog.ensure_table(), f"Glue database {DATABASE}"),
        (lambda catalog: catalog.ensure_small_table(RATES), f"Glue database {DATABASE}"),
        (lambda catalog: catalog.registered(DAYS[0], DAYS[1]), TABLE),
        (lambda catalog: catalog.register([(DAYS[0], "PETR4")]), TABLE),
        (lambda catalog: catalog.unregister([(DAYS[0], "PETR4")]), TABLE),
    ],
    ids=["table", "small table", "registered", "register", "unregister"],
)
def test_a_catalog_that_is_denied_or_away_is_named(aws: Aws, work: Callable[[Catalog], object], place: str) -> None:
    with pytest.raises(AwsError) as denied:
        work(Catalog(DATABASE, BUCKET, session()))
    assert str(denied.value) == f"AWS denies access to {place}: {GRANTS}"
    assert denied.value.__cause__ is not None
    operations = ("GetTable", "GetDatabase", "GetPartitions", "BatchCreatePartition", "BatchDeletePartition")
    aws |= dict.fromkeys(operations, NO_DATABASE)
    with pytest.raises(AwsError) as away:
        work(Catalog(DATABASE, BUCKET, session()))
    assert str(away.value) == f"{place} does not exist: deploy the stack, or set GLUE_DATABASE."


@pytest.mark.parametrize(
    ("values", "partition"),
    [
        (["2024-05-02", "PETR4"], (DAYS[0], "PETR4")),
        (["today", "PETR4"], None),
        (["2024-05-02"], None),
        (["2024-05-02", "PETR4", "x"], None),
    ],
)
def test_what_another_hand_registered_is_no_partition(values: list[str], partition: tuple[dt.date, str] | None) -> None:
    assert _partition(values) == partition


def test_an_account_that_does_not_tell_its_number_is_named(aws: Aws) -> None:
    denial = b"<ErrorResponse>" + DENIED.body + b"</ErrorResponse>"
    aws["GetCallerIdentity"] = Answer(403, denial, "text/xml")
    with pytest.raises(AwsError) as denied:
        objects.default_bucket("dev", session())
    assert str(denied.value) == f"AWS denies access to the AWS account: {GRANTS}"
    assert denied.value.__cause__ is not None


# --- One object -------------------------------------------------------------------------------------------------

INVENTED = Answer(
    200, encode(table(days=DAYS[:1], source=["synthetic"]).select(RAW_SCHEMA.names)), "binary/octet-stream"
)
DAMAGED = Answer(200, b"PAR1 half a fi", "binary/octet-stream")


def a_lake(catalog: object = None) -> Lake:
    return Lake(BUCKET, open_store(), catalog)


@pytest.mark.parametrize("unreadable", [[ARCHIVED] * 49, [DAMAGED, ARCHIVED, NO_KEY] * 16])
def test_the_first_row_that_can_be_read_tells_the_kind_of_a_lake(aws: Aws, unreadable: list[Answer]) -> None:
    aws["ListObjectsV2"] = listing([key_of(DAYS[0], f"A{number:02}") for number in range(60)])
    aws["GetObject"] = [*unreadable, INVENTED]
    with pytest.raises(MixedLakeError) as mixed:
        asyncio.run(a_lake().check_kind("yahoo"))
    assert str(mixed.value) == (
        "This lake holds synthetic prices (their source is synthetic), and no real ones are mixed with them: "
        "take another lake, or empty this one first."
    )
    assert aws.asked.count("GetObject") == len(unreadable) + 1
    asyncio.run(a_lake().check_kind("synthetic"))


@pytest.mark.parametrize("unreadable", [[ARCHIVED] * 50, [DAMAGED] * 49 + [ARCHIVED], [DAMAGED, ARCHIVED] * 25])
def test_fifty_objects_that_cannot_be_read_tell_nothing(aws: Aws, unreadable: list[Answer]) -> None:
    """A lake whose quotes are archived is not asked for each of them."""
    aws["ListObjectsV2"] = listing([key_of(DAYS[0], f"A{number:02}") for number in range(60)])
    aws["GetObject"] = [*unreadable, INVENTED]
    asyncio.run(a_lake().check_kind("yahoo"))
    assert aws.asked.count("GetObject") == 50


def test_a_bucket_that_fails_meanwhile_is_named(aws: Aws) -> None:
    aws |= {"ListObjectsV2": listing([key_of(DAYS[0])]), "GetObject": PASSING}
    with pytest.raises(AwsError) as failed:
        asyncio.run(a_lake().check_kind("yahoo"))
    said = "GenericError: RequestTimeout: Slow"
    assert str(failed.value) == f"Bucket {BUCKET} could not be reached ({said}): run again when it answers."
    assert failed.value.__cause__ is not None


class NoTables:
    """A catalog of whoever may not make tables."""

    def ensure_small_table(self, made: SmallTable) -> None:
        raise AwsError(f"{made.name} may not be made.")


def test_who_may_not_make_a_table_is_told_and_goes_on(aws: Aws) -> None:
    sink = io.StringIO()
    steps = Steps(Console(file=sink))
    asyncio.run(a_lake(NoTables()).ensure_small_table(RATES, steps))
    asyncio.run(a_lake().ensure_small_table(RATES, steps))
    assert sink.getvalue() == "br_rates may not be made.\n"


def load(bars: pa.Table) -> Loader:
    """Load into a lake that has other bytes for each of `bars`."""

    async def run() -> Loader:
        inventory = Inventory(["PETR4"], DAYS[0], DAYS[-1])
        for day in DAYS:
            inventory.note_object(day, "PETR4", None)
        loader = Loader(open_store(), None)
        await loader.load(bars, inventory)
        return loader

    return asyncio.run(run())


def test_an_object_that_cannot_be_compared_fails_by_itself(aws: Aws) -> None:
    aws["GetObject"] = PASSING
    tally = load(table(days=DAYS[:1])).tally
    assert tally.failed == {"PETR4": 1}
    assert tally.causes == {"PETR4": "2024-05-02 could not be put: RequestTimeout: Slow"}
    assert (tally.written, tally.unchanged, tally.kept, aws.asked) == ({}, {}, {}, ["GetObject"])


def test_credentials_that_expire_while_it_compares_end_the_run(aws: Aws) -> None:
    aws["GetObject"] = error(400, "ExpiredToken", "The provided token has expired.")
    with pytest.raises(AwsError, match=r"^The AWS credentials have expired: in a lab, ") as failed:
        load(table(days=DAYS[:1]))
    assert failed.value.__cause__ is not None


def test_an_archived_object_is_put_anew(aws: Aws) -> None:
    aws["GetObject"] = ARCHIVED
    with pytest.raises(AwsError) as denied:
        load(table(days=DAYS[:1]))
    assert str(denied.value) == f"AWS denies access to the raw bucket: {GRANTS}"
    assert denied.value.__cause__ is not None
    assert aws.asked == ["GetObject", "PutObject"]


def test_rows_that_must_not_be_replaced_are_kept_and_told(aws: Aws) -> None:
    aws["GetObject"] = INVENTED
    tally = load(table(days=DAYS[:1])).tally
    why = "the lake has prices of synthetic there, and these are of yahoo"
    assert tally.kept == {"PETR4": {DAYS[0]: why}}
    assert (tally.written, tally.unchanged, tally.failed, aws.asked) == ({}, {}, {}, ["GetObject"])


def test_how_patient_the_store_is() -> None:
    """Six more tries within a minute, after 0.1 s, 0.2 s, … and at most 10 s; 20 s for each."""
    store = objects.open_store(BUCKET, session())
    assert store.retry_config is not None
    assert (store.retry_config["max_retries"], store.retry_config["retry_timeout"]) == (6, dt.timedelta(seconds=60))
    backoff = {"init_backoff": dt.timedelta(seconds=0.1), "max_backoff": dt.timedelta(seconds=10), "base": 2}
    assert store.retry_config["backoff"] == backoff
    assert store.client_options is not None
    assert store.client_options["timeout"] == "20s"
