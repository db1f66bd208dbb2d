"""B3's events in the rows of a lake: right values from real steps, late events, pieces, next trades."""
# ruff: noqa: F811 - fixtures that are imported

import csv
import datetime as dt
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest

from b3lake.ingest.parquet import decode, encode
from b3lake.lake.calendar import sessions_between
from b3lake.lake.schemas import EVENTS_SCHEMA, glue_types
from tests.ingest.event_cases import (
    BONUS,
    CASH,
    DAYS,
    DIVIDEND,
    EX_DATES,
    SPLIT,
    SUPPLEMENT,
    TABLE_KEY,
    answers,
    cells,
    day_of,
    fetch,
    files_of,
    put_files,
    table,
    written_since,
)
from tests.ingest.lake_cases import DATABASE, TestLake, key_of
from tests.ingest.listed_companies import cash, stock
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures

# --- Right values from real steps --------------------------------------------------------------------------------


@pytest.fixture
def real_quotes(tmp_path: Path, shared_data: Path) -> Path:
    """Files of the days around the steps that B3's recorded answers explain, at the prices that were traded."""
    with (shared_data / "b3_events" / "steps.csv").open() as file:
        steps = list(csv.DictReader(file))
    quotes = [
        *((row["ticker"], day_of(row["last_day_with_right"]), float(row["close"] or 20)) for row in steps),
        *((row["ticker"], day_of(row["next_session"]), float(row["close_next"] or 20.1)) for row in steps),
        ("ITUB4", day_of("2025-12-23"), 40.0),
        ("ITUB4", day_of("2025-12-26"), 38.9),
        ("PETR4", day_of("2004-09-30"), 0.273),
        ("PETR4", day_of("2004-10-01"), 0.274),
        ("PETR4", day_of("2026-06-01"), 47.34),
        ("PETR4", day_of("2026-06-02"), 46.8),
        ("KLBN11", day_of("2025-12-15"), 18.3),
        ("KLBN11", day_of("2025-12-16"), 18.1),
        *(("ABEV3", day, 16.0) for day in ambev_days(shared_data)),
    ]
    return put_files(tmp_path / "files", sorted(quotes, key=lambda one: one[1]))


REAL = "MGLU3,BBAS3,TIMS3,ITUB4,PETR4,KLBN11,ABEV3"


def ambev_days(shared_data: Path) -> set[dt.date]:
    """The days around its events."""
    week = dt.timedelta(days=7)
    ex_dates = map(day_of, ambev_by_ex_date(shared_data))
    return {day for ex_date in ex_dates for day in sessions_between(ex_date - week, ex_date + week)}


def ambev_by_ex_date(shared_data: Path) -> dict[str, float]:
    """Its cash by the session after the last day with the right, from the recorded answer, exactly added up."""
    told = json.loads((shared_data / "b3_events" / f"ABEV-{CASH}.json").read_text())
    sums: defaultdict[str, Fraction] = defaultdict(Fraction)
    assert len(told["results"]) == 29
    for row in told["results"]:
        day, month, year = map(int, row["lastDatePriorEx"].split("/"))
        last = dt.date(year, month, day)
        (ex_date, *_) = sessions_between(last + dt.timedelta(days=1), last + dt.timedelta(days=10))
        sums[str(ex_date)] += Fraction(row["valueCash"].replace(",", "."))
    return {day: float(total) for day, total in sums.items()}


