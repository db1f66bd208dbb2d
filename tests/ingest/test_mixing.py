"""Rows never take the place of others that they are not like: the lake keeps what it has, and the run says why."""

import datetime as dt

import pyarrow as pa
import pytest

from b3lake.ingest.mixing import clash
from b3lake.lake.calendar import day_start_utc
from b3lake.lake.schemas import RAW_SCHEMA
from devlake.fake_yahoo import FakeYahoo
from tests.ingest.lake_cases import TestLake, key_of, table
from tests.ingest.test_run import Command, command, impatience  # noqa: F401 - fixtures
from tests.ingest.yahoo_cases import answer_with, bar, stamp

DAY = dt.date(2024, 5, 2)
NEXT = dt.date(2024, 5, 3)
TOOK = ("--tickers", "PETR4", "--start-date", str(DAY), "--end-date", str(NEXT), "--json")


def bars(count: int = 1, minutes: int = 60, price: float = 10.0, source: str = "yahoo", **columns: object) -> pa.Table:
    """One daily bar, or so many shorter ones from 10:00 on, as an object has them."""
    first = day_start_utc(DAY) + dt.timedelta(hours=10 if count > 1 else 0)
    moments = [first + dt.timedelta(minutes=minutes * n) for n in range(count)]
    made = table(days=[DAY] * count, price=price, ts=moments, source=[source] * count, **columns)
    return made.select(RAW_SCHEMA.names)


def at(*moments: str, source: str = "b3") -> pa.Table:
    """Rows of these moments (UTC), in the order given."""
    stamps = [dt.datetime.fromisoformat(moment) if moment else None for moment in moments]
    return table(days=[DAY] * len(stamps), ts=stamps, source=[source] * len(stamps)).select(RAW_SCHEMA.names)


_TIMES = "the close is {} times that of {}, which the lake has"


@pytest.mark.parametrize(
    ("stored", "given", "why"),
    [
        (bars(8), bars(), "the lake has bars of 60 minutes there, and these are of a day"),
        (bars(2), bars(), "the lake has bars of hours there, and these are of a day"),
        (bars(), bars(8), "the lake has bars of a day there, and these are of 60 minutes"),
        (bars(8), bars(32, 15), "the lake has bars of 60 minutes there, and these are of 15 minutes"),
        (bars(32, 15), bars(8), "the lake has bars of 15 minutes there, and these are of 60 minutes"),
        (bars(8), bars(3), "the lake has more bars of the day"),
        (bars(8), bars(5), "the lake has more bars of the day"),
        (bars(8), bars(6), ""),
        (bars(3), bars(8), ""),
        (bars(price=10), bars(price=40), ""),  # one source restates its own
        (bars(source="b3", price=10), bars(price=40), "the close is 3.97 times that of b3, which the lake has"),
        (bars(price=40), bars(source="b3", price=10), "the close is 0.252 times that of yahoo, which the lake has"),
        (bars(source="b3", price=10), bars(price=11), ""),
        (bars(source="b3"), bars(source="synthetic"), "the lake has prices of b3 there, and these are of synthetic"),
        (bars(source="synthetic"), bars(source="b3"), "the lake has prices of synthetic there, and these are of b3"),
        (bars(source="b3", close=[0.0]), bars(8), ""),  # what is there is no quote
        (pa.concat_tables([bars(), bars()]), bars(), ""),  # a bar twice
        (bars().set_column(0, RAW_SCHEMA.field("ts"), [[dt.datetime(2020, 1, 2)]]), bars(), ""),  # noqa: DTZ001
        (bars().drop_columns("isin"), bars(8), ""),
        (bars().slice(0, 0), bars(8), ""),
        (bars(), bars(2), "the lake has bars of a day there, and these are of hours"),
        (bars(), bars(2).slice(1), "the lake has bars of a day there, and these are of hours"),
        (bars(4), bars(16, 15), "the lake has bars of 60 minutes there, and these are of 15 minutes"),
        (bars(3), bars(16, 15), ""),  # three bars do not tell how long they are
        (bars(8), bars(100, 1).slice(0, 3), "the lake has more bars of the day"),
        (bars(100, 1), bars(75, 1), ""),
        (bars(100, 1), bars(74, 1), "the lake has more bars of the day"),
        (bars(source="b3", close=[10.0]), bars(price=18, close=[18.0]), _TIMES.format("1.8", "b3")),
        (bars(source="b3", close=[10.0]), bars(price=18, close=[17.99]), ""),
        (bars(price=18, close=[18.1]), bars(source="b3", close=[10.0]), _TIMES.format("0.552", "yahoo")),
        (bars(price=18, close=[17.9]), bars(source="b3", close=[10.0]), ""),
        (bars(2, source="b3", close=[10.0, 10.2]), bars(2, close=[10.0, 30.6]), _TIMES.format("3", "b3")),
        (bars(2, source="b3", close=[10.0, 10.2]), bars(2, close=[30.0, 10.2]), ""),  # a day's last price counts
    ],
)
def test_what_may_replace_what(stored: pa.Table, given: pa.Table, why: str) -> None:
    assert clash(stored, given, DAY) == why


