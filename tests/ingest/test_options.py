"""The options, environment variables and help of the ingestion's commands."""

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from b3lake.cli import run_command
from b3lake.ingest.commands import doctor, fetch
from b3lake.ingest.commands.doctor import DoctorRequest
from b3lake.ingest.commands.fetch import FetchRequest
from b3lake.ingest.sources.b3 import B3Source
from b3lake.ingest.sources.settings import SourceSettings, read_source_settings
from b3lake.ingest.sources.source import Selection
from b3lake.ingest.sources.yahoo import YahooSource
from b3lake.lake.errors import UsageError
from b3lake.lake.settings import LakePlace

HELP = Path(__file__).parent / "help"
FRIDAY_NOON = dt.datetime(2024, 5, 10, 15, tzinfo=dt.timezone.utc)
FRIDAY, THURSDAY = dt.date(2024, 5, 10), dt.date(2024, 5, 9)
SHARES = ("PETR4", "VALE3", "ITUB4", "BBDC4", "BBAS3", "ABEV3", "WEGE3", "B3SA3")
LAKE = LakePlace("dev", None, "tech_challenge2_dev")
ELSEWHERE = {"B3LAKE_YAHOO_URL": "http://127.0.0.1:1", "B3LAKE_B3_URL": "http://127.0.0.1:2"}


def fetched(*arguments: str, **environ: str) -> FetchRequest:
    return fetch.parse(arguments, ELSEWHERE | environ, FRIDAY_NOON)


def examined(*arguments: str, **environ: str) -> DoctorRequest:
    return doctor.parse(arguments, ELSEWHERE | environ, FRIDAY_NOON)


