"""Whole runs from B3's files, here and on its site, from arguments to rows and exit code."""
# ruff: noqa: F811 - fixtures that are imported

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pytest

from b3lake.ingest.sources import b3
from b3lake.ingest.sources.cotahist import read_file
from b3lake.ingest.validate import BARS_SCHEMA
from b3lake.lake.calendar import B3_ZONE, sessions_between
from devlake.cotahist_writer import quote, whole_file
from devlake.fake_b3 import FILES, FakeB3
from devlake.fake_http import Reply, Scripted, serving
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import DAYS, TestLake, key_of
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures
from tests.ingest.yahoo_cases import answer_with, bar

HOLIDAY = dt.date(2024, 5, 1)
SATURDAY = dt.date(2024, 5, 4)


def put(folder: Path, name: str, *records: bytes, year: int = 2024, **header: str) -> Path:
    path = folder / name
    path.write_bytes(whole_file(list(records), year=year, **header))
    return path


def from_files(place: Path, start: dt.date, end: dt.date, tickers: str = "*") -> tuple[str, ...]:
    days = ("--start-date", str(start), "--end-date", str(end))
    return ("--source", "b3", "--b3-files", str(place), "--tickers", tickers, *days, "--json")


# --- Files of this machine ---------------------------------------------------------------------------------------

REAL_DAYS = {
    dt.date(2003, 2, 12): 188,
    dt.date(2016, 2, 29): 455,
    dt.date(2022, 2, 3): 1191,
    dt.date(2024, 11, 8): 1341,
}


def test_four_whole_real_days_of_a_folder(command: Command, lake: TestLake, shared_data: Path):
    """One run over all: the days between have no file, which is told and is no success."""
    start, end = min(REAL_DAYS), max(REAL_DAYS)
    assert command(*from_files(shared_data / "cotahist", start, end)) == 3
    keys = set(lake.written())
    assert {day: sum(f"dt={day}/" in key for key in keys) for day in REAL_DAYS} == REAL_DAYS
    assert len(keys) == sum(REAL_DAYS.values()) == 188 + 455 + 1191 + 1341
    assert key_of(dt.date(2022, 2, 3), "5GTK11") in keys
    market = command.records()["*"]
    missing = [str(day) for day in sessions_between(start, end) if day not in REAL_DAYS]
    assert (market["status"], market["gaps"]) == ("failed", missing)
    assert "COTAHIST_D04012016.TXT: its trailer" in market["cause"], "2016's other days are in a truncated file, maybe"
    assert command.summary()["written"] == 3175
    assert "Left out, for they do not begin as a COTAHIST file does: trailers.csv." in command.err


def test_the_fractional_market_is_apart(command: Command, lake: TestLake, shared_data: Path):
    day = dt.date(2016, 2, 29)
    both = (*from_files(shared_data / "cotahist", day, day, "PETR4,PETR4F"), "--beside", "none")
    assert command(*both, "--market", "fractional") == 0
    assert list(command.records()) == ["PETR4F"]
    (few,) = lake.rows(key_of(day, "PETR4F"))
    assert list(lake.written()) == [key_of(day, "PETR4F")]
    assert command(*from_files(shared_data / "cotahist", day, day, "PETR4"), "--beside", "none") == 0
    (lots,) = lake.rows(key_of(day, "PETR4"))
    lines = (shared_data / "cotahist" / "COTAHIST_D29022016.TXT").read_bytes().splitlines()
    told = {line[24:27]: int(line[152:170]) for line in lines if line[12:24].strip() in {b"PETR4", b"PETR4F"}}
    assert (few["volume"], lots["volume"]) == (told[b"020"], told[b"010"])
    assert few["volume"] < lots["volume"] / 1000


