"""Two stacks, default and lab, applied, changed and destroyed for real, and a host that follows the default one."""

import base64
import datetime as dt
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from b3lake.lake.calendar import FINAL_AT
from devlake.emulator import ACCOUNT_ID
from devlake.fake_http import serving
from devlake.fake_yahoo import FakeYahoo
from tests.terraform.host_box import HostBox, make_host_box
from tests.terraform.stack_life import what_is_left
from tests.terraform.terraform_cli import Terraform

pytestmark = pytest.mark.slow

RAW_BUCKET = f"tech-challenge2-tfdev-raw-{ACCOUNT_ID}"
DATABASE = "tech_challenge2_tfdev"
UNITS = ("b3-ingestion.service", "b3-ingestion.timer", "b3-update.service", "b3-update.timer")


@pytest.fixture(scope="module")
def terraform(stacks) -> Terraform:
    return stacks["default"].wait()


@pytest.fixture(scope="module")
def box(tmp_path_factory, aws_environment) -> HostBox:
    return make_host_box(tmp_path_factory.mktemp("host"), aws_environment)


@pytest.fixture(scope="module")
def user_data(terraform, client, tmp_path_factory) -> Path:
    """The script that the instance was really given for its first boot."""
    instance = terraform.outputs()["instance_id"]
    given = client("ec2").describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    script = tmp_path_factory.mktemp("user-data") / "user_data.sh"
    script.write_bytes(base64.b64decode(given))
    return script


def test_a_second_plan_has_nothing_to_do(terraform):
    code, text = terraform.plan_exit_code()
    assert code == 0, text


def test_a_second_environment_does_not_replace_the_first(terraform):
    """In the same state it is refused in words; in a workspace of its own it is planned from nothing."""
    refused = terraform.run("plan", "-input=false", "-no-color", "-var=env=tfother", accept=(1,)).stderr
    assert "This state holds the environment tfdev, which would be replaced." in " ".join(refused.split())
    assert "terraform workspace new tfother" in " ".join(refused.split())
    terraform.run("workspace", "new", "-no-color", "tfother")
    try:
        planned = terraform.run("plan", "-input=false", "-no-color", "-var=env=tfother").stdout
        assert " 0 to change, 0 to destroy." in planned
    finally:
        terraform.run("workspace", "select", "-no-color", "default")
    assert terraform.plan_exit_code()[0] == 0


def test_everything_is_tagged_but_the_instance_profile(terraform):
    resources = json.loads(terraform.run("state", "pull").stdout)["resources"]
    taggable = {
        (resource["type"], resource["name"]): instance["attributes"]["tags"] or {}
        for resource in resources
        for instance in resource["instances"]
        if resource["mode"] == "managed" and "tags" in instance["attributes"]
    }
    assert taggable.pop(("aws_iam_instance_profile", "host")) == {}
    assert len(taggable) > 8
    for resource, tags in taggable.items():
        assert (tags.get("Project"), tags.get("Environment")) == ("b3-lake", "tfdev"), resource


