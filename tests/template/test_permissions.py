"""Least privilege, tried out: with IAM enforced, each role does what its code does, and is refused everything else."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from devlake.aws_environment import REGION
from devlake.emulator import ACCOUNT_ID, Emulator, running
from devlake.run_glue import spark_environment
from functions.start_glue_job import coalesce
from functions.start_glue_job.refine_runs import RefineRuns
from tests.template import deploy
from tests.trigger.models import EPOCH, message

pytestmark = pytest.mark.slow

NAME = "tech-challenge2-dev"
BUCKET = f"tech-challenge2-dev-raw-{ACCOUNT_ID}"
DATABASE = "tech_challenge2_dev"
JOB = "tech_challenge2_dev_refine_job"
REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@dataclass(frozen=True)
class Role:
    """A role of the stack, as whoever has taken it on sees AWS."""

    arn: str
    endpoint_url: str
    credentials: dict[str, str]

    def client(self, service: str, *, over_tls: bool = True) -> Any:
        client = boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
        )
        if over_tls:  # the AWS emulator listens without TLS, and takes this header's word for it

            def say_so(request: Any, **_: Any) -> None:
                request.headers["x-forwarded-proto"] = "https"

            client.meta.events.register("before-sign", say_so)
        return client

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self.credentials["SessionToken"],
        }


@pytest.fixture(scope="module")
def strict_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS emulator that enforces IAM, with the stack and with things that are none of its roles' business."""
    with running(enforce_iam=True, seconds=600) as aws:
        done = deploy.deploy(aws, deploy.build(tmp_path_factory.mktemp("build")), "dev")
        assert done.returncode == 0, done.stdout
        aws.client("glue").create_job(Name="other_job", Role="arn:aws:iam::123456789012:role/x", Command={"Name": "x"})
        aws.client("glue").create_database(DatabaseInput={"Name": "other_database"})
        aws.client("sqs").create_queue(QueueName="other-queue")
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="other-bucket")
        for bucket, key in [
            ("other-bucket", "raw/b3/x"),
            (BUCKET, "private/x"),
            (BUCKET, "raw/b3/x"),
            (BUCKET, "refined/b3/x"),
        ]:
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        yield aws


def take_on(aws: Emulator, logical: str) -> Role:
    """The role's credentials; the account's root may take on any role here."""
    arn = aws.client("iam").get_role(RoleName=deploy.physical_ids(aws, NAME)[logical])["Role"]["Arn"]
    return Role(
        arn, aws.endpoint_url, aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    )


@pytest.fixture(scope="module")
def function_role(strict_aws: Emulator) -> Role:
    return take_on(strict_aws, "StartGlueJobRole")


@pytest.fixture(scope="module")
def job_role(strict_aws: Emulator) -> Role:
    return take_on(strict_aws, "RefineJobRole")


def assert_refused(call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] in REFUSED, caught.value


