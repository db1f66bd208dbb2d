"""The host's report of a run: a metric, a log, and its own end."""

import json
import runpy

import pytest

from devlake import paths
from tests.terraform.host_box import HostBox, make_host_box

HOST = paths.ROOT / "terraform" / "host"
LOG_EVENTS = runpy.run_path(str(HOST / "log_events.py"))


def entry(second: int, message: object) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": str(second * 1_000_000), "MESSAGE": message})


def test_journal_entries_become_log_events():
    lines = [entry(1, "PETR4: 7 of 7"), entry(2, ""), entry(3, [0xC3, 0xA7, 0xFF])]
    assert LOG_EVENTS["to_log_events"](lines) == [
        {"timestamp": 1000, "message": "PETR4: 7 of 7"},
        {"timestamp": 3000, "message": "ç\N{REPLACEMENT CHARACTER}"},
    ]


def test_the_newest_events_that_fit_are_kept():
    many = LOG_EVENTS["to_log_events"](entry(second, "x") for second in range(10_010))
    assert (len(many), many[0]["timestamp"], many[-1]["timestamp"]) == (10_000, 10_000, 10_009_000)
    long = LOG_EVENTS["to_log_events"](entry(second, "ç" * 100_000) for second in range(9))
    assert [event["timestamp"] for event in long] == [4000, 5000, 6000, 7000, 8000]


def test_odd_entries_take_nothing_with_them():
    lines = [
        entry(1, "first"),
        "no JSON",
        "[]",
        json.dumps({"__REALTIME_TIMESTAMP": "2000000"}),
        json.dumps({"MESSAGE": "no time"}),
        entry(3, None),
        entry(4, ["once", "twice", [0x61]]),
        entry(5, "é" * 600_000),
        entry(6, "\ud800"),
    ]
    first, twice, cut, lone = LOG_EVENTS["to_log_events"](lines)
    assert first == {"timestamp": 1000, "message": "first"}
    assert twice == {"timestamp": 4000, "message": "once\ntwice\na"}
    assert cut["message"].startswith("é" * 131_000)
    assert cut["message"].endswith("é ... (cut)")
    assert len(cut["message"].encode()) <= 262_144 - 26
    assert lone == {"timestamp": 6000, "message": "?"}


def make_box(folder, aws_environment) -> HostBox:
    """A host whose release is this checkout's."""
    box = make_host_box(folder, aws_environment)
    (box.folder / "host").mkdir()
    for name in ("report_run.sh", "log_events.py"):
        (box.folder / "host" / name).symlink_to(HOST / name)
    (box.folder / "ec2").symlink_to(paths.ROOT / "ec2")
    return box


@pytest.fixture
def box(tmp_path, aws_environment) -> HostBox:
    return make_box(tmp_path, aws_environment)


def report(
    box: HostBox, *, log_group: str = "", stop: bool = False, env: str, more: str = "", **environment: str
) -> str:
    """Run report_run.sh as systemd does; returns what it said."""
    settings = {"METRIC_NAMESPACE": "B3Lake", "LAKE_ENV": env, "LOG_GROUP": log_group}
    settings |= {"STOP_AFTER_RUN": str(stop).lower()}
    lines = [f'{name}="{value}"\n' for name, value in settings.items()]
    (box.folder / "ingestion.env").write_text(more + "".join(lines), encoding="utf-8")
    done = box.run("bash", box.folder / "host" / "report_run.sh", **environment)
    return done.stdout + done.stderr


def failed_runs(client, env: str) -> list[float]:
    data = client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "runs", "MetricStat": {
            "Metric": {"Namespace": "B3Lake", "MetricName": "FailedRuns",
                       "Dimensions": [{"Name": "Environment", "Value": env}]},
            "Period": 3600, "Stat": "Maximum"}}],
        StartTime="2020-01-01T00:00:00Z", EndTime="2100-01-01T00:00:00Z",
    )  # fmt: skip
    return data["MetricDataResults"][0]["Values"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("result", "update", "told"),
    [
        ("success", "went well", (0.0, "")),
        ("exit-code", "went well", (1.0, "The ingestion failed: exit-code, exit status 3.")),
        ("success", "failed", (1.0, "with an old release")),
    ],
)
def test_a_run_puts_one_value(box, client, result, update, told):
    env, (value, words) = f"{result}-{update[0]}", told
    if update == "failed":
        (box.folder / "update-failed").touch()
    said = report(box, env=env, SERVICE_RESULT=result, EXIT_STATUS="3")
    assert words in said
    assert (said == "") == (words == "")
    assert failed_runs(client, env) == [value]


@pytest.mark.slow
def test_log_goes_to_cloudwatch_and_the_host_off(box, client):
    logs = client("logs")
    logs.create_log_group(logGroupName="/b3-lake/report/ingestion")
    (box.folder / "journal").write_text(entry(1_700_000_000, "PETR4: 7 of 7") + "\n", encoding="utf-8")
    report(box, env="report", log_group="/b3-lake/report/ingestion", stop=True, SERVICE_RESULT="success",
           INVOCATION_ID="0123456789abcdef")  # fmt: skip
    (stream,) = logs.describe_log_streams(logGroupName="/b3-lake/report/ingestion")["logStreams"]
    events = logs.get_log_events(
        logGroupName="/b3-lake/report/ingestion", logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    assert [(event["timestamp"], event["message"]) for event in events] == [(1_700_000_000_000, "PETR4: 7 of 7")]
    assert stream["logStreamName"].endswith("-01234567")
    assert "systemctl poweroff --no-block" in box.calls()


@pytest.mark.slow
def test_host_stays_on_for_whoever_is_logged_in(box):
    (box.folder / "logged-in").write_text("ec2-user pts/0\n", encoding="utf-8")
    assert "stays on" in report(box, env="login", stop=True, SERVICE_RESULT="success")
    assert not any("poweroff" in call for call in box.calls())


@pytest.mark.slow
def test_settings_are_read_as_the_ingestion_reads_them(box, client, tmp_path):
    wrong = f"PYTHONPATH={tmp_path}\nTICKERS=$(touch {tmp_path}/ran)\r\nPATH=/nowhere\nLD_PRELOAD=/x\n"
    wrong += "export LAKE_ENV='as-text'\r\nLOG_GROUP=\"\n"
    said = report(box, env="another", more=wrong, SERVICE_RESULT="success")
    assert [line.partition("ingestion.env, ")[2] for line in said.splitlines()] == [
        "line 1: PYTHONPATH is not taken from a file of settings.",
        "line 3: PATH is not taken from a file of settings.",
        "line 4: LD_PRELOAD is not taken from a file of settings.",
        "line 6: a quotation mark too many or too few in the value of LOG_GROUP: it is left out.",
        "line 8: LAKE_ENV is there twice, and the first counts: remove one.",
        "",
    ]
    assert said.endswith("The report goes on with the settings that could be read.\n")
    assert not (tmp_path / "ran").exists()
    assert (failed_runs(client, "as-text"), failed_runs(client, "another")) == ([0.0], [])


@pytest.mark.slow
def test_what_cannot_be_told_fails_nothing(tmp_path):
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "test",
               "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}  # fmt: skip
    box = make_box(tmp_path, nowhere)
    said = report(box, env="nowhere", stop=True, SERVICE_RESULT="success")
    assert "could not be put to CloudWatch" in said
    assert "systemctl poweroff --no-block" in box.calls()
