"""The template deployed into the AWS emulator by the SAM CLI: what is there is what the template says."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from devlake import paths
from devlake.emulator import ACCOUNT_ID, Emulator
from tests.template import deploy
from tests.template.read_template import Resolved, read_template

pytestmark = pytest.mark.slow

NAME = "tech-challenge2-stk"
PARAMETERS = {"Env": "stk", "AlarmEmail": "someone@example.com", "CreateDashboard": "true"}
ROLES = ("StartGlueJobRole", "RefineJobRole")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy.build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def deployed(emulator: Emulator, built: Path) -> Iterator[Emulator]:
    """The AWS emulator with the stack, deleted afterwards."""
    done = deploy.deploy(emulator, built, "dev", "--stack-name", NAME, parameters=PARAMETERS)
    assert done.returncode == 0, done.stdout
    yield emulator
    emulator.client("cloudformation").delete_stack(StackName=NAME)


@pytest.fixture(scope="module")
def said(deployed: Emulator) -> Resolved:
    """The template, worked out for what was deployed."""
    ids = deploy.physical_ids(deployed, NAME)
    queues = {"RawEventsQueue": f"{NAME}-raw-events", "RawEventsDeadLetterQueue": f"{NAME}-raw-events-dlq"}
    attributes = {(logical, "QueueName"): name for logical, name in queues.items()}
    attributes |= {(logical, "Arn"): f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:{name}" for logical, name in queues.items()}
    attributes |= {(role, "Arn"): f"arn:aws:iam::{ACCOUNT_ID}:role/{ids[role]}" for role in ROLES}
    attributes["RawBucket", "Arn"] = f"arn:aws:s3:::{ids['RawBucket']}"
    group = ids["StartGlueJobLogGroup"]
    attributes["StartGlueJobLogGroup", "Arn"] = f"arn:aws:logs:us-east-1:{ACCOUNT_ID}:log-group:{group}:*"
    return Resolved(PARAMETERS, ids, attributes)


def holds(found: Any, expected: Any) -> bool:
    """Whether `found` has all of `expected`; an answer may say more than was asked for."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and holds(found[name], expected[name]) for name in expected
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(holds, found, expected))
    return str(found) == str(expected) if isinstance(expected, int | float) else found == expected


def test_no_yaml_alias_reaches_cloudformation(deployed: Emulator, built: Path) -> None:
    """CloudFormation refuses aliases, which no emulator does: what SAM builds and uploads has none."""
    uploaded = deployed.client("cloudformation").get_template(StackName=NAME)["TemplateBody"]
    for text in (built.read_text(), uploaded if isinstance(uploaded, str) else json.dumps(uploaded)):
        assert not [event for event in yaml.parse(text) if isinstance(event, yaml.AliasEvent)]
    assert [event for event in yaml.parse(paths.TEMPLATE.read_text()) if isinstance(event, yaml.AliasEvent)]


def test_all_resources_are_created_and_no_other(deployed: Emulator, said: Resolved) -> None:
    assert set(deploy.physical_ids(deployed, NAME)) == {*said.resources(), "StartGlueJobFunctionRawEvents"}
    assert deploy.stack(deployed, NAME)["StackStatus"] == "CREATE_COMPLETE"


