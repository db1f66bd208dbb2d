"""The command line: what is understood, what is ignored, and what is refused in one sentence."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from b3lake.refine.arguments import parse_arguments
from b3lake.refine.config import Connection, Place, Scope
from b3lake.refine.errors import RefineError
from b3lake.refine.partitions import day_number

JOB_FILE = Path(__file__).parents[2] / "glue" / "refine_job.py"
REQUIRED = ["--raw_uri", "s3://b/raw/b3", "--refined_uri", "s3://b/refined/b3/", "--database", "d", "--table", "t"]
# What Glue itself adds to a job's arguments.
OF_GLUE = [
    "--JOB_NAME", "refine", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--job-bookmark-option", "job-bookmark-disable",
    "--TempDir", "s3://b/tmp/", "--enable-metrics", "true", "--additional-python-modules", "obstore==0.11.1",
]  # fmt: skip


IN_A_REGION = {"AWS_DEFAULT_REGION": "us-east-1"}


def refusal(*arguments: str, environment: Mapping[str, str] = IN_A_REGION) -> str:
    with pytest.raises(RefineError) as caught:
        parse_arguments(arguments, environment)
    return str(caught.value)


def test_the_least_that_is_needed_and_glues_own_arguments() -> None:
    job = parse_arguments([*OF_GLUE, *REQUIRED], IN_A_REGION)
    assert (job.raw, job.refined) == (Place("b", "raw/b3"), Place("b", "refined/b3"))
    assert (job.database, job.table, job.full, job.scope, job.history) == ("d", "t", False, Scope(), None)
    assert (job.history_table, job.lake_env, job.max_removed_share) == ("b3_daily_history", None, 0.05)
    assert job.connection == Connection("us-east-1", None, None)
    assert job.state.uri == "s3://b/state/refined/b3"


def test_everything_that_can_be_asked_for() -> None:
    more = ["--refine_mode", "full", "--start_date", "2024-01-02", "--end_date", "2024-02-01"]
    more += ["--tickers", "petr4.SA, VALE3,", "--lake_env", "dev", "--max_removed_share", "1"]
    more += ["--region", "sa-east-1", "--history_table", "h"]
    environment = {"AWS_ENDPOINT_URL": "http://x", "AWS_REGION": "us-west-2"}
    job = parse_arguments([*REQUIRED, *more, "--history_uri", "s3://b/history/b3"], environment)
    assert (job.full, job.lake_env, job.max_removed_share, job.connection.region) == (True, "dev", 1.0, "sa-east-1")
    assert job.scope == Scope(day_number(date(2024, 1, 2)), day_number(date(2024, 2, 1)), frozenset({"PETR4", "VALE3"}))
    assert (job.history, job.history_table) == (Place("b", "history/b3"), "h")
    assert (job.connection.s3_endpoint, job.connection.glue_endpoint) == ("http://x", "http://x")
    assert parse_arguments([*REQUIRED, "--history_uri", "off"], IN_A_REGION).history is None


def test_glue_s_own_mode_is_ignored_as_its_other_arguments_are() -> None:
    """AWS keeps --mode for itself: whatever it says there, it says nothing to this job."""
    assert not parse_arguments([*REQUIRED, "--mode", "full"], IN_A_REGION).full


def test_an_option_is_written_out() -> None:
    """One that is cut short is no option of this job's: Glue's own could begin so."""
    job = parse_arguments([*REQUIRED, "--refine", "full", "--ticker", "PETR4"], IN_A_REGION)
    assert (job.full, job.scope) == (False, Scope())


def test_bounds_that_meet_and_shares_at_both_ends() -> None:
    day = day_number(date(2024, 1, 2))
    of_a_day = parse_arguments([*REQUIRED, "--start_date", "2024-01-02", "--end_date", "2024-01-02"], IN_A_REGION)
    assert of_a_day.scope == Scope(day, day)
    for one_bound, scope in (("--start_date", Scope(start=day)), ("--end_date", Scope(end=day))):
        assert parse_arguments([*REQUIRED, one_bound, "2024-01-02"], IN_A_REGION).scope == scope
    assert parse_arguments([*REQUIRED, "--max_removed_share", "0"], IN_A_REGION).max_removed_share == 0.0


RAW, REFINED, OWN = "s3://b/raw/b3", "s3://b/refined/b3", "s3://b/state/refined/b3"


@pytest.mark.parametrize(
    ("arguments", "name", "place", "other_name", "other"),
    [
        (["--refined_uri", RAW], "--raw_uri", RAW, "--refined_uri", RAW),
        (["--refined_uri", f"{RAW}/x"], "--raw_uri", RAW, "--refined_uri", f"{RAW}/x"),
        (["--refined_uri", "s3://b/raw"], "--raw_uri", RAW, "--refined_uri", "s3://b/raw"),
        (["--history_uri", f"{RAW}/x"], "--raw_uri", RAW, "--history_uri", f"{RAW}/x"),
        (["--history_uri", "s3://b/refined"], "--refined_uri", REFINED, "--history_uri", "s3://b/refined"),
        (["--raw_uri", OWN], "--raw_uri", OWN, "the job's own notes", OWN),
        (["--history_uri", f"{OWN}/x"], "--history_uri", f"{OWN}/x", "the job's own notes", OWN),
    ],
)
def test_no_place_lies_in_another(arguments: list[str], name: str, place: str, other_name: str, other: str) -> None:
    assert refusal(*REQUIRED, *arguments) == (
        f"{name} ({place}) and {other_name} ({other}) are the same place, or one is in the other: each must have one "
        "of its own."
    )


def test_places_side_by_side_are_taken() -> None:
    job = parse_arguments([*REQUIRED, "--history_uri", "s3://b/raw/b3-history"], IN_A_REGION)
    assert job.history == Place("b", "raw/b3-history")
    assert parse_arguments([*REQUIRED, "--history_uri", "s3://c/raw/b3"], IN_A_REGION).history == Place("c", "raw/b3")


HELP = """usage: refine_job.py [-h] --raw_uri RAW_URI --refined_uri REFINED_URI --database DATABASE --table TABLE
                     [--history_uri HISTORY_URI] [--history_table HISTORY_TABLE]
                     [--refine_mode {incremental,full}] [--start_date START_DATE] [--end_date END_DATE]
                     [--tickers TICKERS] [--max_removed_share MAX_REMOVED_SHARE] [--region REGION]
                     [--lake_env LAKE_ENV]

