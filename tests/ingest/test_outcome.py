"""How a ticker fared and what a run returns, and the steps of its prices: each rule alone, at its bounds."""

import datetime as dt
import math
from collections import Counter

import numpy as np
import pytest

from b3lake.ingest.errors import (
    InvalidAnswerError,
    NoDataError,
    RateLimitedError,
    Status,
    TickerError,
    missing_sessions,
)
from b3lake.ingest.events.report import EventsReport, Knowledge
from b3lake.ingest.load import Tally
from b3lake.ingest.outcome import Outcome, exit_code, summary
from b3lake.ingest.steps import Days, Step, contradicted, log_steps, phrase, unexplained_steps, whole_ratio
from b3lake.lake.errors import B3LakeError

DAY = dt.date(2024, 5, 2)


def tally(written: int = 0, unchanged: int = 0, failed: int = 0, cause: str = "") -> Tally:
    told = Tally()
    for counter, number in ((told.written, written), (told.unchanged, unchanged), (told.failed, failed)):
        counter["PETR4"] = number
        counter["VALE3"] = 70
    if cause:
        told.causes["PETR4"] = cause
    return told


@pytest.mark.parametrize(
    ("told", "dry_run", "status"),
    [
        (tally(written=2, unchanged=3), False, Status.WRITTEN),
        (tally(written=2, unchanged=3), True, Status.PLANNED),
        (tally(unchanged=3), False, Status.UNCHANGED),
        (tally(), True, Status.UNCHANGED),
        (tally(written=2, failed=1), False, Status.FAILED),
    ],
)
def test_what_became_of_the_partitions_of_a_ticker(told: Tally, dry_run: bool, status: Status) -> None:
    outcome = Outcome("PETR4", Status.NO_DATA, cause="first")
    outcome.note_tally(told, dry_run=dry_run)
    assert (outcome.status, outcome.written, outcome.unchanged) == (
        status,
        told.written["PETR4"],
        told.unchanged["PETR4"],
    )
    assert (outcome.refused, outcome.cause) == (0, "first")


def test_rows_that_were_kept_from_the_lake_fail_their_ticker() -> None:
    told = tally(written=2, cause="S3 said no")
    told.kept["PETR4"] = {DAY: "the lake has more bars of the day"}
    told.kept["VALE3"] = {DAY: "something else"}
    outcome = Outcome("PETR4", Status.WRITTEN, refused=3)
    outcome.note_tally(told, dry_run=False)
    assert (outcome.status, outcome.refused, outcome.written) == (Status.FAILED, 4, 2)
    assert outcome.cause == "1 bar not written: the lake has more bars of the day (2024-05-02); S3 said no"


@pytest.mark.parametrize(
    ("before", "told", "dry_run", "after"),
    [
        (Status.UNCHANGED, tally(written=2), False, Status.WRITTEN),
        (Status.UNCHANGED, tally(written=2), True, Status.PLANNED),
        (Status.UNCHANGED, tally(), False, Status.UNCHANGED),
        (Status.NO_DATA, tally(written=2), False, Status.NO_DATA),
        (Status.WRITTEN, tally(failed=1), False, Status.FAILED),
    ],
)
def test_what_became_of_the_events_of_a_ticker(before: Status, told: Tally, dry_run: bool, after: Status) -> None:
    outcome = Outcome("PETR4", before)
    outcome.note_events(EventsReport(tally=told), dry_run=dry_run)
    assert (outcome.status, outcome.rewritten) == (after, told.written["PETR4"])
    assert (outcome.events, outcome.events_missed, outcome.cause) == ("", False, "")