def test_the_bucket(deployed: Emulator, said: Resolved) -> None:
    s3, bucket = deployed.client("s3"), said.resource("RawBucket")
    name = f"tech-challenge2-stk-raw-{ACCOUNT_ID}"
    assert bucket["BucketName"] == name
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    wanted = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
    assert encryption["ApplyServerSideEncryptionByDefault"] == wanted
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == bucket["VersioningConfiguration"]["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert blocked == bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(blocked, True)
    owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"] == bucket["OwnershipControls"] == owner
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert policy == said.resource("RawBucketPolicy")["PolicyDocument"]


def test_the_notification(deployed: Emulator, said: Resolved) -> None:
    bucket = said.resource("RawBucket")
    found = deployed.client("s3").get_bucket_notification_configuration(Bucket=bucket["BucketName"])
    assert [
        (item["QueueArn"], item["Events"], item["Filter"]["Key"]["FilterRules"])
        for item in found["QueueConfigurations"]
    ] == [
        (item["Queue"], [item["Event"]], item["Filter"]["S3Key"]["Rules"])
        for item in bucket["NotificationConfiguration"]["QueueConfigurations"]
    ]


def test_the_queues(deployed: Emulator, said: Resolved) -> None:
    sqs, ids = deployed.client("sqs"), deploy.physical_ids(deployed, NAME)
    for logical in ("RawEventsQueue", "RawEventsDeadLetterQueue"):
        found = sqs.get_queue_attributes(QueueUrl=ids[logical], AttributeNames=["All"])["Attributes"]
        wanted = said.resource(logical)
        assert found["QueueArn"].endswith(f":{wanted.pop('QueueName')}")
        assert found["SqsManagedSseEnabled"] == str(wanted.pop("SqsManagedSseEnabled")).lower()
        if "RedrivePolicy" in wanted:
            assert json.loads(found["RedrivePolicy"]) == wanted.pop("RedrivePolicy")
            assert json.loads(found["Policy"]) == said.resource("RawEventsQueuePolicy")["PolicyDocument"]
        assert holds(found, wanted)


def test_the_function(deployed: Emulator, said: Resolved) -> None:
    wanted = said.resource("StartGlueJobFunction")
    client = deployed.client("lambda")
    found = client.get_function_configuration(FunctionName=wanted["FunctionName"])
    source = wanted.pop("Events")["RawEvents"]["Properties"]
    assert wanted.pop("CodeUri") == "functions/"
    assert holds(found, wanted)
    (mapping,) = client.list_event_source_mappings(FunctionName=wanted["FunctionName"])["EventSourceMappings"]
    assert mapping["EventSourceArn"] == source.pop("Queue")
    assert holds(mapping, source)


def test_log_groups_forget(deployed: Emulator, said: Resolved) -> None:
    groups = deployed.client("logs").describe_log_groups()["logGroups"]
    found = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    wanted = [said.resource(name) for name, kind in said.resources().items() if kind == "AWS::Logs::LogGroup"]
    assert len(wanted) == 4
    assert [found[group["LogGroupName"]] for group in wanted] == [30] * 4 == [int(g["RetentionInDays"]) for g in wanted]


def test_the_catalog(deployed: Emulator, said: Resolved) -> None:
    glue = deployed.client("glue")
    database = said.resource("GlueDatabase")["DatabaseInput"]
    assert holds(glue.get_database(Name="tech_challenge2_stk")["Database"], database)
    tables = [name for name, kind in said.resources().items() if kind == "AWS::Glue::Table"]
    for logical in tables:
        wanted = said.resource(logical)["TableInput"]
        assert holds(glue.get_table(DatabaseName=database["Name"], Name=wanted["Name"])["Table"], wanted)
    assert len(glue.get_tables(DatabaseName=database["Name"])["TableList"]) == len(tables)


def test_the_job_and_its_script(deployed: Emulator, said: Resolved) -> None:
    wanted = said.resource("RefineJob")
    found = deployed.client("glue").get_job(JobName=wanted["Name"])["Job"]
    script = wanted["Command"].pop("ScriptLocation")
    del wanted["ExecutionProperty"]  # the AWS emulator keeps none
    assert holds(found, wanted)
    bucket, key = found["Command"]["ScriptLocation"].removeprefix("s3://").split("/", 1)
    uploaded = deployed.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert uploaded == Path(script).read_bytes()
    assert key.startswith("tech-challenge2-dev/")


def test_the_roles(deployed: Emulator, said: Resolved) -> None:
    iam, ids = deployed.client("iam"), deploy.physical_ids(deployed, NAME)
    for role in ROLES:
        wanted = said.resource(role)
        found = iam.get_role(RoleName=ids[role])["Role"]
        assert found["AssumeRolePolicyDocument"] == wanted["AssumeRolePolicyDocument"]
        assert iam.list_attached_role_policies(RoleName=ids[role])["AttachedPolicies"] == []
        names = iam.list_role_policies(RoleName=ids[role])["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=ids[role], PolicyName=name)["PolicyDocument"] for name in names]
        assert documents == [policy["PolicyDocument"] for policy in wanted["Policies"]]


def test_the_alarms(deployed: Emulator, said: Resolved) -> None:
    alarms = [said.resource(name) for name, kind in said.resources().items() if kind == "AWS::CloudWatch::Alarm"]
    names = [alarm["AlarmName"] for alarm in alarms]
    found = {a["AlarmName"]: a for a in deployed.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]}
    assert len(alarms) == len(found) == 6
    for alarm in alarms:
        assert float(alarm.pop("Threshold")) == found[alarm["AlarmName"]]["Threshold"]
        assert holds(found[alarm["AlarmName"]], alarm)


def test_the_dashboard(deployed: Emulator, said: Resolved) -> None:
    wanted = said.resource("Dashboard")
    found = deployed.client("cloudwatch").get_dashboard(DashboardName=wanted["DashboardName"])
    assert json.loads(found["DashboardBody"]) == json.loads(wanted["DashboardBody"])


def test_failed_runs_and_alarms_reach_the_address(deployed: Emulator, said: Resolved) -> None:
    events, rule = deployed.client("events"), said.resource("FailedRunRule")
    assert json.loads(events.describe_rule(Name=rule["Name"])["EventPattern"]) == rule["EventPattern"]
    assert events.list_targets_by_rule(Rule=rule["Name"])["Targets"] == rule["Targets"]
    sns, topic = deployed.client("sns"), said.resource("AlarmSubscription")["TopicArn"]
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "someone@example.com")
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy == said.resource("AlarmTopicPolicy")["PolicyDocument"]


