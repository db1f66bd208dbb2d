"""The template, compared with what the code says; nothing is started."""

import json
import re
from typing import Any

import pyarrow as pa
import pytest
import tomllib

from b3lake.ingest.doctor.figures import FINDINGS_METRIC, GAPS_METRIC
from b3lake.ingest.small_tables import SMALL_TABLES, SmallTable
from b3lake.lake import keys
from b3lake.lake.names import HISTORY_TABLE, METRIC_NAMESPACE, RAW_TABLE, REFINED_TABLE, Names
from b3lake.refine.figures import AGE_METRIC, METRICS
from devlake import paths
from devlake.emulator import ACCOUNT_ID
from functions.start_glue_job import s3_events
from functions.start_glue_job.app import CLIENT_CONFIG
from functions.start_glue_job.refine_runs import TRIES
from tests.template.read_template import Resolved, read_template

TEMPLATE = read_template()
RESOURCES = TEMPLATE["Resources"]
KINDS = {name: item["Type"] for name, item in RESOURCES.items()}
HIVE_TYPES = {
    pa.string(): "string",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
}


def properties(resource: str) -> dict[str, Any]:
    return RESOURCES[resource]["Properties"]


def granted(role: str, **parameters: str) -> list[dict[str, Any]]:
    """The statements of a role's policies, as they are deployed with these parameters."""
    arns = {(name, "Arn"): f"arn of {name}" for name in RESOURCES}
    policies = Resolved(parameters, {name: name for name in RESOURCES}, arns).value(properties(role)["Policies"])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def columns_of(table: str) -> dict[str, str]:
    return {c["Name"]: c["Type"] for c in properties(table)["TableInput"]["StorageDescriptor"]["Columns"]}


def partitions_of(table: str) -> dict[str, str]:
    return {key["Name"]: key["Type"] for key in properties(table)["TableInput"]["PartitionKeys"]}


def test_the_bronze_table_has_the_ingestion_s_columns() -> None:
    from b3lake.lake.schemas import PARTITION_TYPES, RAW_SCHEMA

    assert columns_of("RawTable") == {field.name: HIVE_TYPES[field.type] for field in RAW_SCHEMA}
    assert list(columns_of("RawTable")) == RAW_SCHEMA.names
    assert partitions_of("RawTable") == PARTITION_TYPES


def test_the_refined_table_has_the_job_s_columns() -> None:
    from b3lake.lake.schemas import PARTITION_TYPES, REFINED_SCHEMA

    assert columns_of("RefinedTable") == {field.name: HIVE_TYPES[field.type] for field in REFINED_SCHEMA}
    assert list(columns_of("RefinedTable")) == REFINED_SCHEMA.names
    assert partitions_of("RefinedTable") == PARTITION_TYPES


def test_the_history_table_has_the_job_s_columns() -> None:
    from b3lake.lake.schemas import HISTORY_SCHEMA, YEAR_PARTITION_TYPES

    assert columns_of("HistoryTable") == {field.name: HIVE_TYPES[field.type] for field in HISTORY_SCHEMA}
    assert list(columns_of("HistoryTable")) == HISTORY_SCHEMA.names
    assert partitions_of("HistoryTable") == YEAR_PARTITION_TYPES


@pytest.mark.parametrize("table", SMALL_TABLES, ids=lambda table: table.name)
def test_a_table_of_one_object_has_the_ingestion_s_columns(table: SmallTable) -> None:
    (logical,) = (
        name
        for name, kind in KINDS.items()
        if kind == "AWS::Glue::Table" and properties(name)["TableInput"]["Name"] == table.name
    )
    assert columns_of(logical) == {field.name: HIVE_TYPES[field.type] for field in table.schema}
    assert list(columns_of(logical)) == table.schema.names
    assert "PartitionKeys" not in properties(logical)["TableInput"]