def test_events_that_were_asked_for_in_vain_are_no_success() -> None:
    report = EventsReport.of_failure(["PETR4", "VALE3"], B3LakeError("no answer"))
    report.tally.causes["PETR4"] = "S3 said no"
    outcome = Outcome("PETR4", Status.WRITTEN, written=1)
    outcome.note_events(report, dry_run=False)
    assert (outcome.events, outcome.events_missed) == (Knowledge.UNKNOWN, True)
    assert (outcome.succeeded, outcome.cause) == (False, "S3 said no; events: no answer")
    assert report == EventsReport(
        dict.fromkeys(("PETR4", "VALE3"), Knowledge.UNKNOWN),
        dict.fromkeys(("PETR4", "VALE3"), "events: no answer"),
        {"PETR4", "VALE3"},
        report.tally,
    )


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        ([Outcome("A", Status.WRITTEN), Outcome("B", Status.UNCHANGED), Outcome("C", Status.PLANNED)], 0),
        ([Outcome("A", Status.NO_DATA), Outcome("B", Status.FAILED)], 1),
        ([Outcome("A", Status.NO_DATA), Outcome("B", Status.WRITTEN, written=1)], 3),
        ([Outcome("A", Status.NO_DATA), Outcome("B", Status.UNCHANGED, unchanged=1)], 3),
        ([Outcome("A", Status.WRITTEN, written=1, events_missed=True)], 3),
        ([Outcome("A", Status.UNCHANGED, events_missed=True)], 1),
    ],
)
def test_what_a_run_returns(outcomes: list[Outcome], code: int) -> None:
    assert exit_code(outcomes) == code


def test_which_outcomes_are_success() -> None:
    words = ["written", "unchanged", "planned", "incomplete", "no-data", "rate-limited", "invalid", "failed"]
    assert [status.value for status in Status] == words
    assert [status.value for status in Status if status.succeeded] == words[:3]


STEP = Step(DAY, 20.0, 5.125, 4.0)


def test_totals_and_records_name_every_number() -> None:
    one = Outcome("A", Status.WRITTEN, 7, 6, 5, 4, 3, 2, 1, [DAY], [STEP], "why", "known", events_missed=True)
    other = Outcome("B", Status.FAILED, written=10, unchanged=20, rewritten=30, refused=40, gaps=[DAY, DAY])
    assert summary([one, other], 1.2345, dry_run=True) == {
        "tickers": 2,
        "failed_tickers": 1,
        "events_missed": 1,
        "written": 15,
        "unchanged": 24,
        "rewritten": 33,
        "refused": 42,
        "gaps": 3,
        "unexplained_steps": 1,
        "dry_run": True,
        "seconds": 1.23,
    }
    assert one.as_record() == {
        "ticker": "A",
        "status": "written",
        "requested": 7,
        "received": 6,
        "written": 5,
        "unchanged": 4,
        "rewritten": 3,
        "refused": 2,
        "doubtful": 1,
        "gaps": ["2024-05-02"],
        "steps": [{"day": "2024-05-02", "before": 20.0, "after": 5.125, "ratio": 4.0, "listed": 1.0}],
        "cause": "why",
        "events": "known",
        "events_missed": True,
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (TickerError, Status.FAILED),
        (NoDataError, Status.NO_DATA),
        (RateLimitedError, Status.RATE_LIMITED),
        (InvalidAnswerError, Status.INVALID),
    ],
)
def test_an_error_of_a_ticker_names_it_once(kind: type[TickerError], status: Status) -> None:
    error = kind("PETR4", "no way")
    assert (str(error), error.cause, error.status, error.exit_code) == ("PETR4: no way", "no way", status, 1)


def test_sessions_that_are_missing_are_counted_and_the_first_is_named() -> None:
    error = missing_sessions("x", [DAY])
    assert error.status is Status.INCOMPLETE
    assert str(error) == "x has no file of the session of 2024-05-02: add it, or choose other days."
    assert str(missing_sessions("x", [DAY + dt.timedelta(days=1), DAY])) == (
        "x has no file of 2 sessions, the first that of 2024-05-02: add it, or choose other days."
    )


# --- Steps -------------------------------------------------------------------------------------------------------


def test_steps_in_words() -> None:
    told = "the close goes from 20 to 5.125 and no split is listed; a ratio of 4 would explain it"
    assert STEP.sentence() == told
    listed = Step(DAY, 20.0, 5.125, 4.0, listed=0.5)
    assert listed.sentence() == told.replace("no split is listed", "a ratio of 0.5 is listed")
    assert phrase([]) == ""
    assert phrase([STEP]) == f"unexplained-step on 2024-05-02: {told}"
    assert phrase([STEP, listed, listed]) == f"unexplained-step on 2024-05-02: {told} (and 2 more)"