def test_the_outputs(deployed: Emulator, said: Resolved) -> None:
    template = read_template()["Outputs"]
    shown = {name for name, item in template.items() if said.condition(item.get("Condition", "CreatesRoles"))}
    assert deploy.outputs(deployed, NAME) == {name: said.output(name) for name in shown}
    assert shown == set(template) - {"AttachNotificationCommand"}


def test_an_object_starts_the_job(deployed: Emulator) -> None:
    outputs = deploy.outputs(deployed, NAME)
    s3, glue = deployed.client("s3"), deployed.client("glue")
    s3.put_object(Bucket=outputs["RawBucketName"], Key="raw/b3/dt=2024-01-02/", Body=b"")
    s3.put_object(Bucket=outputs["RawBucketName"], Key="refined/b3/dt=2024-01-02/ticker=X/data.parquet", Body=b"x")
    time.sleep(1.5)
    assert glue.get_job_runs(JobName=outputs["RefineJobName"])["JobRuns"] == []
    s3.put_object(Bucket=outputs["RawBucketName"], Key="raw/b3/dt=2024-01-02/ticker=X/data.parquet", Body=b"x")
    deadline = time.monotonic() + 60
    while not (runs := glue.get_job_runs(JobName=outputs["RefineJobName"])["JobRuns"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(runs) == 1
    assert runs[0]["Arguments"]["--raw_uri"] == outputs["RawUri"]


INVOKE = """
import json, os, sys
from pathlib import Path
from devlake.emulator import Emulator
from devlake.invoke import invoke_function, read_event
aws = Emulator(sys.argv[1], 0, Path(), os.environ["AWS_SECRET_ACCESS_KEY"])
print(json.dumps(invoke_function(aws, "tech_challenge2_stk_start_glue_job", read_event(Path(sys.argv[2])))))
"""


def test_make_invoke_runs_the_handler_with_its_deployed_environment(deployed: Emulator) -> None:
    glue, job = deployed.client("glue"), "tech_challenge2_stk_refine_job"
    before = {run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]}
    command = [sys.executable, "-c", INVOKE, deployed.endpoint_url, "events/s3_put.json"]
    done = subprocess.run(command, cwd=paths.ROOT, text=True, capture_output=True, check=True)
    (new,) = {run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]} - before
    assert json.loads(done.stdout) == {"job_run_id": new, "objects": 1}