@pytest.mark.parametrize("which", ["athena", "host"])
def test_its_buckets_are_private(terraform, client, which):
    s3, bucket = client("s3"), f"tech-challenge2-tfdev-{which}-{ACCOUNT_ID}"
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert blocked == dict.fromkeys(flags, True)
    owner = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert statement | {"Sid": ""} == {
        "Sid": "",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_named_queries_are_the_sql_files(terraform, client):
    athena = client("athena")
    ids = athena.list_named_queries(WorkGroup="tech_challenge2_tfdev_wg")["NamedQueryIds"]
    found = {one["Name"]: one for one in (athena.get_named_query(NamedQueryId=id_)["NamedQuery"] for id_ in ids)}
    files = {file.stem: file.read_text(encoding="utf-8") for file in (terraform.project / "queries").glob("*.sql")}
    assert {name: one["QueryString"] for name, one in found.items()} == files
    assert {one["Database"] for one in found.values()} <= {"tech_challenge2_tfdev"}


def test_shellcheck_has_nothing_to_say_of_user_data(user_data, shellcheck):
    done = subprocess.run([shellcheck, user_data], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_first_boot_makes_the_host(terraform, user_data, box, client):
    box.run("bash", user_data)

    # From here on, silence is told of.
    assert failed_runs(client, "tfdev") == [0.0]

    calls = box.calls()
    assert calls[0] == "dnf install --assumeyes --quiet python3.11 python3.11-pip"
    assert calls[1:] == [
        "systemctl daemon-reload",
        "systemctl restart systemd-journald.service",
        "systemctl enable b3-ingestion.timer",
        "systemctl restart b3-ingestion.timer",
        "systemctl enable b3-update.timer",
        "systemctl restart b3-update.timer",
    ]
    assert box.current.resolve().name == terraform.outputs()["release"]
    shipped = box.current / "ec2"
    for file in (terraform.project / "ec2").rglob("*"):
        if file.is_file():
            assert (shipped / file.relative_to(terraform.project / "ec2")).read_bytes() == file.read_bytes()
    told = box.run(box.python, "-c", "import b3lake, yfinance; print(b3lake.__path__[0])").stdout
    installed = Path(told.strip()).resolve()
    assert installed.is_relative_to((box.current / ".venvs/tech").resolve())
    for folder, copy in (("b3lake", installed), ("queries", installed / "queries")):
        for file in (terraform.project / folder).rglob("*.*"):
            name = file.relative_to(terraform.project / folder)
            assert file.is_dir() or (copy / name).read_bytes() == file.read_bytes()


def test_environment_file_has_the_settings(box):
    lines = (box.current / "ingestion.env").read_text(encoding="utf-8").splitlines()
    assert {'RAW_BUCKET="tech-challenge2-tfdev-raw-123456789012"', 'GLUE_DATABASE="tech_challenge2_tfdev"',
            'START_DATE=""', 'END_DATE=""', 'LAKE_ENV="tfdev"', 'STOP_AFTER_RUN="true"'} <= set(lines)  # fmt: skip


def test_systemd_takes_the_units(box, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    # A root of its own, where the programs are at the paths that the units name.
    root = tmp_path / "root"
    shutil.copytree(box.systemd, root / "etc/systemd")
    shutil.copytree(box.current, root / "opt/b3-lake/current", ignore=shutil.ignore_patterns(".venvs"))
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    command = [analyze, "verify", "--man=no", f"--root={root}", *UNITS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_timer_runs_once_the_session_is_final(box):
    timer = (box.systemd / "system/b3-ingestion.timer").read_text(encoding="utf-8")
    calendar = next(line.partition("=")[2] for line in timer.splitlines() if line.startswith("OnCalendar="))
    assert calendar == "Mon..Fri *-*-* 20:15:00 America/Sao_Paulo"
    assert calendar.split()[2] >= FINAL_AT.isoformat()
    assert "Persistent=true" in timer


def test_the_daily_run_fills_the_raw_bucket_and_the_catalog(box, client):
    client("s3").create_bucket(Bucket=RAW_BUCKET)
    client("glue").create_database(DatabaseInput={"Name": DATABASE})
    settings = {"TICKERS": "PETR4,^BVSP", "START_DATE": "2024-01-02", "END_DATE": "2024-01-05"}

    with serving(FakeYahoo()) as url:
        settings |= {"B3LAKE_YAHOO_URL": url, "INGESTION_LOCK": str(box.root)}
        first, again = (box.run(box.current / "ec2/run_ingestion.sh", "--json", **settings).stdout for _ in range(2))

    assert [json.loads(text.splitlines()[-1])["summary"]["written"] for text in (first, again)] == [8, 0]
    found = client("s3").list_objects_v2(Bucket=RAW_BUCKET)["Contents"]
    days = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
    assert [one["Key"] for one in found] == [
        f"raw/b3/dt={day}/ticker={ticker}/data.parquet" for day in days for ticker in ("IBOV", "PETR4")
    ]
    partitions = client("glue").get_partitions(DatabaseName=DATABASE, TableName="b3_daily_quotes")["Partitions"]
    assert len(partitions) == 8


def test_a_changed_file_and_variable_reach_the_host_without_a_new_instance(terraform, box):
    before, outputs = box.current.resolve(), terraform.outputs()
    with (terraform.project / "ec2/fetch_b3_data.py").open("a", encoding="utf-8") as script:
        script.write("# changed\n")
    terraform.apply("schedule_time=21:30", 'tickers=["PETR4"]')

    assert terraform.outputs()["instance_id"] == outputs["instance_id"]
    assert "now follows release" in box.update(outputs["host_bucket"]).stdout
    assert (box.current / "ec2/fetch_b3_data.py").read_text(encoding="utf-8").endswith("# changed\n")
    assert 'TICKERS="PETR4"' in (box.current / "ingestion.env").read_text(encoding="utf-8")
    assert box.calls() == [
        "systemctl daemon-reload",
        "systemctl enable b3-ingestion.timer",
        "systemctl restart b3-ingestion.timer",
    ]
    assert "21:30:00" in (box.systemd / "system/b3-ingestion.timer").read_text(encoding="utf-8")
    # The release before is kept for a run that may still use it; the requirements are the same, and so the virtualenv.
    assert before.is_dir()
    assert len(list((box.root / "venvs").iterdir())) == 1


def test_a_first_boot_that_fails_says_so(user_data, client, aws_environment, tmp_path):
    box = make_host_box(tmp_path / "failing", aws_environment)
    (box.folder / "dnf-fails").touch()
    done = box.run("bash", user_data, fails=True)
    assert "could not be set up" in done.stderr
    assert 1.0 in failed_runs(client, "tfdev")


def failed_runs(client, env: str) -> list[float]:
    """The values of the metric FailedRuns that were put in the last hour, the highest of each second."""
    now = dt.datetime.now(dt.timezone.utc)
    found = client("cloudwatch").get_metric_statistics(
        Namespace="B3Lake",
        MetricName="FailedRuns",
        Dimensions=[{"Name": "Environment", "Value": env}],
        StartTime=now - dt.timedelta(hours=1),
        EndTime=now + dt.timedelta(hours=1),
        Period=1,
        Statistics=["Maximum"],
    )["Datapoints"]
    return [one["Maximum"] for one in sorted(found, key=lambda one: one["Timestamp"])]


def test_destroy_leaves_nothing(terraform, client):
    assert len(what_is_left(client, "tfdev")) > 5
    # What Athena has written, and nobody keeps, is in no way of it.
    client("s3").put_object(Bucket=f"tech-challenge2-tfdev-athena-{ACCOUNT_ID}", Key="results/one.csv", Body=b"1")
    assert "Destroy complete!" in terraform.destroy()
    assert terraform.resources() == []
    # The raw bucket is the SAM stack's, and so are its quotes: Terraform never touches it.
    assert what_is_left(client, "tfdev") == [RAW_BUCKET]


def test_lab_mode_comes_and_goes_without_iam(stacks, client):
    terraform = stacks["lab"].wait()
    assert [
        address for address in terraform.resources() if ".aws_iam" in address or address.startswith("aws_iam")
    ] == []
    code, text = terraform.plan_exit_code()
    assert code == 0, text
    instance = client("ec2").describe_instances(InstanceIds=[terraform.outputs()["instance_id"]])
    profile = instance["Reservations"][0]["Instances"][0]["IamInstanceProfile"]["Arn"]
    assert profile.endswith(":instance-profile/LabInstanceProfile")
    schedule = client("scheduler").get_schedule(Name="tech-challenge2-tflab-start-ingestion-host")
    assert schedule["ScheduleExpression"] == "cron(15 20 ? * MON-FRI *)"
    assert schedule["Target"]["RoleArn"].endswith(":role/LabRole")

    assert "Destroy complete!" in terraform.destroy()
    assert what_is_left(client, "tflab") == []