def test_every_allowed_glue_version_has_pinned_modules() -> None:
    modules = TEMPLATE["Mappings"]["Glue"]
    assert set(modules) == set(TEMPLATE["Parameters"]["GlueVersion"]["AllowedValues"])
    for entry in modules.values():
        for module in entry["PythonModules"].split(","):
            assert re.fullmatch(r"[a-z-]+==[0-9.]+", module), module


def test_glue_4_s_modules_are_those_its_tests_run_with() -> None:
    tested = (paths.ROOT / "requirements" / "glue4.txt").read_text().splitlines()
    assert set(TEMPLATE["Mappings"]["Glue"]["4.0"]["PythonModules"].split(",")) <= set(tested)


def test_the_job_s_arguments_are_those_that_the_job_knows() -> None:
    from b3lake.refine.arguments import parse_arguments

    resolved = Resolved({}, {name: name for name in RESOURCES}, {})
    arguments = resolved.value(properties("RefineJob")["DefaultArguments"])
    given = [word for name, value in arguments.items() for word in (name, value)]
    job = parse_arguments(given, {})
    assert [job.raw.uri, job.refined.uri, job.history.uri] == [
        arguments[f"--{layer}_uri"] for layer in ("raw", "refined", "history")
    ]


def test_the_notification_reports_what_the_handler_reads() -> None:
    assert properties("StartGlueJobFunction")["Environment"]["Variables"]["RAW_PREFIX"] == f"{keys.RAW_PREFIX}/"
    configurations = properties("RawBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert [configuration["Event"] for configuration in configurations] == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    for configuration in configurations:
        rules = {rule["Name"]: rule["Value"] for rule in configuration["Filter"]["S3Key"]["Rules"]}
        assert rules == {"prefix": f"{keys.RAW_PREFIX}/", "suffix": s3_events.RAW_SUFFIX}
    assert keys.OBJECT_NAME.endswith(s3_events.RAW_SUFFIX)


@pytest.mark.parametrize("env", ["dev", "prod", "lab"])
def test_the_names_are_those_of_the_contract(env: str) -> None:
    names, resolved = Names(env), Resolved({"Env": env}, {name: name for name in RESOURCES}, {})
    assert parameters_of(env)["stack_name"] == names.prefix
    assert resolved.resource("RawBucket")["BucketName"] == names.raw_bucket(ACCOUNT_ID)
    assert resolved.value(properties("RawEventsQueue")["QueueName"]) == names.raw_events_queue
    assert resolved.value(properties("StartGlueJobFunction")["FunctionName"]) == names.start_glue_job
    assert resolved.value(properties("RefineJob")["Name"]) == names.refine_job
    assert resolved.value(properties("GlueDatabase")["DatabaseInput"]["Name"]) == names.database


def test_the_tables_are_those_of_the_contract_where_the_contract_has_them() -> None:
    resolved = Resolved({}, {name: name for name in RESOURCES}, {})
    tables = [resolved.resource(name)["TableInput"] for name, kind in KINDS.items() if kind == "AWS::Glue::Table"]
    bucket = f"s3://{Names().raw_bucket(ACCOUNT_ID)}"
    assert {table["Name"]: table["StorageDescriptor"]["Location"] for table in tables} == {
        RAW_TABLE: f"{bucket}/{keys.RAW_PREFIX}/",
        REFINED_TABLE: f"{bucket}/{keys.REFINED_PREFIX}/",
        HISTORY_TABLE: f"{bucket}/{keys.HISTORY_PREFIX}/",
        **{table.name: f"{bucket}/{table.prefix}/" for table in SMALL_TABLES},
    }


def test_the_job_may_touch_the_prefixes_of_the_contract_and_no_other() -> None:
    statements = {statement["Sid"]: statement for statement in granted("RefineJobRole")}
    bucket = f"arn:aws:s3:::{Names().raw_bucket(ACCOUNT_ID)}"
    own = [keys.REFINED_PREFIX, keys.HISTORY_PREFIX, keys.STATE_PREFIX]
    assert statements["ReadRaw"]["Resource"] == f"{bucket}/{keys.RAW_PREFIX}/*"
    assert statements["KeepRefinedAndCompactAndNotes"]["Resource"] == [f"{bucket}/{prefix}/*" for prefix in own]
    assert [
        prefix.rstrip("*/") for prefix in statements["ListTheLake"]["Condition"]["StringLikeIfExists"]["s3:prefix"]
    ] == [
        keys.RAW_PREFIX,
        *own,
    ]


def test_the_bucket_s_name_is_stated_once() -> None:
    assert paths.TEMPLATE.read_text().count("-raw-${AWS::AccountId}") == 1


def test_a_long_run_sends_no_event_to_the_dead_letter_queue() -> None:
    queue, job, function = properties("RawEventsQueue"), properties("RefineJob"), properties("StartGlueJobFunction")
    source = function["Events"]["RawEvents"]["Properties"]
    patience_seconds = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]
    # Glue retries nothing: the queue does, and knows which events a run was started for.
    assert job["MaxRetries"] == 0
    longest_run_seconds = job["Timeout"] * 60
    # The rest of the run that is on, a run of the event's own, and another when that one fails.
    assert patience_seconds > (1 + TRIES) * longest_run_seconds
    assert queue["MessageRetentionPeriod"] > patience_seconds
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + source["MaximumBatchingWindowInSeconds"]
    assert properties("OldestEventAlarm")["Threshold"] > TRIES * longest_run_seconds
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}