def test_the_whole_fractional_market_tells_no_instruments(command: Command, lake: TestLake, shared_data: Path):
    day = dt.date(2016, 2, 29)
    assert (
        command(*from_files(shared_data / "cotahist", day, day), "--market", "fractional", "--b3-events", "none") == 0
    )
    assert len(lake.written()) == 268  # lines of the file with 020 at position 25
    assert all(key.endswith("F/data.parquet") for key in lake.written())
    assert command.summary()["tables"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--market", "fractional"), "Yahoo has the cash market only: leave --market out, or take --source b3."),
        (("--source", "b3", "--market", "odd"), "MARKET=odd is not known: choose one of cash, fractional."),
    ],
)
def test_other_markets_are_refused(command: Command, lake: TestLake, arguments: tuple[str, ...], said: str):
    assert command(*arguments) == 2
    assert said in command.err


@pytest.mark.parametrize("day", REAL_DAYS)
def test_a_whole_real_day_is_a_success(command: Command, shared_data: Path, day: dt.date):
    assert command(*from_files(shared_data / "cotahist", day, day), "--dry-run") == 0
    assert len(command.records()) == command.summary()["written"] == REAL_DAYS[day]
    assert "*" not in command.records()


def test_a_file_of_2026_is_taken(command: Command, lake: TestLake, shared_data: Path):
    day = dt.date(2026, 8, 26)
    small = shared_data / "cotahist" / "small"
    assert command(*from_files(small / "COTAHIST_D26082026.TXT", day, day)) == 0
    (row,) = lake.rows(key_of(day))
    assert (row["close"], row["volume"], row["source"]) == (41.45, 74631000, "b3")


def test_quotes_before_the_real_are_counted(command: Command, lake: TestLake, shared_data: Path):
    day = dt.date(1994, 7, 4)
    assert command(*from_files(shared_data / "cotahist" / "small", day, day, "PET4")) == 0
    assert set(lake.written()) == {key_of(day, "PET4")}
    assert (
        "COTAHIST_A1994.TXT: 1 quote left out, from before 1994-07-04, the first session in reais, in which this lake "
        "is kept."
    ) in command.err


@pytest.mark.parametrize("tickers", ["BB4", "bb 4", "BB  4", "BB 4,5GTK11"])
def test_an_old_code_by_any_of_its_spellings(command: Command, lake: TestLake, tmp_path: Path, tickers: str):
    day = dt.date(1995, 1, 3)
    place = put(tmp_path, "COTAHIST.A1995", quote(code="BB  4", day=19950103), year=1995, made="19991210")
    assert command(*from_files(place, day, day, tickers)) == (3 if "GTK" in tickers else 0)
    assert set(lake.written()) == {key_of(day, "BB4")}


def test_all_files_of_a_folder_are_known_by_their_headers(command: Command, lake: TestLake, tmp_path: Path):
    names = ["COTAHIST.A1999", "COTAHIST_A2001", "COTAHIST_A2002.TXT", "COTAHIST_A2003 (1).TXT"]
    days = [dt.date(year, 1, 4) for year in (1999, 2001, 2002)] + [dt.date(2003, 1, 6)]
    for name, day in zip(names, days, strict=True):
        put(tmp_path, name, quote(day=int(f"{day:%Y%m%d}")), year=day.year)
    (tmp_path / "fotos [2003].txt").write_text("not one of B3's")
    assert command(*from_files(tmp_path, days[0], days[-1])) == 3
    assert set(lake.written()) == {key_of(day) for day in days}
    assert "a COTAHIST file does: fotos [2003].txt." in command.err
    market = command.records()["*"]
    assert market["status"] == "incomplete"
    assert market["gaps"] == [str(day) for day in sessions_between(days[0], days[-1]) if day not in days]
    assert market["cause"].startswith(f"{tmp_path} has no file of {len(market['gaps'])} sessions, the first that of")


@pytest.mark.parametrize("tickers", ["*", "PETR4"])
def test_a_session_that_no_file_has_is_a_gap(command: Command, lake: TestLake, tmp_path: Path, tickers: str):
    put(tmp_path, "a", quote(day=20240502), quote(day=20240506))
    assert command(*from_files(tmp_path, DAYS[0], DAYS[2], tickers)) == 3
    record = command.records()[tickers]
    assert (record["status"], record["gaps"]) == ("incomplete", ["2024-05-03"])
    assert record["cause"] == f"{tmp_path} has no file of the session of 2024-05-03: add it, or choose other days."
    assert set(lake.written()) == {key_of(DAYS[0]), key_of(DAYS[2])}
    assert command(*from_files(tmp_path, DAYS[1], DAYS[1], tickers)) == 1, "nothing at all came"