def refusal(*arguments: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        fetched(*arguments, **environ)
    return str(caught.value)


@pytest.mark.parametrize("name", ["fetch", "verify", "doctor"])
def test_the_help_of_a_command(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Word by word, with the names of variables and the defaults: whoever changes an option changes it here too."""
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(SystemExit) as ended:
        run_command(name, ["--help"])
    assert (ended.value.code, capsys.readouterr().out) == (0, (HELP / f"{name}.txt").read_text("utf-8"))


# --- Fetch -------------------------------------------------------------------------------------------------------


def test_a_run_without_options() -> None:
    """Friday's bar moves still: seven sessions up to Thursday, the first of May among the weekdays between."""
    request = fetched()
    days = (dt.date(2024, 4, 30), THURSDAY)
    assert request.wanted == Selection((*SHARES, "IBOV"), *days, FRIDAY_NOON, "1d", whatever=False)
    assert (request.last, request.place, request.market) == (THURSDAY, LAKE, "cash")
    assert (request.catches_up, request.dry_run, request.json_lines) == (True, False, False)
    assert isinstance(request.source, YahooSource)
    assert (request.ask, request.beside) == (None, None)


def test_a_run_of_b3_asks_for_its_shares_and_takes_today() -> None:
    request = fetched("--source", "b3")
    assert request.wanted.tickers == SHARES
    assert (request.wanted.end, request.last) == (THURSDAY, FRIDAY)
    assert isinstance(request.source, B3Source)
    assert request.ask
    assert request.beside
    assert request.beside.bank is None


def test_everything_that_can_be_asked_of_a_run() -> None:
    request = fetched(
        *("--tickers", "petr4.SA VALE3,petr4;@ibov", "--start-date", "2024-05-02", "--end-date", "2024-05-08"),
        *("--interval", "1h", "--bucket", "own", "--database", "mine", "--dry-run", "--json", "--include-partial"),
        *("--beside", "none"),
    )
    days = (dt.date(2024, 5, 2), dt.date(2024, 5, 8))
    assert request.wanted == Selection(("PETR4", "VALE3", "@IBOV"), *days, FRIDAY_NOON, "1h", whatever=False)
    assert (request.last, request.place) == (FRIDAY, LakePlace("dev", "own", "mine"))
    assert (request.catches_up, request.dry_run, request.json_lines) == (False, True, True)
    fractional = fetched("--source", "b3", "--market", "fractional", "--tickers", "*", "--b3-events", "none")
    assert (fractional.market, fractional.wanted.tickers, fractional.ask) == ("fractional", None, None)


def test_files_are_taken_whole_unless_days_are_named(tmp_path: Path) -> None:
    files = ("--source", "b3", "--b3-files", str(tmp_path))
    whole = fetched(*files)
    assert (whole.wanted.start, whole.wanted.end, whole.wanted.whatever) == (dt.date(1994, 7, 4), FRIDAY, True)
    assert whole.ask is None, "whoever has the files does not need the network"
    assert whole.beside
    assert whole.beside.bank is None
    assert fetch.parse([*files, "--b3-events", "network"], {}, FRIDAY_NOON).ask
    assert not fetched(*files, "--beside", "none").beside
    for named in (("--start-date", "2024-05-02"), ("--end-date", "2024-05-09"), ("--sessions", "3")):
        assert not fetched(*files, *named).wanted.whatever, named
    of_yahoo = fetched("--b3-files", str(tmp_path))
    assert not of_yahoo.wanted.whatever


@pytest.mark.parametrize(
    ("sessions", "first"), [("1", THURSDAY), ("2", dt.date(2024, 5, 8)), ("7", dt.date(2024, 4, 30))]
)
def test_so_many_sessions_end_with_the_last_final_one(sessions: str, first: dt.date) -> None:
    assert fetched("--sessions", sessions).wanted.start == first
    assert fetched(SESSIONS=sessions).wanted.start == first
    later = fetched("--sessions", sessions, "--end-date", "2024-12-31")
    assert (later.wanted.start, later.wanted.end) == (first, dt.date(2024, 12, 31))


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        ([], {"TICKERS": " "}, "TICKERS is set but empty: list tickers, like TICKERS=PETR4,VALE3, or unset it."),
        (["--tickers", ","], {}, "No ticker was given: list tickers, like TICKERS=PETR4,VALE3."),
        (["--tickers", ""], {}, "No ticker was given: list tickers, like TICKERS=PETR4,VALE3."),
        (["--tickers", "?"], {}, "'?' is not a B3 ticker: write it like PETR4, BPAC11 or ^BVSP."),
        (["--tickers", "*"], {}, "TICKERS=* takes the whole market, which only --source b3 can list."),
        (["--source", "x"], {}, "SOURCE=x is not known: choose one of yahoo, b3."),
        (
            ["--interval", "2h"],
            {},
            "INTERVAL=2h is not known: choose one of 1d, 1h, 90m, 60m, 30m, 15m, 5m, 2m, 1m.",
        ),
        (
            ["--source", "b3", "--interval", "1h"],
            {},
            "--source b3 has daily bars only: leave --interval out, or take --source yahoo.",
        ),
        (
            ["--market", "fractional"],
            {},
            "Yahoo has the cash market only: leave --market out, or take --source b3.",
        ),
        (["--market", "x"], {}, "MARKET=x is not known: choose one of cash, fractional."),
        *(
            (["--sessions", n], {}, f"SESSIONS={n} is not a number of sessions: give 1 or more, like SESSIONS=60.")
            for n in ("0", "x", "1.5", "1234567890")
        ),
        (
            ["--start-date", "02/05/2024"],
            {},
            "START_DATE=02/05/2024 is not a date: write it as YYYY-MM-DD, like 2024-05-31.",
        ),
        (
            ["--end-date", "2024-02-30"],
            {},
            "END_DATE=2024-02-30 is not a date: write it as YYYY-MM-DD, like 2024-05-31.",
        ),
        (
            ["--start-date", "2024-05-09", "--end-date", "2024-05-08"],
            {},
            "START_DATE 2024-05-09 is after END_DATE 2024-05-08: swap them.",
        ),
        (
            ["--start-date", "1994-07-03"],
            {},
            "START_DATE 1994-07-03 is before 1994-07-04, the first session in reais, in which this lake is kept: "
            "choose that day or a later one.",
        ),
        (
            ["--end-date", "1994-07-03"],
            {},
            "END_DATE 1994-07-03 is before 1994-07-04, the first session in reais, in which this lake is kept: "
            "choose a later day.",
        ),
        (
            ["--start-date", "2024-05-10"],
            {},
            "START_DATE 2024-05-10 is after the last final session, 2024-05-09: choose an earlier day.",
        ),
        (["--beside", "x"], {}, "BESIDE=x is neither network nor none: give one of them."),
        (
            ["--source", "b3", "--b3-events", "/no/folder"],
            {},
            "B3_EVENTS=/no/folder is no folder: give a folder of answers, network or none.",
        ),
        (
            ["--source", "b3", "--b3-files", "/no/file"],
            {},
            "B3_FILES=/no/file does not exist: give a COTAHIST file or a folder of them.",
        ),
        (
            ["--source", "b3", "--b3-files", f"/{'a' * 300}"],
            {},
            f"B3_FILES=/{'a' * 79}… cannot be opened (File name too long): give a COTAHIST file or a folder.",
        ),
        (
            ["--source", "b3", "--b3-files", os.devnull],
            {},
            "B3_FILES=/dev/null is no file and no folder: give a COTAHIST file or a folder of them.",
        ),
    ],
)
def test_a_wrong_request_is_refused_in_one_sentence(
    arguments: list[str], environ: Mapping[str, str], said: str
) -> None:
    assert refusal(*arguments, **environ) == said