def test_the_handler_s_calls_fit_in_its_time() -> None:
    calls, tries = 2, CLIENT_CONFIG.retries["total_max_attempts"]
    assert calls * tries * (CLIENT_CONFIG.connect_timeout + CLIENT_CONFIG.read_timeout) < 30
    assert properties("StartGlueJobFunction")["Timeout"] == 30


@pytest.mark.parametrize("name", [name for name, item in RESOURCES.items() if item["Type"].startswith("AWS::IAM::")])
def test_every_iam_resource_is_left_out_with_existing_roles(name: str) -> None:
    assert RESOURCES[name]["Condition"] == "CreatesRoles"


def test_only_metrics_are_allowed_on_no_named_resource_and_only_in_two_namespaces() -> None:
    """This is not tried out: to the AWS emulator, a call that publishes metrics names no namespace."""
    statements = [statement for name, kind in KINDS.items() if kind == "AWS::IAM::Role" for statement in granted(name)]
    assert [s for s in statements if s["Resource"] == "*"] == [
        {
            "Sid": "Measure",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": ["B3Lake", "Glue"]}},
        }
    ]
    actions = [
        action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    ]
    assert not [action for action in actions if "*" in action]


def test_a_missing_object_is_told_from_a_forbidden_one() -> None:
    """S3 answers 404 only to who may list the bucket without a prefix; the AWS emulator always does."""
    (lists,) = [s for s in granted("RefineJobRole") if s["Action"] == "s3:ListBucket"]
    assert set(lists["Condition"]) == {"StringLikeIfExists"}