def test_right_values_from_real_steps_to_stored_rows(
    command: Command, lake: TestLake, real_quotes: Path, shared_data: Path
):
    run = fetch(real_quotes, shared_data / "b3_events", "2004-09-30", "2026-06-02", REAL)
    command(*run)
    assert {ticker: cells(lake, ticker) for ticker in REAL.split(",") if ticker != "ABEV3"} == {
        "MGLU3": {"2020-10-14": (None, 4.0), "2024-05-27": (None, 0.1), "2025-12-30": (None, 1.05)},
        "BBAS3": {"2024-04-16": (None, 2.0)},
        "TIMS3": {"2025-07-03": (None, 1.0)},
        "ITUB4": {"2025-12-26": (None, 1.03)},
        "PETR4": {"2004-10-01": (0.00017, None), "2026-06-02": (0.70097272, None)},
        "KLBN11": {"2025-12-16": (0.18238868899, None)},
    }
    ambev = ambev_by_ex_date(shared_data)
    assert cells(lake, "ABEV3") == {day: (total, None) for day, total in ambev.items()}
    assert len(ambev) == 24, "29 rows of 24 days"
    rows = lake.rows(TABLE_KEY)
    assert [row["ticker"] for row in rows] == sorted(row["ticker"] for row in rows)
    counts = {ticker: len(table(lake, ticker)) for ticker in REAL.split(",")}
    assert counts == {"MGLU3": 3, "BBAS3": 1, "TIMS3": 2, "ITUB4": 2, "PETR4": 3, "KLBN11": 4, "ABEV3": 30}
    (spin_off,) = [row for row in table(lake, "ITUB4") if row["kind"] == "other"]
    assert (spin_off["status"], spin_off["ex_date"], spin_off["value"]) == ("unsized", day_of("2021-10-04"), None)
    assert {row["status"] for row in rows if row["value"] is not None} == {"applied"}
    assert [row["payment_date"] for row in table(lake, "ABEV3")[-2:]] == [day_of("2021-12-30")] * 2
    assert {ticker: record["events"] for ticker, record in command.records().items()} == {
        **dict.fromkeys(("MGLU3", "BBAS3", "TIMS3", "ITUB4"), "no-cash"),
        **dict.fromkeys(("PETR4", "KLBN11"), "no-ratios"),
        "ABEV3": "known",
    }
    before = lake.versions()
    command(*run)
    assert (command.summary()["written"], command.summary()["rewritten"]) == (0, 0)
    assert lake.versions() == before, "a repeat writes nothing"


# --- A small share: late events, pieces, moves -------------------------------------------------------------------

TRADED = [day for day in DAYS if str(day) not in {"2024-04-10", "2024-04-24"}]