def test_days_that_are_just_possible_are_taken() -> None:
    first = fetched("--start-date", "1994-07-04", "--end-date", "1994-07-04").wanted
    assert (first.start, first.end) == (dt.date(1994, 7, 4), dt.date(1994, 7, 4))
    assert fetched("--start-date", "2024-05-09").wanted.start == THURSDAY
    beyond = fetched("--start-date", "2024-05-13", "--end-date", "2024-05-13").wanted
    assert beyond.start == dt.date(2024, 5, 13)


# --- The doctor --------------------------------------------------------------------------------------------------


def test_an_examination_without_options_is_of_everything() -> None:
    request = examined()
    assert request.examined == Selection(None, dt.date.min, dt.date.max, FRIDAY_NOON, "1d")
    assert (request.fix, request.json_lines, request.put_figures, request.may_remove) == (False, False, False, None)
    assert request.place == LAKE
    assert isinstance(request.source, YahooSource)


def test_everything_that_can_be_asked_of_an_examination() -> None:
    request = examined(
        *("--tickers", "PETR4", "--start-date", "2024-05-02", "--end-date", "2024-05-08", "--source", "b3"),
        *("--fix", "--allow-removal", "0", "--put-figures", "--json", "--bucket", "own", "--database", "mine"),
    )
    days = (dt.date(2024, 5, 2), dt.date(2024, 5, 8))
    assert request.examined == Selection(("PETR4",), *days, FRIDAY_NOON, "1d")
    assert (request.fix, request.json_lines, request.put_figures, request.may_remove) == (True, True, True, 0)
    assert request.place == LakePlace("dev", "own", "mine")
    assert isinstance(request.source, B3Source)


def test_the_last_days_are_counted_from_today_at_b3() -> None:
    request = examined("--recent", "1")
    assert (request.examined.start, request.examined.end) == (THURSDAY, dt.date.max)
    early = doctor.parse(["--recent", "3"], ELSEWHERE, dt.datetime(2024, 5, 10, 2, tzinfo=dt.timezone.utc))
    assert early.examined.start == dt.date(2024, 5, 6), "it is Thursday at B3 still"
    for wrong in (("--recent", "0"), ("--recent", "3", "--start-date", "2024-05-02")):
        with pytest.raises(UsageError) as caught:
            examined(*wrong)
        assert str(caught.value) == "--recent takes a number of days, 1 or more, and no --start-date beside it."


# --- Addresses ---------------------------------------------------------------------------------------------------


def test_where_each_variable_leads() -> None:
    told = {
        "B3LAKE_YAHOO_URL": "https://y.example/",
        "B3LAKE_B3_URL": "https://b.example",
        "B3LAKE_B3_LISTED_URL": " https://l.example ",
        "B3LAKE_BCB_URL": "http://[::1]:1",
        "B3LAKE_SOURCE_LABEL": " synthetic ",
    }
    assert read_source_settings(told) == SourceSettings(
        "https://y.example", "https://b.example", "https://l.example", "synthetic", "http://[::1]:1"
    )
    assert read_source_settings({"B3LAKE_B3_URL": "https://b.example"}).listed_url == "https://b.example"
    for host in ("127.0.0.1", "localhost"):
        assert read_source_settings({"B3LAKE_BCB_URL": f"http://{host}:1"}).bcb_url == f"http://{host}:1"