def test_a_day_without_a_trade_of_its_own_is_no_failure(command: Command, tmp_path: Path):
    put(tmp_path, "a", quote(day=20240502), quote(day=20240503, code="VALE3"))
    assert command(*from_files(tmp_path, DAYS[0], DAYS[1], "PETR4")) == 0
    assert command.records()["PETR4"]["gaps"] == ["2024-05-03"]


def test_a_damaged_file_whose_days_another_gives_is_only_told(command: Command, lake: TestLake, tmp_path: Path):
    put(tmp_path, "b", quote(day=20240502), total=9)
    assert command(*from_files(tmp_path, DAYS[0], DAYS[0])) == 1
    assert "does not fit its 3 records" in command.records()["*"]["cause"]
    put(tmp_path, "a", quote(day=20240502))
    assert command(*from_files(tmp_path, DAYS[0], DAYS[0])) == 0
    assert "b: its trailer" in command.err
    assert set(lake.written()) == {key_of(DAYS[0])}


def test_records_that_cannot_enter_are_named_and_the_others_taken(command: Command, lake: TestLake, tmp_path: Path):
    day = int(f"{DAYS[0]:%Y%m%d}")
    codes = ("../../x1", "[b]A1[/b]", "\u00c7\u00c3O3", "PE\x1b4", "A%2F1")
    place = put(
        tmp_path,
        "a",
        quote(day=day),
        quote(day=day, code="VALE3", currency="CR$"),
        *(quote(day=day, code=c) for c in codes),
    )
    assert command(*from_files(place, DAYS[0], DAYS[0])) == 3
    assert set(lake.written()) == {key_of(DAYS[0])}
    records = command.records()
    assert records["VALE3"]["cause"] == "1 bar refused: its currency is CR$, not R$ (2024-05-02)"
    shown = {"../../x1", "[b]A1[/b]", r"\xc7\xc3O3", r"PE\x1b4", "A%2F1"}
    assert {ticker for ticker, record in records.items() if "not of letters" in record["cause"]} == shown
    assert {ticker for ticker, record in records.items() if record["status"] == "invalid"} == {*shown, "VALE3"}
    command(*from_files(place, DAYS[0], DAYS[0])[:-1])
    assert all(ticker in command.out for ticker in shown)
    assert command(*from_files(place, DAYS[0], DAYS[0], "PETR4")) == 0, "others' records are not PETR4's fault"


def test_a_turnover_that_disagrees_is_named_and_enters(command: Command, lake: TestLake, tmp_path: Path):
    records = [quote(day=20240502, turnover=90042158500 // 1000), quote(day=20240502, code="VALE3")]
    place = put(tmp_path, "a", *records)
    assert command(*from_files(place, DAYS[0], DAYS[0])) == 0
    record = command.records()["PETR4"]
    assert (record["status"], record["doubtful"]) == ("written", 1)
    assert record["cause"] == (
        "1 bar doubtful: a turnover of 900421.58 BRL for 24043300 shares at 37.02 to 37.9 (2024-05-02)"
    )
    assert command.records()["VALE3"]["cause"] == ""
    assert set(lake.written()) == {key_of(DAYS[0]), key_of(DAYS[0], "VALE3")}
    command(*from_files(place, DAYS[0], DAYS[0])[:-1])
    assert "PETR4" in command.out
    assert "doubtful" in command.out


@pytest.mark.parametrize("closed", [HOLIDAY, SATURDAY])
@pytest.mark.parametrize("days_before", [0, 1])
def test_a_trade_on_a_closed_day_is_kept(
    command: Command,
    lake: TestLake,
    tmp_path: Path,
    closed: dt.date,
    days_before: int,
):
    """At the end of a range, and as a range of its own."""
    before = closed - dt.timedelta(days=1)
    put(tmp_path, "a", *(quote(day=int(f"{day:%Y%m%d}")) for day in (before, closed)))
    start = closed - dt.timedelta(days=days_before)
    assert command(*from_files(tmp_path, start, closed)) == 0
    assert set(lake.written()) == {key_of(day) for day in {start, closed}}


def test_files_of_single_days_are_read_though_the_sessions_are_had(command: Command, lake: TestLake, tmp_path: Path):
    put(tmp_path, "first", quote(day=20240430), made="20240502")
    put(tmp_path, "second", quote(day=20240501), made="20240501")
    assert command(*from_files(tmp_path, dt.date(2024, 4, 30), HOLIDAY)) == 0
    assert set(lake.written()) == {key_of(dt.date(2024, 4, 30)), key_of(HOLIDAY)}


def test_yahoos_trade_on_a_closed_day_is_kept(command: Command, lake: TestLake, fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(HOLIDAY)])]
    closed = ("--tickers", "PETR4", "--start-date", str(HOLIDAY), "--end-date", str(HOLIDAY), "--json")
    assert command(*closed) == 0
    assert set(lake.written()) == {key_of(HOLIDAY)}