@pytest.fixture
def at_once(command: Command, lake: TestLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestLake:
    """Another lake, filled in one run with all three events."""
    made = TestLake(lake.url, f"{lake.bucket}-at-once")
    made.s3.create_bucket(Bucket=made.bucket)
    files, events = files_of(tmp_path / "all", TRADED), answers(tmp_path / "known", SPLIT, BONUS, DIVIDEND)
    with monkeypatch.context() as environment:
        environment.setenv("RAW_BUCKET", made.bucket)
        command(*fetch(files, events, DAYS[0], DAYS[-1]))
    lake.glue.delete_database(Name=DATABASE)
    lake.glue.create_database(DatabaseInput={"Name": DATABASE})
    return made


def test_a_late_event_writes_its_row_and_no_other(command: Command, lake: TestLake, tmp_path: Path):
    files = files_of(tmp_path / "files")
    assert command(*fetch(files, answers(tmp_path / "events", SPLIT), DAYS[0], DAYS[-1])) == 0
    assert cells(lake, "XPTO3") == {"2024-04-10": (None, 2.0)}
    before = lake.versions()
    late = answers(tmp_path / "events", SPLIT, BONUS, DIVIDEND)
    assert command(*fetch(files, late, DAYS[-3], DAYS[-1])) == 0
    assert cells(lake, "XPTO3") == EX_DATES
    (record,) = command.records().values()
    assert (record["written"], record["unchanged"], record["rewritten"]) == (0, 3, 2)
    assert (record["status"], record["events"]) == ("written", "known")
    assert written_since(lake, before) == {
        key_of(day_of("2024-04-17"), "XPTO3"),
        key_of(day_of("2024-04-24"), "XPTO3"),
        TABLE_KEY,
        f"events/answers/XPTO-{SUPPLEMENT}.json",
        f"events/answers/XPTO-{CASH}.json",
    }
    before = lake.versions()
    assert command(*fetch(files, late, DAYS[-3], DAYS[-1])) == 0
    assert lake.versions() == before


def test_an_event_that_is_withdrawn_or_corrected_leaves_its_row(command: Command, lake: TestLake, tmp_path: Path):
    files = files_of(tmp_path / "files")
    assert command(*fetch(files, answers(tmp_path / "a", SPLIT, BONUS, DIVIDEND), DAYS[0], DAYS[-1])) == 0
    before = lake.versions()
    corrected = cash("DIVIDENDO", "0,25", "17/04/2024")
    assert command(*fetch(files, answers(tmp_path / "b", SPLIT, corrected), DAYS[-3], DAYS[-1])) == 0
    assert cells(lake, "XPTO3") == {"2024-04-10": (None, 2.0), "2024-04-18": (0.25, None)}
    changed = [day_of(text) for text in ("2024-04-17", "2024-04-18", "2024-04-24")]
    rows = {key for key in written_since(lake, before) if key.startswith("raw/")}
    assert rows == {key_of(day, "XPTO3") for day in changed}
    assert len(table(lake, "XPTO3")) == 2


def test_an_event_enters_the_next_trade_and_moves_when_its_day_comes(command: Command, lake: TestLake, tmp_path: Path):
    ex_date, next_trade = day_of("2024-04-10"), day_of("2024-04-12")
    missing = {day for day in DAYS if ex_date <= day < next_trade}
    events = answers(tmp_path / "events", SPLIT)
    thin = files_of(tmp_path / "thin", [day for day in DAYS if day not in missing])
    command(*fetch(thin, events, DAYS[0], DAYS[-1]))
    assert cells(lake, "XPTO3") == {str(next_trade): (None, 2.0)}
    before = lake.versions()
    late = files_of(tmp_path / "late", missing)
    command(*fetch(late, events, min(missing), max(missing)))
    assert cells(lake, "XPTO3") == {str(ex_date): (None, 2.0)}
    assert written_since(lake, before) - before.keys() == {key_of(day, "XPTO3") for day in missing}
    assert {key for key in written_since(lake, before) & before.keys() if key.startswith("raw/")} == {
        key_of(next_trade, "XPTO3")
    }


@pytest.mark.parametrize("pieces", ["0-5 5-12 12-22", "12-22 5-12 0-5", "5-12 12-22 0-5", "0-22 3-9", "0-3 9-22 3-9"])
def test_pieces_in_any_order_are_the_lake_filled_at_once_byte_for_byte(
    command: Command, lake: TestLake, at_once: TestLake, tmp_path: Path, pieces: str
):
    """With more events known at each piece; on two ex dates there is no trade."""
    files, events = files_of(tmp_path / "files", TRADED), tmp_path / "events"
    bounds = [tuple(map(int, piece.split("-"))) for piece in pieces.split()]
    for known, (first, end) in enumerate(bounds, start=4 - len(bounds)):
        answers(events, *[SPLIT, BONUS, DIVIDEND][: max(1, known)])
        command(*fetch(files, events, DAYS[first], DAYS[end - 1]))
    assert cells(lake, "XPTO3") == {"2024-04-11": (None, 2.0), "2024-04-17": (0.25, None), "2024-04-25": (None, 1.1)}
    assert lake.everything() == at_once.everything()


def test_a_piece_ahead_never_writes_those_before_again(command: Command, lake: TestLake, tmp_path: Path):
    files, events = files_of(tmp_path / "files"), answers(tmp_path / "events", SPLIT, BONUS, DIVIDEND)
    for first, end in ((0, 5), (5, 12), (12, 22)):
        assert command(*fetch(files, events, DAYS[first], DAYS[end - 1])) == 0
    assert {count for key, count in lake.versions().items() if key.startswith("raw/")} == {1}
    assert cells(lake, "XPTO3") == EX_DATES


def test_prices_that_come_later_dispute_an_event(command: Command, lake: TestLake, tmp_path: Path):
    """Filled from the newest on, the close before the ex date is there only with the second piece."""
    unmoved = [("XPTO3", day, 20.0) for day in DAYS]
    files, events = put_files(tmp_path / "files", unmoved), answers(tmp_path / "events", SPLIT)
    assert command(*fetch(files, events, "2024-04-10", DAYS[-1])) == 0
    assert cells(lake, "XPTO3") == {"2024-04-10": (None, 2.0)}
    assert command(*fetch(files, events, DAYS[0], "2024-04-09")) == 0
    assert cells(lake, "XPTO3") == {}
    (event,) = table(lake, "XPTO3")
    assert (event["status"], event["value"]) == ("disputed", 2.0)
    assert event["note"] == "DESDOBRAMENTO 100,0; the close went from 20 to 20, where it would make 10.00"


def test_rows_from_yahoo_keep_their_own_events(command: Command, lake: TestLake, tmp_path: Path):
    files, events = files_of(tmp_path / "files"), answers(tmp_path / "events", DIVIDEND)
    assert command(*fetch(files, tmp_path / "none", DAYS[0], DAYS[-1])[:-1]) == 2
    assert command(*fetch(files, "none", DAYS[0], DAYS[-1])) == 0
    key = key_of(day_of("2024-04-17"), "XPTO3")
    body = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    theirs = from_yahoo(body)
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=theirs)
    assert command(*fetch(files, events, DAYS[-2], DAYS[-1])) == 0
    assert lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read() == theirs
    assert [row["status"] for row in table(lake, "XPTO3")] == ["applied"]