Refine the bronze quotes into one row per ticker and trade date.

options:
  -h, --help            show this help message and exit
  --raw_uri RAW_URI     s3://bucket/prefix of the bronze objects
  --refined_uri REFINED_URI
                        s3://bucket/prefix of the refined ones
  --database DATABASE   Glue database
  --table TABLE         Glue table of the refined objects
  --history_uri HISTORY_URI
                        s3://bucket/prefix of the history, or off
  --history_table HISTORY_TABLE
                        Glue table of the history
  --refine_mode {incremental,full}
  --start_date START_DATE
                        refine from this trade date on (YYYY-MM-DD)
  --end_date END_DATE   refine to this trade date, included (YYYY-MM-DD)
  --tickers TICKERS     refine these only: PETR4,VALE3
  --max_removed_share MAX_REMOVED_SHARE
                        remove no larger share of the refined rows than this (0 to 1, default 0.05)
  --region REGION       AWS region of the lake (default: AWS_REGION or AWS_DEFAULT_REGION)
  --lake_env LAKE_ENV   put the run's figures to CloudWatch, for this environment
"""


def test_the_help_says_what_each_option_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["--help"], {})
    assert (ended.value.code, capsys.readouterr().out) == (0, HELP)


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        ({"AWS_DEFAULT_REGION": "us-west-2", "AWS_REGION": "sa-east-1"}, "sa-east-1"),
        ({"AWS_DEFAULT_REGION": "us-west-2", "AWS_REGION": ""}, "us-west-2"),
    ],
)
def test_a_region_that_is_not_given_is_the_environment_s(environment: dict[str, str], region: str) -> None:
    assert parse_arguments(REQUIRED, environment).connection.region == region


def test_a_region_is_never_guessed() -> None:
    assert refusal(*REQUIRED, environment={"AWS_REGION": ""}) == (
        "The lake's region is not known: give --region, like us-east-1, or set AWS_DEFAULT_REGION."
    )


@pytest.mark.parametrize(
    ("environment", "s3", "glue"),
    [
        ({"AWS_ENDPOINT_URL": ""}, None, None),
        ({"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "", "AWS_ENDPOINT_URL_GLUE": ""}, None, None),
        ({"AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_S3": ""}, "http://x", "http://x"),
        ({"AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_GLUE": "http://y"}, "http://x", "http://y"),
    ],
)
def test_an_empty_endpoint_is_none(environment: dict[str, str], s3: str | None, glue: str | None) -> None:
    connection = parse_arguments(REQUIRED, IN_A_REGION | environment).connection
    assert (connection.s3_endpoint, connection.glue_endpoint) == (s3, glue)


def test_wrong_arguments_are_named() -> None:
    assert refusal(*REQUIRED[:2], *REQUIRED[6:]) == (
        "The following arguments are required: --refined_uri, --database. See --help."
    )
    assert refusal(*REQUIRED, "--start_date", "2024-13-01") == "'2024-13-01' is not a date of the form YYYY-MM-DD."
    assert refusal() == (
        "The following arguments are required: --raw_uri, --refined_uri, --database, --table. See --help."
    )
    assert (
        refusal(*REQUIRED, "--raw_uri", "raw/b3")
        == "'raw/b3' is not an address of the form s3://bucket/prefix: write it so."
    )
    reversed_dates = refusal(*REQUIRED, "--start_date", "2024-02-02", "--end_date", "2024-02-01")
    assert reversed_dates == "--start_date 2024-02-02 is after --end_date 2024-02-01: swap them."
    assert refusal(*REQUIRED, "--tickers", ",") == (
        "--tickers names none: give some, like PETR4,VALE3, or leave it out."
    )
    assert refusal(*REQUIRED, "--tickers", "PETR4,A B") == (
        "--tickers: 'A B' is not a B3 ticker: write it like PETR4, BPAC11 or ^BVSP."
    )
    for share in ("2", "-0.1", "five", "nan"):
        said = refusal(*REQUIRED, f"--max_removed_share={share}")
        assert said == f"--max_removed_share {share} is no share: give a number from 0 to 1."
    assert refusal(*REQUIRED, "--refine_mode", "fast").startswith("Argument --refine_mode: invalid choice: 'fast'")


def test_a_wrong_command_line_ends_with_one_sentence_and_no_stack_trace() -> None:
    done = subprocess.run(
        [sys.executable, JOB_FILE, "--database", "d"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "The refine job failed. The following arguments are required: --raw_uri, --refined_uri, --table. See --help."
    )
    assert "Traceback" not in done.stderr


def test_one_file_says_all(tmp_path: Path) -> None:
    """Glue gets this file alone: it runs from anywhere, without the repository."""
    copy = tmp_path / "script.py"
    copy.write_bytes(JOB_FILE.read_bytes())
    done = subprocess.run(
        [sys.executable, copy, "--help"], check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert "--history_uri" in done.stdout
