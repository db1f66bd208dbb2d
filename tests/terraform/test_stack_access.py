"""Least privilege of the host, tried out: with IAM enforced, its role ingests, follows releases, and no more."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from b3lake.ingest.small_tables import INSTRUMENTS, PORTFOLIOS, RATES
from b3lake.lake.labels import SYNTHETIC
from b3lake.lake.names import RAW_TABLE
from b3lake.lake.schemas import PARTITION_TYPES
from devlake import paths
from devlake.aws_environment import REGION
from devlake.emulator import ACCOUNT_ID, Emulator, running
from devlake.fake_b3 import FakeB3, invented_records
from devlake.fake_http import serving
from devlake.fake_sources import FakeSources
from devlake.ingest_quotes import fake_origin
from tests.ingest.listed_companies import cash, cash_body, stock, supplement_body
from tests.terraform.conftest import BUCKET_KEY

pytestmark = pytest.mark.slow

RAW_BUCKET = f"tech-challenge2-tfdev-raw-{ACCOUNT_ID}"
HOST_BUCKET = f"tech-challenge2-tfdev-host-{ACCOUNT_ID}"
ATHENA_BUCKET = f"tech-challenge2-tfdev-athena-{ACCOUNT_ID}"
OTHER_BUCKET = "bucket-of-another-project"
DATABASE = "tech_challenge2_tfdev"
REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@dataclass(frozen=True)
class Host:
    """AWS as the host's role sees it."""

    environment: dict[str, str]
    client: Callable[[str], Any]


@pytest.fixture(scope="module")
def policy(stacks) -> dict[str, Any]:
    """The policy that Terraform gave to the host's role."""
    state = json.loads(stacks["default"].wait().run("state", "pull").stdout)
    return next(
        json.loads(resource["instances"][0]["attributes"]["policy"])
        for resource in state["resources"]
        if (resource["type"], resource["name"]) == ("aws_iam_role_policy", "host")
    )


@pytest.fixture(scope="module")
def strict_aws(policy) -> Iterator[Emulator]:
    """An AWS emulator that enforces IAM, with a lake, a release and things that are none of the host's business."""
    with running(enforce_iam=True, seconds=300) as aws:
        s3, glue = aws.client("s3"), aws.client("glue")
        for bucket, key in [
            (RAW_BUCKET, "refined/b3/x"),
            (RAW_BUCKET, "history/b3/x"),
            (OTHER_BUCKET, "raw/b3/x"),
            (HOST_BUCKET, "release"),
            (HOST_BUCKET, "releases/0/x"),
            (ATHENA_BUCKET, "results/x"),
        ]:
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        table = {
            "Name": RAW_TABLE,
            "StorageDescriptor": {"Columns": [], "Location": f"s3://{RAW_BUCKET}/raw/b3/"},
            "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in PARTITION_TYPES.items()],
        }
        for database in (DATABASE, "other_database"):
            glue.create_database(DatabaseInput={"Name": database})
            glue.create_table(DatabaseName=database, TableInput=table)
        yield aws


@pytest.fixture(scope="module")
def host(strict_aws, policy) -> Host:
    iam = strict_aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="host", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="host", PolicyName="ingestion", PolicyDocument=json.dumps(policy))
    given = strict_aws.client("sts").assume_role(RoleArn=role, RoleSessionName="host")["Credentials"]
    keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def client(service: str) -> Any:
        taken_on = boto3.Session(*keys, region_name=REGION)
        return taken_on.client(service, endpoint_url=strict_aws.endpoint_url)

    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Host(strict_aws.environment() | dict(zip(names, keys, strict=True)), client)


