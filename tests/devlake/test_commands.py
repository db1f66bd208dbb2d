"""The commands behind the make targets: what is refused, in which words, and which lake is asked."""

import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from devlake import __main__ as commands
from devlake import emulator, local_lake, paths
from devlake.errors import DevLakeError
from devlake.ingest_quotes import Origin, choose_origin


@pytest.fixture(autouse=True)
def _no_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept lake of one's own: an empty folder."""
    monkeypatch.setattr(local_lake, "FOLDER", tmp_path)
    monkeypatch.setattr(local_lake, "_RECORD", tmp_path / "lake.json")
    monkeypatch.setattr(local_lake, "_PORT", tmp_path / "port")


def _run(command: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> int:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["local", command])
    return commands.main()


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("ingest", {}, "No lake is up: run `make up` first."),
        ("refine", {}, "No lake is up: run `make up` first."),
        ("report", {}, "No lake is up: run `make up` first."),
        ("query", {"SQL": "SELECT 1"}, "No lake is up: run `make up` first."),
        ("query", {}, "Say what to ask: make query SQL='SELECT …', or make query FILE=queries/latest_close.sql"),
        ("query", {"SQL": "SELECT 1", "FILE": "x.sql"}, "Say what to ask: make query SQL='SELECT …', or"),
        ("demo", {"LAKE_PORT": "http"}, "LAKE_PORT is 'http': give a port number from 1024 to 65535, or leave it out."),
        *(
            (
                "up",
                {"LAKE_BIND": text},
                f"LAKE_BIND is '{text}': give one address of this machine, such as that of Dock",
            )
            for text in ("0.0.0.0", "192.0.2.7", "docker0", "127.0.0.1:80")
        ),
        ("demo", {"LAKE_PORT": "80"}, "LAKE_PORT is '80': give a port number from 1024 to 65535, or leave it out."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    command: str,
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(command, monkeypatch, **environment) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {said}")
    assert error.count("\n") == 1


class _LakeWithoutStack:
    """A lake that is up, whose stack somebody has deleted: CloudFormation answers as it does then."""

    endpoint_url = "http://127.0.0.1:1"

    def client(self, service: str) -> Any:
        client = boto3.client(service, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
        stub = Stubber(client)
        stub.add_client_error("describe_stacks", "ValidationError", "Stack with id tech-challenge2-dev does not exist")
        stub.activate()
        return client


@pytest.mark.parametrize("command", ["status", "ingest", "refine"])
def test_a_lake_whose_stack_was_deleted_is_one_sentence(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_lake, "find_lake", _LakeWithoutStack)
    assert _run(command, monkeypatch) == 1
    said = "A lake is up, but its stack tech-challenge2-dev was deleted: `make up` deploys it again."
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {said}"


def test_without_a_lake_status_and_down_say_so_and_succeed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("status", monkeypatch) == 0
    assert _run("down", monkeypatch) == 0
    assert capsys.readouterr().out == "No lake is up: `make up` starts one.\nNo lake was up.\n"


def test_a_lake_keeps_to_the_port_that_it_was_made_on() -> None:
    (local_lake.FOLDER / "port").write_text("20001")
    with pytest.raises(DevLakeError, match="made on port 20001: leave LAKE_PORT out"):
        local_lake.start_lake(20002)


@pytest.mark.parametrize("is_up", [True, False])
def test_another_port_is_refused_whether_it_is_up_or_not(
    is_up: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (local_lake.FOLDER / "port").write_text("20001")
    monkeypatch.setattr(local_lake, "find_lake", _LakeWithoutStack if is_up else lambda: None)
    assert _run("up", monkeypatch, LAKE_PORT="20002") == 1
    said = "This lake was made on port 20001: leave LAKE_PORT out, or `make clean` for a new lake."
    assert capsys.readouterr() == ("", f"error: {said}\n")
    assert sorted(file.name for file in local_lake.FOLDER.iterdir()) == ["lock", "port"]


def _origin(synthetic: bool | None, **environ: str) -> Origin:
    with choose_origin(synthetic, environ) as origin:
        return origin


@pytest.fixture
def _no_yahoo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devlake.ingest_quotes.yahoo_answers", lambda: "Yahoo answers 429 Too Many Requests")


@pytest.mark.usefixtures("_no_yahoo")
def test_no_invented_prices_are_offered_to_a_lake_of_real_ones() -> None:
    with pytest.raises(DevLakeError, match="This lake holds real prices, and no invented ones are added"):
        _origin(False)


def test_a_synthetic_lake_is_not_offered_yahoos_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devlake.ingest_quotes.yahoo_answers", lambda: None)
    assert _origin(True).synthetic
    assert _origin(True).trouble.startswith("This lake holds synthetic prices, and real ones are not mixed with them")


@pytest.mark.usefixtures("_no_yahoo")
def test_where_yahoo_does_not_answer_a_fake_one_does_and_its_rows_say_so() -> None:
    with choose_origin(None, {}) as origin:
        request = urllib.request.Request(f"{origin.url}/v8/finance/chart/PETR4.SA", headers={"User-Agent": "Mozilla"})
        assert urllib.request.urlopen(request).status == 200
    addresses = ("B3LAKE_YAHOO_URL", "B3LAKE_B3_URL", "B3LAKE_B3_LISTED_URL", "B3LAKE_BCB_URL")
    others = {"B3LAKE_SOURCE_LABEL": "synthetic", "BESIDE": "network"}
    assert origin.settings() == dict.fromkeys(addresses, origin.url) | others
    assert origin.synthetic
    assert origin.trouble.startswith("Yahoo answers 429 Too Many Requests: ")


@pytest.mark.usefixtures("_no_yahoo")
def test_another_source_is_taken_as_it_is() -> None:
    """The fake is asked only where Yahoo would be."""
    for held in (None, True, False):
        assert _origin(held, SOURCE="b3") == Origin("B3")
        assert _origin(held, SOURCE="b3", B3LAKE_YAHOO_URL="https://example.com") == Origin("B3")
        assert _origin(held, B3LAKE_YAHOO_URL="https://example.com") == Origin("https://example.com")


def test_with_aws_the_callers_own_account_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []

    def note(command: list[str], **options: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        asked.append((command, options["env"]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", note)
    settings = {"AWS": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "LAKE_ENV": "lab", "ARGS": "--csv 'my file.csv'"}
    assert _run("query", monkeypatch, SQL="-- all\nSELECT 1", **settings) == 0
    ((command, environment),) = asked
    assert command[1:] == ["-m", "b3lake", "ask", "--sql=-- all\nSELECT 1", "--csv", "my file.csv"]
    assert environment["LAKE_ENV"] == "lab"
    assert "AWS_ENDPOINT_URL" not in environment


def test_who_asks_waits_for_nothing_that_fills_a_lake() -> None:
    heavy = "{'boto3', 'pandas', 'yfinance', 'pyarrow', 'exchange_calendars'}"
    program = f"import sys, devlake.__main__, devlake.ask_commands; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DevLakeError, match=f"Port {port} is taken: end what listens there "):
            emulator.start(tmp_path / "lake", port=port)
    assert not (tmp_path / "lake").exists()