def test_the_usual_distance_of_bars_is_their_length() -> None:
    """Whatever their order, whatever is missing between two, and a bar that came twice counts once."""
    uneven = at("2024-05-02T15:00", "2024-05-02T13:00", "2024-05-02T13:15", "2024-05-02T13:30", "2024-05-02T13:30")
    assert clash(bars(4), uneven, DAY) == "the lake has bars of 60 minutes there, and these are of 15 minutes"
    half = at("2024-05-02T13:00", "2024-05-02T13:00:30", "2024-05-02T13:01", "2024-05-02T13:01:30")
    assert clash(bars(4), half, DAY) == "the lake has bars of 60 minutes there, and these are of 0.5 minutes"


@pytest.mark.parametrize(
    ("stored", "sound"),
    [
        (at("2024-05-02T03:00"), True),
        (at("2024-05-03T02:59:59.999999"), True),
        (at("2024-05-02T02:59:59.999999"), False),
        (at("2024-05-03T03:00"), False),
        (at("2024-05-02T03:00", ""), False),
        (at("2024-05-02T13:00", "2024-05-03T03:00"), False),
        (pa.concat_tables([at("2024-05-02T13:00"), at("2024-05-02T14:00", source=None)]), False),
    ],
)
def test_what_is_no_row_of_the_day_may_be_replaced(stored: pa.Table, sound: bool) -> None:
    invented = bars(source="synthetic")
    why = "the lake has prices of b3 there, and these are of synthetic" if sound else ""
    assert clash(stored, invented, DAY) == why
    assert clash(at("2024-05-02T03:00", source="synthetic"), bars(), DAY) == (
        "the lake has prices of synthetic there, and these are of yahoo"
    )


def hourly(counts: dict[dt.date, int]) -> list[dict[str, object]]:
    return [bar(day, ts=stamp(day, 10 + n)) for day, count in counts.items() for n in range(count)]


def answers(fake_yahoo: FakeYahoo, counts: dict[dt.date, int]) -> None:
    daily = answer_with([bar(DAY), bar(NEXT)])
    by_interval = {"1d": daily, "1h": answer_with(hourly(counts), dataGranularity="1h")}
    fake_yahoo.scripted["PETR4.SA"] = [lambda query: by_interval[query.interval]]


def test_another_interval_leaves_the_days_that_are_there(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    lake: TestLake,
) -> None:
    answers(fake_yahoo, {DAY: 8})
    assert command(*TOOK, "--interval", "1h") == 0
    before = lake.everything()[key_of(DAY)]
    assert command(*TOOK) == 3
    record = command.records()["PETR4"]
    assert (record["status"], record["written"], record["refused"]) == ("failed", 1, 1)
    assert record["cause"] == (
        f"1 bar not written: the lake has bars of 60 minutes there, and these are of a day ({DAY})"
    )
    assert lake.everything()[key_of(DAY)] == before
    assert len(lake.rows(key_of(NEXT))) == 1


def test_half_an_answer_takes_no_bars_from_the_lake(
    command: Command,  # noqa: F811
    fake_yahoo: FakeYahoo,
    lake: TestLake,
) -> None:
    answers(fake_yahoo, {DAY: 8, NEXT: 8})
    assert command(*TOOK, "--interval", "1h") == 0
    answers(fake_yahoo, {DAY: 8, NEXT: 3})
    assert command(*TOOK, "--interval", "1h") == 3
    assert f"1 bar not written: the lake has more bars of the day ({NEXT})" in command.records()["PETR4"]["cause"]
    assert len(lake.rows(key_of(NEXT))) == 8