def test_what_is_no_address_or_no_label_is_refused_in_one_sentence() -> None:
    yahoo = SourceSettings().yahoo_url
    for environ, said in [
        ({"B3LAKE_YAHOO_URL": "ftp://x"}, f"B3LAKE_YAHOO_URL=ftp://x is not an address: write it like {yahoo}."),
        ({"B3LAKE_YAHOO_URL": "https://"}, f"B3LAKE_YAHOO_URL=https: is not an address: write it like {yahoo}."),
        (
            {"B3LAKE_YAHOO_URL": "https://x?a"},
            f"B3LAKE_YAHOO_URL=https://x?a is not an address: write it like {yahoo}.",
        ),
        (
            {"B3LAKE_YAHOO_URL": "https://x#a"},
            f"B3LAKE_YAHOO_URL=https://x#a is not an address: write it like {yahoo}.",
        ),
        (
            {"B3LAKE_YAHOO_URL": "https://x:99999"},
            f"B3LAKE_YAHOO_URL=https://x:99999 is not an address (Port out of range 0-65535): write it like {yahoo}.",
        ),
        (
            {"B3LAKE_BCB_URL": "http://x.example"},
            "B3LAKE_BCB_URL=http://x.example would be asked in the clear: only this machine is, "
            "anything else by https.",
        ),
        *(
            (
                {"B3LAKE_SOURCE_LABEL": label},
                f"B3LAKE_SOURCE_LABEL={label} is no label: up to 40 lower-case letters, digits, dots and hyphens.",
            )
            for label in ("B3", ".b3", "b" * 41, "b 3")
        ),
    ]:
        with pytest.raises(UsageError) as caught:
            read_source_settings(environ)
        assert str(caught.value) == said
    assert read_source_settings({"B3LAKE_SOURCE_LABEL": "b" * 40}).label == "b" * 40


def test_quotes_and_events_of_two_kinds_are_not_mixed() -> None:
    settings = read_source_settings({"B3LAKE_B3_LISTED_URL": "http://127.0.0.1:3"})
    with pytest.raises(UsageError) as caught:
        settings.events("b3")
    assert str(caught.value) == (
        "Quotes from b3 and events from 127.0.0.1 are not mixed: set B3LAKE_B3_LISTED_URL to the address that "
        "belongs to the quotes, or ask for no events with --b3-events none."
    )
    assert settings.events("synthetic")
    with pytest.raises(UsageError) as caught:
        settings.beside(settings.b3())
    assert str(caught.value) == (
        "Quotes from b3 and what 127.0.0.1 tells beside them are not mixed: set B3LAKE_B3_LISTED_URL to the address "
        "that belongs to the quotes, or ask for nothing beside them with --beside none."
    )


def test_who_tells_what_is_kept_beside_the_quotes() -> None:
    official = SourceSettings()
    of_yahoo = official.beside(official.yahoo())
    assert (of_yahoo.bank_label, of_yahoo.indexes_label, of_yahoo.market_label) == ("bcb", "b3", "b3")
    assert of_yahoo.market_file
    of_b3 = official.beside(official.b3())
    assert (of_b3.bank_label, of_b3.indexes_label, of_b3.market_label, of_b3.market_file) == ("bcb", "b3", "b3", None)
    invented = SourceSettings(label="synthetic").beside(SourceSettings(label="synthetic").yahoo())
    assert (invented.bank_label, invented.indexes_label, invented.market_label) == ("synthetic",) * 3
    called_b3 = SourceSettings(label="b3").beside(SourceSettings(label="b3").yahoo())
    assert (called_b3.bank_label, called_b3.indexes_label) == ("bcb", "b3")
    elsewhere = SourceSettings(b3_url="http://127.0.0.1:2")
    assert [elsewhere.is_official(name) for name in ("yahoo", "b3")] == [True, False]
    assert [official.is_official(name) for name in ("yahoo", "b3")] == [True, True]
    assert (elsewhere.b3().label, elsewhere.b3(Path("x")).label) == ("127.0.0.1", "b3")