def test_make_invoke_says_when_there_is_no_such_event() -> None:
    command, event = [sys.executable, "-m", "devlake", "invoke"], {"EVENT": "events/none.json"}
    done = subprocess.run(command, cwd=paths.ROOT, env=os.environ | event, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert "events/none.json is no event to send" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_second_deploy_changes_nothing_and_an_update_changes_what_it_says(deployed: Emulator, built: Path) -> None:
    events = deployed.client("cloudformation").describe_stack_events
    before = len(events(StackName=NAME)["StackEvents"])
    again = deploy.deploy(deployed, built, "dev", "--stack-name", NAME, parameters=PARAMETERS)
    assert (again.returncode, "No changes to deploy" in again.stdout) == (0, True), again.stdout
    assert len(events(StackName=NAME)["StackEvents"]) == before

    changed = PARAMETERS | {"GlueVersion": "5.1", "GlueNumberOfWorkers": "5", "LogRetentionDays": "7"}
    deploy.apply(deployed, NAME, changed, packaged_as=NAME)
    assert deploy.stack(deployed, NAME)["StackStatus"] == "UPDATE_COMPLETE"
    job = deployed.client("glue").get_job(JobName="tech_challenge2_stk_refine_job")["Job"]
    modules = read_template()["Mappings"]["Glue"]["5.1"]["PythonModules"]
    assert (job["GlueVersion"], int(job["NumberOfWorkers"])) == ("5.1", 5)
    assert job["DefaultArguments"]["--additional-python-modules"] == modules
    group = "/aws/lambda/tech_challenge2_stk_start_glue_job"
    (found,) = deployed.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 7

    deploy.apply(deployed, NAME, PARAMETERS | {"GlueVersion": "4.0"}, packaged_as=NAME)
    job = deployed.client("glue").get_job(JobName="tech_challenge2_stk_refine_job")["Job"]
    modules = read_template()["Mappings"]["Glue"]["4.0"]["PythonModules"]
    assert (job["GlueVersion"], job["DefaultArguments"]["--additional-python-modules"]) == ("4.0", modules)


def test_the_lab_deploys_without_a_role_and_deletes(emulator: Emulator, built: Path) -> None:
    iam, name = emulator.client("iam"), "tech-challenge2-lab"
    roles = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    done = deploy.deploy(emulator, built, "lab")
    assert done.returncode == 0, done.stdout
    assert {role["RoleName"] for role in iam.list_roles()["Roles"]} == roles
    ids, lab_role = deploy.physical_ids(emulator, name), f"arn:aws:iam::{ACCOUNT_ID}:role/LabRole"
    assert emulator.client("glue").get_job(JobName=ids["RefineJob"])["Job"]["Role"] == lab_role
    function = emulator.client("lambda").get_function_configuration(FunctionName=ids["StartGlueJobFunction"])
    assert function["Role"] == lab_role

    emulator.client("cloudformation").delete_stack(StackName=name)
    with pytest.raises(ClientError, match="does not exist"):
        deploy.stack(emulator, name)
    with pytest.raises(ClientError, match="404"):
        emulator.client("s3").head_bucket(Bucket=ids["RawBucket"])
    with pytest.raises(ClientError, match="EntityNotFound"):
        emulator.client("glue").get_database(Name=ids["GlueDatabase"])
    assert emulator.client("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls", []) == []


def test_an_existing_bucket_is_left_alone_and_its_command_attaches_it(deployed: Emulator) -> None:
    s3, name = deployed.client("s3"), "tech-challenge2-own"
    s3.create_bucket(Bucket="my-own-quotes")
    parameters = {"Env": "own", "RawBucketName": "my-own-quotes", "UseExistingRawBucket": "true"}
    deploy.apply(deployed, name, parameters, packaged_as=NAME)
    assert "RawBucket" not in deploy.physical_ids(deployed, name)
    outputs = deploy.outputs(deployed, name)
    assert outputs["RawUri"] == "s3://my-own-quotes/raw/b3"

    command = shlex.split(outputs["AttachNotificationCommand"])
    assert command[:5] == ["aws", "s3api", "put-bucket-notification-configuration", "--bucket", "my-own-quotes"]
    s3.put_bucket_notification_configuration(Bucket=command[4], NotificationConfiguration=json.loads(command[6]))
    s3.put_object(Bucket="my-own-quotes", Key="raw/b3/dt=2024-01-02/ticker=X/data.parquet", Body=b"x")
    deadline = time.monotonic() + 60
    while not deployed.client("glue").get_job_runs(JobName=outputs["RefineJobName"])["JobRuns"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    deployed.client("cloudformation").delete_stack(StackName=name)
    s3.head_bucket(Bucket="my-own-quotes")


def test_a_missing_role_is_refused_by_sam_deploy_in_words(emulator: Emulator, built: Path) -> None:
    parameters = {"Env": "bad", "UseExistingIamRoles": "true"}
    done = deploy.deploy(emulator, built, "lab", "--stack-name", "bad", parameters=parameters)
    assert done.returncode == 1
    assert "UseExistingIamRoles=true needs the function's role: give LambdaRoleArn" in done.stdout


ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/x"
LAB = {"UseExistingIamRoles": "true", "ExistingRoleName": "LabRole"}


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"UseExistingIamRoles": "true", "GlueRoleArn": ARN}, "needs the function's role: give LambdaRoleArn"),
        ({"UseExistingIamRoles": "true", "LambdaRoleArn": ARN}, "needs the refine job's role: give GlueRoleArn"),
        ({"LambdaRoleArn": ARN}, "would be ignored: give UseExistingIamRoles=true"),
        ({"UseExistingRawBucket": "true"}, "needs RawBucketName"),
        ({"RawBucketKmsKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/1"}, "is for a bucket that is there already"),
        ({"RawBucketKmsKeyArn": "alias/quotes"}, "RawBucketKmsKeyArn"),
        ({"MonthlyBudgetUsd": "20"}, "needs AlarmEmail"),
        (LAB | {"GlueWorkerType": "G.2X"}, "allows no other GlueWorkerType than G.1X"),
        (LAB | {"GlueNumberOfWorkers": "11"}, "set GlueNumberOfWorkers to 10 or fewer"),
        ({"GlueVersion": "3.0"}, "GlueVersion"),
        ({"LambdaRoleArn": "LabRole", "UseExistingIamRoles": "true"}, "LambdaRoleArn"),
        ({"Env": "Has_Capitals"}, "Env"),
    ],
)
def test_wrong_parameters_are_refused(deployed: Emulator, parameters: dict[str, str], says: str) -> None:
    cloudformation = deployed.client("cloudformation")
    body = cloudformation.get_template(StackName=NAME)["TemplateBody"]
    with pytest.raises(ClientError, match=says):
        cloudformation.create_change_set(
            StackName="tech-challenge2-bad",
            ChangeSetName="bad",
            ChangeSetType="CREATE",
            TemplateBody=body if isinstance(body, str) else json.dumps(body),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
