"""Codes that were given up: the file, today's code of an old one, and a series across a rename."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.lake.calendar import is_session
from b3lake.lake.renames import Rename, Span, lineage, newest_code, renames
from b3lake.lake.tickers import is_code, normalise

NATURA = [
    Rename("NATU3", "NTCO3", dt.date(2019, 12, 18), "a holding"),
    Rename("NTCO3", "NATU3", dt.date(2025, 7, 2), "and back"),
]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_the_file_is_sorted_whole_and_of_codes() -> None:
    listed = list(renames())
    assert listed == sorted(listed, key=lambda each: (each.old, each.new))
    assert len({each.old for each in listed}) == len(listed) == 19
    for each in listed:
        assert is_code(each.old)
        assert normalise(each.new) == each.new != each.old
        assert each.why[0].isalpha()
        assert "," not in each.why
        assert each.day is None or is_session(each.day), each


@pytest.mark.parametrize(
    ("old", "newest"),
    [
        ("VVAR3", "BHIA3"),
        ("VIIA3", "BHIA3"),
        ("ELET6", "AXIA6"),
        ("VIVT4", "VIVT3"),
        ("BVMF3", "B3SA3"),
        ("BHIA3", None),
        ("PETR4", None),
        ("BRML3", None),  # merged into what is ALOS3 today
        ("BRFS3", None),  # merged into what is MBRF3 today
    ],
)
def test_today_s_code_of_an_old_one(old: str, newest: str | None) -> None:
    assert newest_code(old) == newest


def test_a_series_goes_across_every_rename_that_has_a_day() -> None:
    assert lineage("BHIA3") == [
        Span("BHIA3", day("2023-09-20"), None),
        Span("VIIA3", day("2021-08-16"), day("2023-09-19")),
        Span("VVAR3", None, day("2021-08-15")),
    ]


@pytest.mark.parametrize(
    "ticker",
    [
        "PETR4",
        "EMBJ3",  # the day is not known
        "VIVT3",  # VIVT4 was made VIVT3, which had a series of its own
    ],
)
def test_a_series_without_a_rename_is_its_own(ticker: str) -> None:
    assert lineage(ticker) == [Span(ticker, None, None)]


def test_a_code_that_was_given_up_and_taken_again() -> None:
    assert lineage("NATU3", NATURA) == [
        Span("NATU3", day("2025-07-02"), None),
        Span("NTCO3", day("2019-12-18"), day("2025-07-01")),
        Span("NATU3", None, day("2019-12-17")),
    ]
    assert newest_code("NATU3", NATURA) is None
    assert newest_code("NTCO3", NATURA) == "NATU3"


def test_a_code_that_another_share_had_before() -> None:
    # JSL's shares became Simpar's, and a new JSL took the old code.
    known = [Rename("JSLG3", "SIMH3", day("2020-09-21"), "a holding"), Rename("AAAA3", "JSLG3", day("2021-01-04"), "")]
    assert newest_code("AAAA3", known) == "JSLG3"
    assert newest_code("JSLG3", known) == "SIMH3"
    assert lineage("SIMH3", known) == [Span("SIMH3", day("2020-09-21"), None), Span("JSLG3", None, day("2020-09-20"))]


_codes = st.sampled_from([f"{letter * 4}{digit}" for letter in "ABC" for digit in "34"])
_known = st.lists(
    st.builds(Rename, _codes, _codes, st.none() | st.dates(day("2000-01-01"), day("2000-03-01")), st.just("")),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(_codes, _known)
def test_whatever_the_file_says_a_lineage_ends_and_its_spans_follow_each_other(
    ticker: str, known: list[Rename]
) -> None:
    assert newest_code(ticker, known) in {None, *(each.new for each in known)} - {ticker}
    spans = lineage(ticker, known)
    assert (spans[0].ticker, spans[0].last, spans[-1].first) == (ticker, None, None)
    for newer, older in zip(spans, spans[1:], strict=False):  # noqa: RUF007 - the pair is named
        assert newer.first is not None
        assert older.last == newer.first - dt.timedelta(days=1)
        assert Rename(older.ticker, newer.ticker, newer.first, "") in known
        assert newer.ticker[4:] == older.ticker[4:]


def test_the_latest_share_that_took_a_code_is_the_one_that_has_it() -> None:
    known = [
        Rename("AAAA3", "XXXX3", day("2010-01-04"), "first"),
        Rename("XXXX3", "YYYY3", day("2010-01-05"), "the next day"),
        Rename("BBBB3", "XXXX3", day("2015-01-05"), "again"),
    ]
    for order in (known, known[::-1]):
        assert [span.ticker for span in lineage("XXXX3", order)] == ["XXXX3", "BBBB3"]
        assert lineage("YYYY3", order) == [
            Span("YYYY3", day("2010-01-05"), None),
            Span("XXXX3", day("2010-01-04"), day("2010-01-04")),
            Span("AAAA3", None, day("2010-01-03")),
        ]