def test_a_closed_day_without_a_trade_is_no_failure(command: Command, lake: TestLake, fake_yahoo: FakeYahoo):
    fake_yahoo.scripted["PETR4.SA"] = [answer_with([bar(HOLIDAY, volume=0)])]
    closed = ("--tickers", "PETR4,VALE3", "--start-date", str(HOLIDAY), "--end-date", str(HOLIDAY), "--json")
    assert command(*closed) == 0
    assert {one["cause"] for one in command.records().values()} == {
        "B3 has no final session from 2024-05-01 to 2024-05-01"
    }
    assert lake.written() == {}


# --- B3's site ---------------------------------------------------------------------------------------------------


@dataclass
class Site:
    """B3's site, on which days are published one by one."""

    scripted: Scripted

    def publish(self, *days: dt.date) -> None:
        """A quote of PETR4 on each of `days`, beside what is there."""
        so_far = self.scripted.service.records
        records = [quote(day=int(f"{day:%Y%m%d}")) for day in days]
        self.scripted.service = FakeB3([*so_far, *records], today=dt.date(2024, 5, 8), total_of="quotes")

    @property
    def asked(self) -> list[str]:
        """The names of the files that were asked for."""
        return [request.path.removeprefix(FILES) for request in self.scripted.requests]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """B3's site, without a file as yet; its rows are called `b3`."""
    made = Site(Scripted(FakeB3()))
    with serving(made.scripted) as url:
        monkeypatch.setenv("B3LAKE_B3_URL", url)
        monkeypatch.setenv("B3LAKE_SOURCE_LABEL", "b3")
        monkeypatch.setenv("B3_EVENTS", "none")
        yield made


def at(hour: int, minute: int, day: int = 8) -> dt.datetime:
    return dt.datetime(2024, 5, day, hour, minute, tzinfo=B3_ZONE)


OFFICIAL = ("--source", "b3", "--tickers", "PETR4", "--sessions", "2", "--json")


def test_a_run_that_comes_too_early_says_so_and_the_next_takes_the_day(command: Command, lake: TestLake, site: Site):
    site.publish(DAYS[3])
    assert command.fetch_at(at(20, 15), *OFFICIAL) == 3
    record = command.records()["PETR4"]
    assert (record["status"], record["gaps"], record["written"]) == ("incomplete", ["2024-05-08"], 1)
    assert record["cause"].startswith("COTAHIST_D08052024.ZIP: not published yet: B3 publishes a session's file")
    site.publish(DAYS[4])
    assert command.fetch_at(at(21, 5), *OFFICIAL) == 0
    assert set(lake.written()) == {key_of(DAYS[3]), key_of(DAYS[4])}
    assert command.doctor("--json") == 0, "a row of B3's is final when it is published"


def test_too_early_for_the_only_session_is_nothing_done(command: Command, site: Site):
    assert command.fetch_at(at(20, 15), *OFFICIAL[:-3], "--sessions", "1", "--json") == 1
    assert command.records()["PETR4"]["status"] == "incomplete"