def fetch(host: Host, settings: dict[str, str]) -> str:
    """Run the ingestion as the host does; what it printed."""
    lake = {"RAW_BUCKET": RAW_BUCKET, "GLUE_DATABASE": DATABASE, "START_DATE": "2024-01-02", "END_DATE": "2024-01-05"}
    done = subprocess.run(
        [sys.executable, paths.FETCH_SCRIPT],
        cwd=paths.ROOT,
        env=host.environment | lake | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def keys_of(aws: Emulator, prefix: str = "") -> list[str]:
    return [item["Key"] for item in aws.client("s3").list_objects_v2(Bucket=RAW_BUCKET, Prefix=prefix)["Contents"]]


def test_the_ingestion_runs_with_what_the_host_may_do(strict_aws, host):
    with serving(FakeSources()) as url:
        said = fetch(host, {"TICKERS": "PETR4,^BVSP"} | fake_origin(url).settings())
    assert len(keys_of(strict_aws, "raw/b3/")) == 2 * 4
    partitions = strict_aws.client("glue").get_partitions(DatabaseName=DATABASE, TableName=RAW_TABLE)["Partitions"]
    assert len(partitions) == 2 * 4
    tables = ("br_rates", "b3_index_portfolio", "b3_instruments")
    assert [line for line in said.splitlines() if line.startswith(tables)] == [f"{name}: written" for name in tables]
    assert {table.key for table in (RATES, PORTFOLIOS, INSTRUMENTS)} <= set(keys_of(strict_aws))


def test_the_ingestion_brings_events_with_what_the_host_may_do(strict_aws, host):
    split = supplement_body([stock("DESDOBRAMENTO", "100,00000000000", "03/01/2024", isin="BRXPTOACNOR0")])
    answers = {
        "XPTO-GetListedSupplementCompany": json.loads(split),
        "XPTO-GetListedCashDividends": json.loads(cash_body([cash("DIVIDENDO", "0,50", "02/01/2024")])),
    }
    first, last = dt.date(2024, 1, 2), dt.date(2024, 1, 5)
    b3 = FakeB3(invented_records(["XPTO3"], first, last), last, answers=answers, trading_names={"XPTO": "XPTO"})
    with serving(b3) as url:
        fetch(host, {"TICKERS": "XPTO3", "SOURCE": "b3", "B3LAKE_B3_URL": url, "B3LAKE_SOURCE_LABEL": SYNTHETIC})
    assert set(keys_of(strict_aws, "events/")) == {
        "events/answers/XPTO-GetListedCashDividends.json",
        "events/answers/XPTO-GetListedSupplementCompany.json",
        "events/b3/data.parquet",
        "events/shares/data.parquet",
    }


def test_the_host_reads_its_releases(host):
    s3 = host.client("s3")
    assert s3.get_object(Bucket=HOST_BUCKET, Key="release")["Body"].read() == b"x"
    assert s3.list_objects_v2(Bucket=HOST_BUCKET, Prefix="releases/0/")["KeyCount"] == 1


def test_the_host_may_use_the_bucket_s_key_and_no_other(policy):
    (statement,) = (one for one in policy["Statement"] if any("kms" in action for action in one["Action"]))
    assert statement == {
        "Sid": "UseTheBucketsKey",
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": BUCKET_KEY,
    }


def test_metrics_go_to_one_namespace(policy):
    """As a text, because the AWS emulator does not know the condition's key and so refuses the call."""
    (statement,) = (one for one in policy["Statement"] if one["Action"] == "cloudwatch:PutMetricData")
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "B3Lake"}}


def test_nothing_else_is_in_its_policy(policy):
    """As a text, whatever the calls below do not try: what bills, other roles, a star. This stack keeps no log."""
    actions = [one["Action"] for one in policy["Statement"]]
    assert sorted(name for some in actions for name in ([some] if isinstance(some, str) else some)) == [
        "cloudwatch:PutMetricData",
        *(f"glue:{name}" for name in ("BatchCreatePartition", "BatchGetPartition", "CreatePartition", "GetDatabase")),
        *(f"glue:{name}" for name in ("GetPartition", "GetPartitions", "GetTable", "UpdatePartition")),
        *("kms:Decrypt", "kms:GenerateDataKey"),
        *("s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObject", "s3:ListBucket", "s3:ListBucket", "s3:PutObject"),
    ]
    on_all = [one["Action"] for one in policy["Statement"] if one["Resource"] == "*"]
    assert on_all == ["cloudwatch:PutMetricData"]


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("s3", "put_object", {"Bucket": RAW_BUCKET, "Key": "refined/b3/x", "Body": b"x"}),
        ("s3", "get_object", {"Bucket": RAW_BUCKET, "Key": "refined/b3/x"}),
        ("s3", "put_object", {"Bucket": RAW_BUCKET, "Key": "state/refine/ledger.json", "Body": b"x"}),
        ("s3", "put_object", {"Bucket": RAW_BUCKET, "Key": "rates/x", "Body": b"x"}),
        ("s3", "delete_object", {"Bucket": RAW_BUCKET, "Key": "events/b3/data.parquet"}),
        ("s3", "list_objects_v2", {"Bucket": RAW_BUCKET, "Prefix": "state/"}),
        ("s3", "list_objects_v2", {"Bucket": RAW_BUCKET, "Prefix": "refined/"}),
        ("s3", "delete_object", {"Bucket": RAW_BUCKET, "Key": "raw/b3/dt=2024-01-02/ticker=PETR4/data.parquet"}),
        *[("s3", call, {"Bucket": RAW_BUCKET, "Key": "history/b3/x"}) for call in ("put_object", "delete_object")],
        *[("s3", call, {"Bucket": OTHER_BUCKET, "Key": "raw/b3/x"}) for call in ("put_object", "get_object")],
        ("s3", "put_object", {"Bucket": HOST_BUCKET, "Key": "release", "Body": b"x"}),
        ("s3", "put_object", {"Bucket": HOST_BUCKET, "Key": "releases/0/x", "Body": b"x"}),
        ("s3", "get_object", {"Bucket": ATHENA_BUCKET, "Key": "results/x"}),
        ("glue", "get_table", {"DatabaseName": "other_database", "Name": RAW_TABLE}),
        ("glue", "delete_table", {"DatabaseName": DATABASE, "Name": RAW_TABLE}),
        ("glue", "start_job_run", {"JobName": "tech_challenge2_tfdev_refine_job"}),
        ("iam", "list_roles", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_host_may_do_no_more(host, service, call, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(host.client(service), call)(**arguments)
    assert caught.value.response["Error"]["Code"] in REFUSED, caught.value