@pytest.mark.parametrize(
    ("ratio", "whole"),
    [
        (1.79, None),
        (1.81, None),
        (1.85, 2.0),
        (2.0, 2.0),
        (2.166, 2.0),
        (2.17, None),
        (2.5, None),
        (10.0, 10.0),
        (10.8, 11.0),
        (1 / 1.79, None),
        (1 / 2, 0.5),
        (1 / 100, 0.01),
        (math.nan, None),
    ],
)
def test_about_which_whole_ratio_a_step_is(ratio: float, whole: float | None) -> None:
    """A close that falls to a half, to 1/2.166: within 0.08 in log price of a split of two."""
    assert whole_ratio(-math.log(ratio)) == (whole if whole is None else pytest.approx(whole))


def days(closes: list[float], opens: list[float] | None = None, *, splits: dict[int, float] | None = None) -> Days:
    of_days = np.datetime64("2024-01-01") + np.arange(len(closes))
    ratios = np.array([(splits or {}).get(number, 1.0) for number in range(len(closes))])
    return Days(of_days, np.array(opens or closes), np.array(closes), np.zeros(len(closes)), ratios)


@pytest.mark.parametrize(
    ("of", "ratios"),
    [
        (days([20.0, 10.0]), [2.0]),
        (days([10.0, 20.0]), [0.5]),
        (days([20.0, 11.2]), []),
        (days([20.0, 10.9]), []),
        (days([20.0, 10.0], [20.0, 18.0]), []),  # it opened where it was, and fell by trading
        (days([0.19, 0.095]), []),
        (days([0.20, 0.10]), [2.0]),
        (days([0.10, 0.20]), [0.5]),
        (days([20.0, 10.0], splits={1: 2.0}), []),
        (days([20.0, 20.0], splits={1: 2.0}), [1.0]),
        (days([20.0, 19.8], splits={1: 1.1}), []),
        (days([20.0, 20.0], splits={1: 1.17}), [1.0]),
        (days([20.0, 20.0], splits={1: 1.16}), []),
    ],
)
def test_which_steps_are_told(of: Days, ratios: list[float]) -> None:
    assert [step.ratio for step in unexplained_steps(of)] == pytest.approx(ratios)


@pytest.mark.parametrize(("pause", "is_told"), [(30, True), (31, False)])
def test_after_a_long_pause_a_step_needs_no_event(pause: int, is_told: bool) -> None:
    of = days([20.0, 10.0])
    at = np.datetime64("2024-01-01") + np.array([0, pause])
    later = Days(at, of.opens, of.closes, of.dividends, of.splits)
    (expected,) = unexplained_steps(of)
    found = unexplained_steps(later)
    assert [(step.before, step.after, step.ratio, step.listed) for step in found] == [
        (expected.before, expected.after, expected.ratio, expected.listed)
    ] * is_told


def test_steps_in_log_price_from_the_close_before_less_the_dividend() -> None:
    of = Days(
        np.datetime64("2024-01-01") + np.arange(4),
        np.array([10.0, 9.0, 8.0, 5.0]),
        np.array([10.0, 8.0, 7.0, 6.0]),
        np.array([0.0, 1.0, 8.0, 0.0]),
        np.ones(4),
    )
    to_open, to_close = log_steps(of)
    assert to_open.tolist() == pytest.approx([math.nan, 0.0, math.nan, math.log(5 / 7)], nan_ok=True)
    assert to_close.tolist() == pytest.approx([math.nan, math.log(8 / 9), math.nan, math.log(6 / 7)], nan_ok=True)
    part = of.between(1, 3)
    assert (part.closes.tolist(), part.dividends.tolist(), len(part.days)) == ([8.0, 7.0], [1.0, 8.0], 2)


def test_a_ratio_is_contradicted_where_open_and_close_leave_more_than_half() -> None:
    two = math.log(2)
    opens = np.array([0.0, -two, -two * 0.49, -two * 0.51, math.nan, 0.0, 0.0])
    closes = np.array([0.0, 0.0, 0.0, 0.0, 0.0, math.nan, -two])
    found = contradicted(opens, closes, np.full(7, 2.0))
    assert found.tolist() == [True, False, True, False, True, False, False]
    assert contradicted(opens, closes, np.ones(7)).tolist() == [False] * 7


def test_counts_of_one_run_are_of_each_ticker() -> None:
    assert tally(written=1).written == Counter({"VALE3": 70, "PETR4": 1})