def test_eventbridge_may_publish_without_a_condition_and_alarms_with_one() -> None:
    """SNS refuses what EventBridge sends under a statement with a condition, and tells nobody."""
    resolved = Resolved({"AlarmEmail": "someone@example.com"}, {name: name for name in RESOURCES}, {})
    alarms, rule = resolved.resource("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}}
    assert rule["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in rule
    for statement in (alarms, rule):
        assert (statement["Action"], statement["Resource"]) == ("sns:Publish", "AlarmTopic")


def test_a_stack_keeps_the_environment_that_it_was_made_for() -> None:
    """SSM holds a parameter's value to its pattern; with another Env the stack's name does not fit."""
    for stack, env, fits in [("tech-challenge2-dev", "dev", True), ("tech-challenge2-dev", "test", False)]:
        guard = Resolved({"Env": env}, {"AWS::StackName": stack}, {}).resource("StackOfThisEnv")
        assert bool(re.search(guard["AllowedPattern"], guard["Value"])) is fits


@pytest.mark.parametrize("key", ["", f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/1234abcd"])
def test_the_job_may_use_the_key_of_an_existing_bucket(key: str) -> None:
    found = [one for one in granted("RefineJobRole", RawBucketKmsKeyArn=key) if one["Sid"] == "UseTheBucketsKey"]
    wanted = {"Sid": "UseTheBucketsKey", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"]}
    assert found == ([wanted | {"Resource": key}] if key else [])


def test_a_failed_run_is_told_of_in_one_json_string() -> None:
    """A body that is not JSON once the paths are filled in is not delivered."""
    (target,) = properties("FailedRunRule")["Targets"]
    transformer = target["InputTransformer"]
    text = transformer["InputTemplate"]
    for name in transformer["InputPathsMap"]:
        assert f"<{name}>" in text
        text = text.replace(f"<{name}>", "jr_1")
    assert json.loads(text).startswith("The Glue job jr_1 did not succeed: run jr_1 is jr_1.")


@pytest.mark.parametrize("name", ["UnreadableObjectsAlarm", "KeptRowsAlarm"])
def test_an_alarm_hears_what_the_job_puts(name: str) -> None:
    resolved = Resolved({}, {name: name for name in RESOURCES}, {})
    alarm, arguments = resolved.resource(name), resolved.value(properties("RefineJob")["DefaultArguments"])
    assert alarm["Namespace"] == METRIC_NAMESPACE
    assert alarm["MetricName"] in METRICS
    assert alarm["Dimensions"] == [{"Name": "Environment", "Value": arguments["--lake_env"]}]


def test_no_alarm_sounds_before_there_is_anything_to_measure() -> None:
    alarms = [properties(name) for name, kind in KINDS.items() if kind == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 6
    assert {alarm["TreatMissingData"] for alarm in alarms} == {"notBreaching", "ignore"}


def test_the_dashboard_shows_what_is_put_and_nothing_else() -> None:
    names = {"RawEventsQueue": "q", "RawEventsDeadLetterQueue": "dlq"}
    attributes = {(queue, "QueueName"): name for queue, name in names.items()}
    body = json.loads(Resolved({"Env": "test"}, {}, attributes).resource("Dashboard")["DashboardBody"])
    shown = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
    ours = {metric[1] for metric in shown if metric[0] == METRIC_NAMESPACE}
    assert ours == {*METRICS, AGE_METRIC, FINDINGS_METRIC, GAPS_METRIC, "FailedRuns"}
    assert {tuple(metric[2:]) for metric in shown if metric[0] == METRIC_NAMESPACE} == {("Environment", "test")}
    assert {metric[3] for metric in shown if metric[0] == "AWS/SQS"} == {"q", "dlq"}
    assert {metric[0] for metric in shown} == {METRIC_NAMESPACE, "AWS/SQS", "AWS/Billing"}


def test_nothing_publishes_metrics_that_nobody_asked_for() -> None:
    """--enable-metrics is on whatever its value, and each of its metrics is billed as a custom one."""
    assert [name for name in properties("RefineJob")["DefaultArguments"] if "metrics" in name] == []


def test_a_lab_needs_nothing_that_labs_forbid() -> None:
    kinds = Resolved(overrides("lab"), {}, {}).resources().values()
    services = {kind.split("::")[1] for kind in kinds}
    assert services == {"S3", "SQS", "Serverless", "Logs", "Glue", "CloudWatch", "SSM"}
    assert properties("StartGlueJobFunction").get("ReservedConcurrentExecutions") is None


def test_the_function_runs_as_the_lab_s_role() -> None:
    resolved = Resolved(overrides("lab"), {name: name for name in RESOURCES}, {})
    role = "arn:aws:iam::123456789012:role/LabRole"
    assert resolved.value(properties("StartGlueJobFunction")["Role"]) == role
    assert resolved.value(properties("RefineJob")["Role"]) == role


def test_named_arns_go_before_the_role_s_name() -> None:
    arns = {"LambdaRoleArn": "arn:aws:iam::123456789012:role/f", "GlueRoleArn": "arn:aws:iam::123456789012:role/j"}
    resolved = Resolved(overrides("lab") | arns, {name: name for name in RESOURCES}, {})
    assert resolved.value(properties("StartGlueJobFunction")["Role"]) == arns["LambdaRoleArn"]
    assert resolved.value(properties("RefineJob")["Role"]) == arns["GlueRoleArn"]


def overrides(environment: str) -> dict[str, str]:
    """An environment's parameters in samconfig.toml."""
    return dict(pair.split("=", 1) for pair in parameters_of(environment)["parameter_overrides"].split())


def parameters_of(environment: str) -> dict[str, Any]:
    """The settings that samconfig.toml has of an environment, for every command of SAM's alike."""
    return samconfig()[environment]["global"]["parameters"]


def samconfig() -> dict[str, Any]:
    return tomllib.loads((paths.ROOT / "samconfig.toml").read_text())


ENVIRONMENTS = [name for name in samconfig() if name != "version"]


def test_every_environment_holds_for_all_commands() -> None:
    """A setting of `deploy` alone leaves `sam sync`, say, with a script that the job's role may not read."""
    environments = samconfig()
    assert environments.pop("version") == 0.1
    assert list(environments)[:4] == ["default", "dev", "prod", "lab"], "the project's own, before those you add"
    assert {tuple(commands) for commands in environments.values()} == {("global",)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_deploys_under_its_own_name(environment: str) -> None:
    deploy = parameters_of(environment)
    env = overrides(environment)["Env"]
    assert env == {"default": "dev"}.get(environment, environment)
    # The job's role may read its script in this folder of the artifact bucket, and in no other.
    assert deploy["stack_name"] == deploy["s3_prefix"] == f"tech-challenge2-{env}"
    assert deploy["resolve_s3"] is True
    assert deploy["fail_on_empty_changeset"] is False
    assert deploy["lint"] is True
    assert deploy["tags"] == f"project=tech-challenge2 env={env}"
    if environment in {"default", "dev", "prod", "lab"}:
        assert deploy["confirm_changeset"] is (environment == "prod")
    assert set(overrides(environment)) <= set(TEMPLATE["Parameters"])


def test_plain_and_named_dev_are_the_same() -> None:
    assert parameters_of("default") == parameters_of("dev")


def test_every_parameter_and_output_is_described() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(TEMPLATE["Parameters"])
    for item in [*TEMPLATE["Parameters"].values(), *TEMPLATE["Outputs"].values()]:
        assert item["Description"]


def test_every_parameter_output_is_in_the_docs() -> None:
    page = (paths.ROOT / "docs" / "stack.md").read_text()
    for name in [*TEMPLATE["Parameters"], *TEMPLATE["Outputs"]]:
        assert f"`{name}`" in page, name


def test_nothing_of_the_stack_could_empty_its_bucket() -> None:
    """S3 deletes no bucket that holds anything, so the data stays unless a person empties it. (The emulator's does.)"""
    kinds = {resource["Type"] for resource in TEMPLATE["Resources"].values()}
    assert [kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))] == []
    text = paths.TEMPLATE.read_text(encoding="utf-8")
    assert re.findall(r"s3:\*|s3:Delete\w*\*?", text) == ["s3:*", "s3:DeleteObject"], "the first is denied without TLS"


def test_every_skipped_check_says_why() -> None:
    skips = [s for item in RESOURCES.values() for s in item.get("Metadata", {}).get("checkov", {}).get("skip", [])]
    assert skips
    assert all(len(skip["comment"]) > 20 for skip in skips)