def test_at_noon_nobody_expects_the_day(command: Command, site: Site):
    site.publish(*DAYS)
    assert command.fetch_at(at(12, 0), *OFFICIAL) == 0
    assert site.asked == ["COTAHIST_D06052024.ZIP", "COTAHIST_D07052024.ZIP"]


@pytest.mark.parametrize("hour", [12, 19, 21])
def test_what_b3_has_published_is_final_whatever_the_hour(command: Command, lake: TestLake, site: Site, hour: int):
    site.publish(DAYS[4])
    today = ("--start-date", str(DAYS[4]), "--end-date", str(DAYS[4]))
    assert command.fetch_at(at(hour, 0), "--source", "b3", "--tickers", "PETR4", *today) == 0
    assert set(lake.written()) == {key_of(DAYS[4])}


def test_a_closed_day_on_the_site_is_no_failure(command: Command, site: Site):
    site.publish(DAYS[0])
    days = ("--start-date", str(HOLIDAY), "--end-date", str(DAYS[0]))
    assert command.fetch_at(at(21, 0), "--source", "b3", "--tickers", "PETR4", *days, "--json") == 0
    assert site.asked == ["COTAHIST_D01052024.ZIP", "COTAHIST_D02052024.ZIP"]
    days = ("--start-date", str(HOLIDAY), "--end-date", str(HOLIDAY))
    assert command.fetch_at(at(21, 0), "--source", "b3", "--tickers", "PETR4", *days, "--json") == 0
    assert "no final session" in command.records()["PETR4"]["cause"]


def test_a_trade_on_a_closed_day_on_the_site_is_kept(command: Command, lake: TestLake, site: Site):
    site.publish(HOLIDAY)
    days = ("--start-date", str(HOLIDAY), "--end-date", str(HOLIDAY))
    assert command.fetch_at(at(21, 0), "--source", "b3", "--tickers", "*", *days) == 0
    assert set(lake.written()) == {key_of(HOLIDAY)}


def test_a_file_that_b3_no_longer_has_is_a_failure(command: Command, site: Site):
    site.publish(DAYS[4])
    days = ("--start-date", str(DAYS[0]), "--end-date", str(DAYS[4]))
    assert command.fetch_at(at(21, 0), "--source", "b3", "--tickers", "*", *days, "--json") == 3
    market = command.records()["*"]
    assert market["status"] == "failed"
    assert market["gaps"] == [str(day) for day in DAYS[:4]]
    assert market["cause"].endswith("B3's site does not have it (404): give the file with --b3-files. (and 3 more)")


# --- From quotes to bars -----------------------------------------------------------------------------------------


def test_bars_of_the_recorded_day(shared_data: Path):
    (bars,) = b3.batches(read_file(shared_data / "cotahist" / "COTAHIST_D03022022.TXT.zip").quotes)
    assert bars.drop_columns("factor").schema == BARS_SCHEMA
    assert pc.value_counts(bars["factor"]).to_pylist() == [{"values": 1, "counts": 1189}, {"values": 1000, "counts": 2}]
    assert set(bars["day"].to_pylist()) == {dt.date(2022, 2, 3)}
    assert bars["stock_splits"].null_count == bars["dividends"].null_count == len(bars)


def test_batches_hold_whole_days_and_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(b3, "BATCH_ROWS", 3)
    days = [20240503, 20240502, 20240506]
    path = put(tmp_path, "a", *(quote(code=f"PETR{n}", day=day) for n in range(2) for day in days))
    batches = list(b3.batches(read_file(path).quotes))
    assert [sorted(set(bars["day"].to_pylist())) for bars in batches] == [
        [dt.date(2024, 5, 2), dt.date(2024, 5, 3)],
        [dt.date(2024, 5, 6)],
    ]
    assert sum(map(len, batches)) == 6


