"""The fake Yahoo's share: worked out by hand, in the shares of the day on which it is asked."""

import datetime as dt

import pytest

from devlake.fake_yahoo import Query
from devlake.traded_days import FIRST, trade
from devlake.yahoo_share import YahooShare

DAYS = trade([4000, 4040, 1000, 990], {1: ("1.00", "1"), 2: ("0", "4")})
FOREVER = 4_000_000_000


def share(today: int = 3, **mistakes: object) -> YahooShare:
    return YahooShare("PETR4.SA", DAYS, DAYS[today].day, **mistakes)


def result(answered: YahooShare, start: int = 0, interval: str = "1d") -> dict:
    reply = answered(Query("PETR4.SA", start, FOREVER, interval))
    assert reply.status == 200
    return reply.body["chart"]["result"][0]


def closes(answered: YahooShare) -> list[float]:
    return result(answered)["indicators"]["quote"][0]["close"]


def test_before_a_split_everything_is_in_the_old_shares():
    assert closes(share(1)) == pytest.approx([40.0, 40.4])
    told = result(share(1))
    assert list(told["events"]) == ["dividends"]
    assert [each["amount"] for each in told["events"]["dividends"].values()] == [1.0]


def test_after_it_prices_volumes_and_dividends_are_in_the_new_ones():
    told = result(share())
    assert closes(share()) == pytest.approx([10.0, 10.1, 10.0, 9.9])
    assert told["indicators"]["quote"][0]["volume"] == [400_000, 400_400, 100_200, 100_300]
    assert [each["amount"] for each in told["events"]["dividends"].values()] == [0.25]
    (split,) = told["events"]["splits"].values()
    assert (split["numerator"], split["denominator"], split["splitRatio"]) == (4, 1, "4:1")


def test_numbers_are_printed_as_32_bit_floats():
    assert closes(share())[1] == 10.100000381469727


def test_adjusted_closes_are_less_the_dividend():
    """The dividend is 1.00 of a close of 40.00 before: 2.5 % off the first day, and nothing off the others."""
    adjusted = result(share())["indicators"]["adjclose"][0]["adjclose"]
    assert adjusted == pytest.approx([10.0 * 0.975, 10.1, 10.0, 9.9])


def test_yahoos_mistakes_are_settings():
    split = DAYS[2].day
    assert closes(share(applied={split: 0})) == pytest.approx([40.0, 40.4, 10.0, 9.9])
    assert closes(share(applied={split: 2})) == pytest.approx([2.5, 2.525, 10.0, 9.9])
    assert "splits" not in result(share(forgotten={split}))["events"]


def test_only_what_was_asked_for_is_told():
    begin = int(dt.datetime.combine(DAYS[2].day, dt.time(), dt.timezone.utc).timestamp())
    told = result(share(), start=begin)
    assert len(told["timestamp"]) == 2
    assert list(told["events"]) == ["splits"]
    assert share()(Query("PETR4.SA", 0, 1, "1d")).status == 400


def test_short_bars_have_no_events_and_old_ones_are_refused():
    begin = int(dt.datetime.combine(FIRST, dt.time(), dt.timezone.utc).timestamp())
    told = result(share(), begin, "1h")
    assert len(told["timestamp"]) == 8 * len(DAYS)
    assert "events" not in told
    refused = share()(Query("PETR4.SA", begin - 30 * 86400, FOREVER, "1m"))
    assert refused.status == 422
