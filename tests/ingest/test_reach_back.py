"""The days before the asked ones that a run fetches too, per ticker, on lakes in memory."""

import asyncio
import datetime as dt

import pytest
from obstore.store import MemoryStore

from b3lake.ingest import catch_up
from b3lake.ingest.catch_up import CatchUp, newest_before
from b3lake.ingest.sources.source import Selection
from b3lake.lake.calendar import sessions_between
from b3lake.lake.keys import FIRST_DAY
from tests.ingest.lake_cases import key_of

START = dt.date(2024, 6, 20)
"""A Thursday; the sessions before are on the 19th, 18th, 17th and 14th."""
NOW = dt.datetime(2024, 6, 28, 23, 30, tzinfo=dt.timezone.utc)
A_YEAR_BEFORE = dt.date(2023, 6, 21)
TOLD = "The lake ends before 2024-06-20, so what it lacks is fetched too:"


def june(*days: int) -> list[dt.date]:
    return [dt.date(2024, 6, day) for day in days]


def a_lake(*held: tuple[str, dt.date]) -> MemoryStore:
    store = MemoryStore()
    for ticker, day in held:
        store.put(key_of(day, ticker), b"")
    return store


def caught(
    *held: tuple[str, dt.date], tickers: str | None = "A", interval: str = "1d", extend: bool, together: bool = False
) -> CatchUp:
    wanted = Selection(tuple(tickers.split()) if tickers else None, START, START, NOW, interval)
    return asyncio.run(catch_up.catch_up(a_lake(*held), wanted, extend=extend, together=together))


@pytest.mark.parametrize("extend", [False, True])
def test_who_has_the_session_before_or_is_new_is_fetched_as_asked(extend: bool) -> None:
    wanted = Selection(("A", "NEW"), START, START, NOW)
    there = (("A", june(19)[0]), ("A", START), ("B", june(14)[0]))
    assert caught(*there, tickers="A NEW", extend=extend) == CatchUp(wanted, {}, "")
    assert caught(tickers="A NEW", extend=extend) == CatchUp(wanted, {}, "")
    weekend = Selection(("A",), dt.date(2024, 6, 17), START, NOW)
    found = asyncio.run(catch_up.catch_up(a_lake(("A", june(14)[0])), weekend, extend=extend, together=False))
    assert found == CatchUp(weekend, {}, ""), "between Friday and Monday there is no session"


@pytest.mark.parametrize(
    ("newest", "extend", "since", "missing", "told"),
    [
        (june(18)[0], True, june(19)[0], [], f"{TOLD} A from 2024-06-19."),
        (june(17)[0], True, june(18)[0], [], f"{TOLD} A from 2024-06-18."),
        (june(18)[0], False, None, june(19), ""),
        (june(14)[0], False, None, june(17, 18, 19), ""),
        (dt.date(2023, 6, 20), True, A_YEAR_BEFORE, [], f"{TOLD} A from 2023-06-21."),
        (dt.date(2023, 6, 19), True, A_YEAR_BEFORE, [dt.date(2023, 6, 20)], f"{TOLD} A from 2023-06-21."),
        (FIRST_DAY, True, A_YEAR_BEFORE, sessions_between(dt.date(1994, 7, 5), dt.date(2023, 6, 20)), None),
    ],
)
def test_what_a_ticker_lacks_before_is_fetched_or_told(
    newest: dt.date, extend: bool, since: dt.date | None, missing: list[dt.date], told: str | None
) -> None:
    found = caught(("A", newest), ("A", FIRST_DAY), extend=extend)
    assert found.wanted == Selection(("A",), START, START, NOW, since={"A": since} if since else {})
    assert found.missing == ({"A": missing} if missing else {})
    assert told in (found.told, None)


def test_each_ticker_has_a_first_day_of_its_own() -> None:
    found = caught(("A", june(17)[0]), ("B", june(14)[0]), ("C", june(19)[0]), tickers="C A B", extend=True)
    assert found.wanted.since == {"A": june(18)[0], "B": june(15)[0]}
    assert (found.wanted.start, found.missing) == (START, {})
    assert found.told == f"{TOLD} B from 2024-06-15, A from 2024-06-18."


@pytest.mark.parametrize(
    ("interval", "since", "missing"),
    [
        ("15m", {"A": dt.date(2024, 5, 6)}, sessions_between(dt.date(2024, 4, 3), dt.date(2024, 5, 5))),
        ("1m", {}, sessions_between(dt.date(2024, 4, 3), dt.date(2024, 6, 19))),
        ("1h", {"A": dt.date(2024, 4, 3)}, []),
    ],
)
def test_shorter_bars_are_fetched_as_far_back_as_there_are_any(
    interval: str, since: dict[str, dt.date], missing: list[dt.date]
) -> None:
    found = caught(("A", dt.date(2024, 4, 2)), interval=interval, extend=True)
    assert (found.wanted.since, found.missing) == (since, {"A": missing} if missing else {})


def test_files_of_all_tickers_are_read_from_the_day_after_the_newest_of_any() -> None:
    held = (("A", june(17)[0]), ("B", june(13)[0]))
    found = caught(*held, tickers="A B", extend=True, together=True)
    assert found.wanted == Selection(("A", "B"), june(18)[0], START, NOW)
    assert found.missing == {"B": june(14, 17)}
    assert found.told == f"{TOLD} A from 2024-06-18, B from 2024-06-18."
    found = caught(*held, tickers="A B", extend=False, together=True)
    assert found == CatchUp(
        Selection(("A", "B"), START, START, NOW), {"A": june(18, 19), "B": june(14, 17, 18, 19)}, ""
    )
    found = caught(*held, tickers=None, extend=True, together=True)
    assert found == CatchUp(Selection(None, june(18)[0], START, NOW), {}, f"{TOLD} * from 2024-06-18.")


def newest(store: MemoryStore, tickers: str, day: dt.date) -> dict[str, dt.date]:
    return asyncio.run(newest_before(store, tickers.split(), day))


def test_the_newest_day_before_is_looked_for_to_the_first_of_all() -> None:
    days = [FIRST_DAY, dt.date(1994, 7, 5), dt.date(2020, 1, 2), june(18)[0]]
    store = a_lake(*(("A", day) for day in days), ("B", FIRST_DAY), ("C", START))
    assert newest(store, "A B C", START) == {"A": june(18)[0], "B": FIRST_DAY}
    assert newest(store, "A", june(18)[0]) == {"A": dt.date(2020, 1, 2)}
    assert newest(store, "A", dt.date(1994, 7, 5)) == {"A": FIRST_DAY}
    assert newest(store, "A", FIRST_DAY) == {}
    assert newest(MemoryStore(), "A", START) == {}


def test_after_many_keys_who_was_not_met_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    assert catch_up.LOOKED_AT == 100_000
    store = a_lake(("A", june(12)[0]), *(("B", day) for day in june(17, 18, 19)))
    for looked_at, found in ((3, {}), (4, {"A": june(12)[0]})):
        monkeypatch.setattr(catch_up, "LOOKED_AT", looked_at)
        assert newest(store, "A", START) == found