@pytest.mark.parametrize(
    ("ticker", "says"),
    [
        ("IMAB11", "no ETF of fixed income; if it is one, take it from --source yahoo"),
        ("^BVSP", "no index; take it from --source yahoo"),
    ],
)
def test_what_no_file_of_b3s_has_is_said(
    command: Command,
    fake_yahoo: FakeYahoo,
    tmp_path: Path,
    ticker: str,
    says: str,
):
    """Yahoo knows both: a fetch from B3 and a comparison with it say where they are to be had."""
    place = put(tmp_path, "a", quote(day=20240502))
    day = ("--start-date", str(DAYS[0]), "--end-date", str(DAYS[0]))
    assert command(*from_files(place, DAYS[0], DAYS[0], ticker)) == 1
    (record,) = command.records().values()
    assert (record["status"], record["cause"].endswith(says)) == ("no-data", True)
    assert command.verify("--tickers", ticker, *day, "--b3-files", str(place)) == 1
    assert "B3 has no trade in the cash market in this range: B3's files" in command.out
    assert says in command.out


def test_an_ordinary_code_without_a_trade_is_not_taken_for_an_etf(command: Command, tmp_path: Path):
    place = put(tmp_path, "a", quote(day=20240502))
    assert command(*from_files(place, DAYS[0], DAYS[0], "VALE3")) == 1
    assert command.records()["VALE3"]["cause"] == "no trade in the cash market in this range"


def test_without_a_day_all_that_the_files_have_is_taken(command: Command, lake: TestLake, tmp_path: Path):
    """Older quotes are counted, and no session is missed, for none was asked for."""
    put(tmp_path, "COTAHIST.A1988", quote(day=19880104, currency="CZ$"), year=1988)
    put(tmp_path, "COTAHIST_A2003.TXT", quote(day=20030102), quote(day=20030106, code="VALE3"), year=2003)
    put(tmp_path, "COTAHIST_D02052024.TXT", quote(day=20240502))
    options = ("--source", "b3", "--b3-files", str(tmp_path), "--json")
    assert command(*options, "--tickers", "*", "--dry-run") == 0
    assert command.summary()["written"] == 3
    assert "COTAHIST.A1988: 1 quote left out, from before 1994-07-04" in command.err
    assert command(*options, "--tickers", "PETR4") == 0
    record = command.records()["PETR4"]
    assert (record["requested"], record["received"], record["gaps"]) == (3, 2, ["2003-01-06"])
    assert set(lake.written()) == {key_of(dt.date(2003, 1, 2)), key_of(DAYS[0])}
    assert command(*options, "--tickers", "PETR4", "--sessions", "3") == 2, "a window of this month has no file"
    put(tmp_path, "COTAHIST_A2004.TXT", quote(day=20040102), year=2004, total=9)
    assert command(*options, "--tickers", "PETR4") == 3
    assert command.records()["PETR4"]["cause"].startswith("COTAHIST_A2004.TXT: its trailer")


def test_the_recorded_folder_whole(command: Command, shared_data: Path):
    options = ("--source", "b3", "--b3-files", str(shared_data / "cotahist"), "--tickers", "*", "--json")
    assert command(*options, "--dry-run") == 3, "one of its files is truncated"
    records = command.records()
    assert records["*"]["cause"].startswith("COTAHIST_D04012016.TXT: its trailer")
    assert [ticker for ticker, record in records.items() if record["status"] == "failed"] == ["*"]
    assert command.summary()["written"] == sum(REAL_DAYS.values())


def test_an_isin_of_any_bytes_is_text_and_none_is_null(tmp_path: Path):
    isins = ["BRPETRACNPR6", "", "PETRACPN", b"\xc7\xff".ljust(12)]
    (bars,) = b3.batches(read_file(put(tmp_path, "a", *(quote(isin=isin) for isin in isins))).quotes)
    assert bars["isin"].to_pylist() == ["BRPETRACNPR6", None, "PETRACPN", "\u00c7\u00ff"]


def test_a_refusal_on_a_closed_day_is_a_failure(command: Command, site: Site):
    """Whether there was a trade nobody knows then."""
    site.scripted.replies = [Reply(403, "<html/>", "text/html")]
    days = ("--start-date", str(HOLIDAY), "--end-date", str(HOLIDAY))
    assert command.fetch_at(at(21, 0), "--source", "b3", "--tickers", "PETR4", *days, "--json") == 1
    assert "refuses this program (403 Forbidden)" in command.records()["PETR4"]["cause"]