def test_the_roles_are_for_their_services_alone(strict_aws: Emulator, function_role: Role, job_role: Role) -> None:
    """A user of the account who may take on any role cannot take on these."""
    iam = strict_aws.client("iam")
    iam.create_user(UserName="somebody")
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="somebody", PolicyName="anything", PolicyDocument=json.dumps(anything))
    key = iam.create_access_key(UserName="somebody")["AccessKey"]
    sts = boto3.client(
        "sts",
        endpoint_url=strict_aws.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    for role in (function_role, job_role):
        assert_refused(sts.assume_role, RoleArn=role.arn, RoleSessionName="somebody")


# ---- the function ---------------------------------------------------------------------------------------------------


def test_an_object_starts_the_job_through_the_function_s_own_role(strict_aws: Emulator) -> None:
    glue = strict_aws.client("glue")
    strict_aws.client("s3").put_object(Bucket=BUCKET, Key="raw/b3/dt=2024-01-02/ticker=X/data.parquet", Body=b"x")
    deadline = time.monotonic() + 60
    while not glue.get_job_runs(JobName=JOB)["JobRuns"]:
        assert time.monotonic() < deadline, strict_aws.log.read_text()[-2000:]
        time.sleep(0.1)
    strict_aws.client("s3").delete_object(Bucket=BUCKET, Key="raw/b3/dt=2024-01-02/ticker=X/data.parquet")


def test_the_handler_has_what_it_needs(function_role: Role) -> None:
    runs = RefineRuns(function_role.client("glue"), JOB)
    assert runs.start()
    assert coalesce.start_for_messages([message(1, EPOCH)], runs, "raw/b3/") == {"batchItemFailures": []}


def test_lambda_can_take_events_and_log_for_it(strict_aws: Emulator, function_role: Role) -> None:
    sqs, logs = function_role.client("sqs"), function_role.client("logs")
    url = deploy.physical_ids(strict_aws, NAME)["RawEventsQueue"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sqs.receive_message(QueueUrl=url)
    group = {"logGroupName": "/aws/lambda/tech_challenge2_dev_start_glue_job", "logStreamName": "mine"}
    logs.create_log_stream(**group)
    logs.put_log_events(**group, logEvents=[{"timestamp": int(time.time() * 1000), "message": "x"}])


def test_the_function_is_refused_everything_else(strict_aws: Emulator, function_role: Role) -> None:
    ids = deploy.physical_ids(strict_aws, NAME)
    glue, sqs, s3 = (function_role.client(name) for name in ("glue", "sqs", "s3"))
    assert_refused(glue.start_job_run, JobName="other_job")
    assert_refused(glue.get_job_runs, JobName="other_job")
    assert_refused(glue.get_job, JobName=JOB)
    assert_refused(glue.delete_job, JobName=JOB)
    assert_refused(glue.get_table, DatabaseName=DATABASE, Name="b3_daily_quotes")
    assert_refused(sqs.receive_message, QueueUrl=ids["RawEventsDeadLetterQueue"])
    assert_refused(sqs.receive_message, QueueUrl=ids["RawEventsQueue"].replace(f"{NAME}-raw-events", "other-queue"))
    assert_refused(sqs.send_message, QueueUrl=ids["RawEventsQueue"], MessageBody="x")
    assert_refused(sqs.purge_queue, QueueUrl=ids["RawEventsQueue"])
    assert_refused(s3.get_object, Bucket=BUCKET, Key="raw/b3/x")
    assert_refused(s3.put_object, Bucket=BUCKET, Key="raw/b3/x")
    assert_refused(s3.list_objects_v2, Bucket=BUCKET)
    assert_refused(function_role.client("iam").list_roles)
    group = {"logGroupName": "/aws-glue/jobs/tech_challenge2_dev_refine_job", "logStreamName": "x"}
    assert_refused(function_role.client("logs").create_log_stream, **group)


# ---- the job --------------------------------------------------------------------------------------------------------


def test_the_job_reads_raw_and_keeps_what_it_makes(job_role: Role) -> None:
    s3 = job_role.client("s3")
    for prefix in ("raw/b3", "refined/b3", "history/b3", "state/refined/b3"):
        s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")
    assert s3.get_object(Bucket=BUCKET, Key="raw/b3/x")["Body"].read() == b"x"
    for prefix in ("refined/b3", "history/b3", "state/refined/b3"):
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/x", Body=b"y")
        assert s3.get_object(Bucket=BUCKET, Key=f"{prefix}/x")["Body"].read() == b"y"
        s3.delete_object(Bucket=BUCKET, Key=f"{prefix}/x")


def test_the_job_is_refused_other_objects(strict_aws: Emulator, job_role: Role) -> None:
    s3 = job_role.client("s3")
    assert_refused(s3.put_object, Bucket=BUCKET, Key="raw/b3/x", Body=b"y")
    assert_refused(s3.delete_object, Bucket=BUCKET, Key="raw/b3/x")
    assert_refused(s3.get_object, Bucket=BUCKET, Key="private/x")
    assert_refused(s3.put_object, Bucket=BUCKET, Key="private/x", Body=b"y")
    assert_refused(s3.delete_object, Bucket=BUCKET, Key="private/x")
    assert_refused(s3.list_objects_v2, Bucket=BUCKET, Prefix="private/")
    assert_refused(s3.get_object, Bucket="other-bucket", Key="raw/b3/x")
    assert_refused(s3.put_object, Bucket="other-bucket", Key="refined/b3/x", Body=b"y")
    assert_refused(s3.list_objects_v2, Bucket="other-bucket", Prefix="raw/b3/")
    assert_refused(s3.put_bucket_versioning, Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert_refused(s3.delete_bucket, Bucket=BUCKET)


def test_the_job_reads_its_own_script_only(strict_aws: Emulator, job_role: Role) -> None:
    bucket, key = script_location(strict_aws)
    strict_aws.client("s3").put_object(Bucket=bucket, Key="tech-challenge2-prod/x", Body=b"x")
    s3 = job_role.client("s3")
    assert b"refine" in s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert_refused(s3.put_object, Bucket=bucket, Key=key, Body=b"x")
    assert_refused(s3.get_object, Bucket=bucket, Key="tech-challenge2-prod/x")


def script_location(aws: Emulator) -> tuple[str, str]:
    location = aws.client("glue").get_job(JobName=JOB)["Job"]["Command"]["ScriptLocation"]
    bucket, key = location.removeprefix("s3://").split("/", 1)
    return bucket, key


def test_nobody_reads_the_lake_without_tls(job_role: Role) -> None:
    s3 = job_role.client("s3", over_tls=False)
    assert_refused(s3.get_object, Bucket=BUCKET, Key="raw/b3/x")


def test_the_job_is_refused_other_services(job_role: Role) -> None:
    glue = job_role.client("glue")
    assert_refused(glue.start_job_run, JobName=JOB)
    assert_refused(glue.get_table, DatabaseName="other_database", Name="x")
    assert_refused(glue.batch_create_partition, DatabaseName="other_database", TableName="x", PartitionInputList=[])
    assert_refused(glue.delete_table, DatabaseName=DATABASE, Name="b3_daily_quotes_refined")
    assert_refused(glue.create_database, DatabaseInput={"Name": "mine"})
    assert_refused(job_role.client("sqs").list_queues)
    assert_refused(job_role.client("iam").list_roles)
    logs = job_role.client("logs")
    logs.create_log_stream(logGroupName="/aws-glue/jobs/tech_challenge2_dev_refine_job", logStreamName="x")
    function_s_group = "/aws/lambda/tech_challenge2_dev_start_glue_job"
    assert_refused(logs.create_log_stream, logGroupName=function_s_group, logStreamName="x")


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("glue:GetTable", "b3_daily_quotes_refined", "allowed"),
        ("glue:BatchCreatePartition", "b3_daily_quotes_refined", "allowed"),
        ("glue:BatchDeletePartition", "b3_daily_quotes_refined", "allowed"),
        ("glue:BatchCreatePartition", "b3_daily_history", "allowed"),
        ("glue:BatchCreatePartition", "b3_daily_quotes", "implicitDeny"),
        ("glue:BatchDeletePartition", "b3_daily_quotes", "implicitDeny"),
        ("glue:GetPartitions", "b3_daily_quotes_refined", "allowed"),
        ("glue:GetPartitions", "b3_daily_quotes", "implicitDeny"),
        ("glue:UpdateTable", "b3_daily_quotes_refined", "allowed"),
        ("glue:UpdateTable", "b3_daily_quotes", "implicitDeny"),
        ("glue:BatchUpdatePartition", "b3_daily_history", "allowed"),
        ("glue:BatchUpdatePartition", "b3_daily_quotes", "implicitDeny"),
        ("glue:DeleteTable", "b3_daily_quotes_refined", "implicitDeny"),
    ],
)
def test_the_job_writes_to_its_own_tables_only(
    strict_aws: Emulator, job_role: Role, action: str, resource: str, decision: str
) -> None:
    """Simulated: on a call the AWS emulator checks the database and no table."""
    (found,) = strict_aws.client("iam").simulate_principal_policy(
        PolicySourceArn=job_role.arn,
        ActionNames=[action],
        ResourceArns=[f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:table/{DATABASE}/{resource}"],
    )["EvaluationResults"]
    assert found["EvalDecision"] == decision


def test_the_real_job_runs_with_its_own_role(strict_aws: Emulator, job_role: Role, tmp_path: Path) -> None:
    """In full mode, which asks for most. Last: it speaks plain HTTP to the emulator, for which the TLS policy goes."""
    from b3lake.lake.keys import raw_key
    from b3lake.lake.schemas import RAW_SCHEMA

    root = strict_aws.client("s3")
    root.delete_bucket_policy(Bucket=BUCKET)
    for key, body in raw_objects(RAW_SCHEMA, raw_key):
        root.put_object(Bucket=BUCKET, Key=key, Body=body)
    bucket, key = script_location(strict_aws)
    script = tmp_path / Path(key).name
    script.write_bytes(job_role.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    arguments = strict_aws.client("glue").get_job(JobName=JOB)["Job"]["DefaultArguments"] | {"--refine_mode": "full"}
    done = subprocess.run(
        [sys.executable, str(script), *(word for pair in arguments.items() for word in pair)],
        env=spark_environment(strict_aws, tmp_path) | job_role.environment(),
        text=True,
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1])["refined_partitions"] == 5
    partitions = strict_aws.client("glue").get_partitions(DatabaseName=DATABASE, TableName="b3_daily_quotes_refined")
    history = strict_aws.client("glue").get_partitions(DatabaseName=DATABASE, TableName="b3_daily_history")
    assert [partition["Values"] for partition in history["Partitions"]] == [["2024"]]
    days = sorted(partition["Values"] for partition in partitions["Partitions"])
    assert days == [[f"2024-01-0{day}", "PETR4"] for day in (1, 2, 3, 4, 5)]


def raw_objects(schema: Any, raw_key: Callable[..., str]) -> Iterator[tuple[str, bytes]]:
    """Five trade dates of one ticker, as the ingestion would write them."""
    import datetime as dt
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    for day in (dt.date(2024, 1, number) for number in (1, 2, 3, 4, 5)):
        values: dict[str, Any] = dict.fromkeys(schema.names, 1.0)
        values |= {
            "ts": dt.datetime.combine(day, dt.time(13)),
            "volume": 100,
            "trades": 7,
            "isin": None,
            "source": "test",
        }
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([values], schema=schema), sink)
        yield raw_key(day, "PETR4"), sink.getvalue()