def from_yahoo(body: bytes) -> bytes:
    """The row of an object as Yahoo would tell it: another source, 0 for no event."""
    rows = decode(body)
    for name, value in (("dividends", 0.0), ("stock_splits", 0.0), ("source", "yahoo")):
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.array([value], rows.schema.field(at).type))
    return encode(rows)


def test_a_dry_run_asks_and_writes_nothing(command: Command, lake: TestLake, tmp_path: Path):
    files = files_of(tmp_path / "files")
    events = answers(tmp_path / "events", SPLIT, BONUS, DIVIDEND)
    run = fetch(files, events, DAYS[0], DAYS[-1])
    assert command(*run, "--dry-run") == 0
    assert lake.written("") == {}
    assert command(*fetch(files, "none", DAYS[0], DAYS[-1])) == 0
    before = lake.versions()
    assert command(*run, "--dry-run") == 0
    assert (command.summary()["written"], command.summary()["rewritten"]) == (0, 3)
    assert command.records()["XPTO3"]["status"] == "planned"
    assert lake.versions() == before


def test_a_rule_is_applied_anew_to_the_answers_that_were_kept(command: Command, lake: TestLake, tmp_path: Path):
    """Without anybody being asked: here what changed is the table, which somebody deleted."""
    files, events = files_of(tmp_path / "files"), answers(tmp_path / "events", SPLIT, BONUS, DIVIDEND)
    assert command(*fetch(files, events, DAYS[0], DAYS[-1])) == 0
    before = lake.everything()
    lake.s3.delete_object(Bucket=lake.bucket, Key=TABLE_KEY)
    assert command(*fetch(files, "none", DAYS[0], DAYS[-1])) == 0
    assert lake.everything() == before


def test_the_table_is_in_the_catalog(command: Command, lake: TestLake, tmp_path: Path):
    files, events = files_of(tmp_path / "files"), answers(tmp_path / "events", SPLIT)
    assert command(*fetch(files, events, DAYS[0], DAYS[-1])) == 0
    made = lake.glue.get_table(DatabaseName=DATABASE, Name="b3_corporate_events")["Table"]
    columns = {column["Name"]: column["Type"] for column in made["StorageDescriptor"]["Columns"]}
    assert columns == glue_types(EVENTS_SCHEMA)
    assert made["StorageDescriptor"]["Location"] == f"s3://{lake.bucket}/events/b3/"
    assert set(lake.written("events/b3/")) == {TABLE_KEY}, "a query reads whatever lies there"


