"""The report of a run on terminals of every width, and word by word."""

import datetime as dt
import io
import json

import pytest
from rich.console import Console

from b3lake.ingest import catch_up, run_report
from b3lake.ingest.beside_quotes import TableOutcome
from b3lake.ingest.doctor.examine import Examination
from b3lake.ingest.doctor.finding import Finding, Kind
from b3lake.ingest.errors import Status
from b3lake.ingest.outcome import Outcome, summary
from b3lake.ingest.run_report import days, print_outcomes, write_examination, write_outcomes

GAPS = [dt.date(2024, 1, day) for day in range(2, 7)]
COUNTS = (125_000, 24_123, 123_456, 100_234)


@pytest.mark.parametrize("width", [76, 80, 100, 119, 120, 150, 240])
def test_no_number_and_no_day_is_cut(width: int) -> None:
    sink = io.StringIO()
    failed = Outcome("PETR4F", Status.RATE_LIMITED, *COUNTS, gaps=GAPS, cause="Yahoo refused 6 requests (429)")
    print_outcomes([failed, Outcome("VALE3", Status.WRITTEN)], Console(file=sink, width=width))
    text = sink.getvalue()
    assert max(map(len, text.splitlines())) <= width
    for whole in (*map(str, COUNTS), *map(str, GAPS), "rate-limited", "PETR4F", "VALE3", "(429)"):
        assert whole in text


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of standard output, with single blanks between words."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


FAILED = Outcome("PETR4", Status.FAILED, 7, 6, 5, 4, gaps=[*GAPS, dt.date(2024, 1, 8)], cause="[no] reason; why")
SOUND = Outcome("VALE3", Status.WRITTEN, 3, 3, 2, 1)
TOLD = Outcome("ITUB4", Status.UNCHANGED, 1, 1, 0, 1, cause="told")
RATES = TableOutcome("br_rates", written=True, causes=("CDI: away",))
WEIGHTS = TableOutcome("b3_index_portfolio")


def test_a_report_for_a_person_has_a_line_a_ticker_a_table_and_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    totals = summary([FAILED, SOUND], 1.5, dry_run=False)
    write_outcomes([FAILED, SOUND], [RATES, WEIGHTS], totals, json_lines=False)
    assert printed(capsys) == [
        "ticker status requested received written unchanged gaps cause",
        f"PETR4 failed 7 6 5 4 {' '.join(map(str, GAPS))} and 1 more [no] reason; why",
        "VALE3 written 3 3 2 1",
        "br_rates: written; CDI: away",
        "b3_index_portfolio: unchanged",
        "7 partitions written, 5 unchanged, 6 sessions missing; 1 of 2 tickers failed; 1.5 s.",
    ]
    write_outcomes([SOUND], [RATES], summary([SOUND], 2, dry_run=True), json_lines=False)
    assert printed(capsys)[2:] == [
        "br_rates: would be written; CDI: away",
        "2 partitions would be written, 1 unchanged, 0 sessions missing; 0 of 1 ticker failed; 2 s.",
    ]


def test_of_a_whole_market_only_what_something_is_said_of_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [FAILED, SOUND, TOLD]
    write_outcomes(outcomes, [], summary(outcomes, 1, dry_run=False), json_lines=False, only_failed=True)
    assert [line.partition(" ")[0] for line in printed(capsys)] == ["ticker", "PETR4", "ITUB4", "7"]
    write_outcomes(outcomes, [], summary(outcomes, 1, dry_run=False), json_lines=False)
    assert [line.partition(" ")[0] for line in printed(capsys)] == ["ticker", "PETR4", "VALE3", "ITUB4", "7"]


def test_a_report_for_a_program_has_every_ticker_and_the_tables_in_its_totals(
    capsys: pytest.CaptureFixture[str],
) -> None:
    totals = summary([FAILED, SOUND], 1.5, dry_run=False)
    write_outcomes([FAILED, SOUND], [RATES], totals, json_lines=True, only_failed=True)
    *lines, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert lines == [FAILED.as_record(), SOUND.as_record()]
    assert last == {"summary": totals | {"tables": [RATES.as_record()]}}


@pytest.mark.parametrize(("count", "more"), [(0, ""), (5, ""), (6, " and 1 more")])
def test_five_days_are_shown_and_the_others_counted(count: int, more: str) -> None:
    listed = [dt.date(2024, 1, day) for day in range(2, 2 + count)]
    assert days(listed) == " ".join(map(str, listed[:5])) + more


