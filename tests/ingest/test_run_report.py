"""The report of a run on terminals of every width."""

import datetime as dt
import io

import pytest
from rich.console import Console

from b3lake.ingest.errors import Status
from b3lake.ingest.outcome import Outcome
from b3lake.ingest.run_report import print_outcomes

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