def test_the_doctor_names_what_was_not_applied(command: Command, lake: TestLake, tmp_path: Path):
    files = put_files(tmp_path / "files", [("XPTO3", day, 20.0) for day in DAYS])
    spin_off = stock("CIS RED CAP", "100,0", "16/04/2024")
    before_the_first_row = stock("CIS RED CAP", "50,0", "15/03/2024")
    events = answers(tmp_path / "events", SPLIT, spin_off, before_the_first_row)
    assert command(*fetch(files, events, DAYS[0], DAYS[-1])) == 0
    assert command.doctor("--json") == 3
    findings = [json.loads(line) for line in command.out.splitlines()[:-1]]
    assert [(found["finding"], found["ticker"], found["day"]) for found in findings] == [
        ("disputed-event", "XPTO3", "2024-04-10"),
        ("unsized-event", "XPTO3", "2024-04-17"),
    ]
    assert "the close went from 20 to 20" in findings[0]["detail"]


def test_an_event_that_has_no_number_is_told_and_alarms_nobody(command: Command, lake: TestLake, tmp_path: Path):
    files = files_of(tmp_path / "files")
    events = answers(tmp_path / "events", SPLIT, stock("CIS RED CAP", "100,0", "16/04/2024"))
    assert command(*fetch(files, events, DAYS[0], DAYS[-1])) == 0
    assert command.doctor("--json") == 0
    (found,) = command.lines()
    assert (found["finding"], found["day"]) == ("unsized-event", "2024-04-17")


def test_rows_that_say_other_events_are_found_and_repaired(command: Command, lake: TestLake, tmp_path: Path):
    """A cell that was lost, one that is another, one that nobody knows of; Yahoo's row is let alone."""
    files, events = files_of(tmp_path / "files"), answers(tmp_path / "events", SPLIT, BONUS, DIVIDEND)
    assert command(*fetch(files, events, DAYS[0], DAYS[-1])) == 0
    right = lake.everything()
    for day, dividends, splits in (("2024-04-10", None, None), ("2024-04-17", 0.75, None), ("2024-04-12", None, 3.0)):
        key = key_of(day_of(day), "XPTO3")
        rows = decode(right[key])
        for name, value in (("dividends", dividends), ("stock_splits", splits)):
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, rows.schema.field(at), pa.array([value], pa.float64()))
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=encode(rows))
    theirs = key_of(day_of("2024-04-18"), "XPTO3")
    lake.s3.put_object(Bucket=lake.bucket, Key=theirs, Body=from_yahoo(right[theirs]))
    only_events = ("event-not-entered", "XPTO3")
    assert command.doctor("--json") == 3
    found = {one["day"]: one["detail"] for one in command.lines() if (one["finding"], one["ticker"]) == only_events}
    assert found == {
        "2024-04-10": "it says nothing, and B3's events stock_splits 2",
        "2024-04-12": "it says stock_splits 3, and B3's events nothing",
        "2024-04-17": "it says dividends 0.75, and B3's events dividends 0.25",
    }
    command.doctor("--fix", "--source", "b3", "--b3-files", str(files))
    there = lake.everything()
    assert {key for key in there if there[key] != right.get(key)} == {theirs}
    command.doctor("--json", "--start-date", "2024-04-11")
    assert not [one for one in command.lines() if one["finding"] == "event-not-entered"]


def test_a_repaired_gap_takes_its_event_from_the_row_that_had_it(command: Command, lake: TestLake, tmp_path: Path):
    ex_date = day_of("2024-04-10")
    files, events = files_of(tmp_path / "files"), answers(tmp_path / "events", SPLIT)
    thin = files_of(tmp_path / "thin", [day for day in DAYS if day != ex_date])
    command(*fetch(thin, events, DAYS[0], DAYS[-1]))
    assert cells(lake, "XPTO3") == {"2024-04-11": (None, 2.0)}
    assert command.doctor("--fix", "--source", "b3", "--b3-files", str(files)) == 0
    assert cells(lake, "XPTO3") == {"2024-04-10": (None, 2.0)}