def test_a_narrow_terminal_has_gaps_and_causes_below() -> None:
    sink = io.StringIO()
    print_outcomes([FAILED, SOUND], Console(file=sink, width=119))
    assert sink.getvalue().splitlines()[3:] == [
        f"PETR4: gaps {' '.join(map(str, GAPS))} and 1 more",
        "PETR4: [no] reason; why",
    ]
    wide = io.StringIO()
    print_outcomes([SOUND], Console(file=wide, width=120))
    assert wide.getvalue().splitlines()[0].split()[-2:] == ["gaps", "cause"]


def test_an_examination_has_a_line_a_kind_with_its_first_places(capsys: pytest.CaptureFixture[str]) -> None:
    seen = Examination(objects=1, rows=2000)
    seen.days["PETR4"].add(GAPS[0])
    seen.findings = [Finding(Kind.GAP, "PETR4", day) for day in [*GAPS, dt.date(2024, 1, 8)]]
    seen.findings += [Finding(Kind.MIXED, "VALE3", day) for day in GAPS]
    seen.findings += [Finding(Kind.STRAY, "", None, "raw/[b3]/\x1b")]
    write_examination(seen, 3, json_lines=False)
    assert printed(capsys) == [
        "finding count where",
        f"gap 6 {' '.join(f'PETR4 {day};' for day in GAPS)} …",
        f"mixed-sources 5 {' '.join(f'VALE3 {day};' for day in GAPS)[:-1]}",
        "stray 1 raw/[b3]/\\x1b",
        "1 object, 2,000 rows, 1 ticker read: 12 findings; 3 repaired.",
    ]
    write_examination(seen, 3, json_lines=True)
    *lines, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert lines == [finding.as_record() for finding in seen.findings]
    assert last == {"summary": {"objects": 1, "rows": 2000, "tickers": 1, "findings": 12, "repaired": 3}}


REFUSED, IN_PORTUGUESE = "2 bars refused: null price (2024-05-02)", "2 barras fora: preço nulo (2024-05-02)"


@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        (REFUSED, IN_PORTUGUESE),
        ("; ".join([REFUSED] * 9), "; ".join([IN_PORTUGUESE] * 9)),  # more than fit into one another
        (f"CDI: away; {REFUSED}", f"CDI: away; {IN_PORTUGUESE}"),  # somebody else's words
        (  # a semicolon of the sentence's own
            "The AWS credentials have expired: in a lab, start it again and copy its credentials; elsewhere renew "
            "yours, and run again.",
            "As credenciais da AWS expiraram: em um lab, inicie-o de novo e copie as credenciais; fora dele, renove "
            "as suas e execute de novo.",
        ),
        ("CDI: away", "CDI: away"),
    ],
)
def test_each_cause_is_told_in_the_language_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, cause: str, shown: str
) -> None:
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    assert run_report._causes(cause) == shown


# --- What a run goes back for ------------------------------------------------------------------------------------


def test_what_is_fetched_beyond_the_range_is_said_by_its_first_day() -> None:
    start = dt.date(2024, 6, 3)
    since = {name: dt.date(2024, 5, 2) for name in "FEDCBA"} | {"G": dt.date(2024, 4, 2)}
    assert catch_up._sentence(start, {}) == ""
    assert catch_up._sentence(start, {"A": GAPS[0]}) == (
        "The lake ends before 2024-06-03, so what it lacks is fetched too: A from 2024-01-02."
    )
    five = ", ".join(["G from 2024-04-02", *(f"{name} from 2024-05-02" for name in "ABCD")])
    assert catch_up._sentence(start, since) == (
        f"The lake ends before 2024-06-03, so what it lacks is fetched too: {five} and 2 more."
    )
    of_five = {name: since[name] for name in "ABCDG"}
    assert catch_up._sentence(start, of_five).endswith("D from 2024-05-02.")
    assert catch_up.phrase(GAPS[:1]) == (
        "before that the lake lacks 1 session, 2024-01-02 to 2024-01-02: if it traded then, fetch once with "
        "START_DATE=2024-01-02"
    )


@pytest.mark.parametrize(
    ("intervals", "reach"), [(("1d", "1h", "60m"), 365), (("90m", "30m", "15m", "5m", "2m"), 45), (("1m",), 0)]
)
def test_how_far_a_run_goes_back_by_itself(intervals: tuple[str, ...], reach: int) -> None:
    assert {catch_up._reach(interval) for interval in intervals} == {dt.timedelta(days=reach)}
