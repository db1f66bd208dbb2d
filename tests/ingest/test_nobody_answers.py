"""Services beside the quotes that nobody answers for: they are asked once, and the run goes on."""

import asyncio
import datetime as dt

import pytest
from obstore.store import MemoryStore

from b3lake.ingest.beside_quotes import TableOutcome, _alone, update_portfolios, update_rates
from b3lake.ingest.small_tables import PORTFOLIOS, RATES, Destination
from b3lake.ingest.sources.b3_index import IndexPortfolios
from b3lake.ingest.sources.bcb import CentralBank
from b3lake.ingest.sources.http_get import BackOff
from b3lake.lake.errors import B3LakeError
from devlake.loopback import free_port

ONCE = BackOff(attempts=1, first_seconds=0.001, longest_seconds=0.002, timeout_seconds=10)
TODAY = dt.date(2024, 2, 15)


@pytest.fixture
def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_who_does_not_answer_for_one_series_is_asked_for_no_other(nobody: str) -> None:
    to = Destination(MemoryStore(), "synthetic")
    outcome = asyncio.run(update_rates(to, CentralBank(nobody, ONCE), TODAY))
    assert (outcome.table, outcome.written, len(outcome.causes)) == ("br_rates", False, 1)
    assert outcome.causes[0].startswith("CDI, series 12 of the central bank: ")
    assert to.store.list().collect() == []


def test_who_does_not_answer_for_one_index_is_asked_for_no_other(nobody: str) -> None:
    to = Destination(MemoryStore(), "synthetic")
    outcome = asyncio.run(update_portfolios(to, IndexPortfolios(nobody, ONCE), TODAY))
    assert (outcome.table, outcome.written, len(outcome.causes)) == ("b3_index_portfolio", False, 1)
    assert outcome.causes[0].startswith("IBOV, the members of Ibovespa at B3: ")
    assert to.store.list().collect() == []


def test_a_table_that_cannot_be_brought_up_to_date_says_why() -> None:
    async def failing() -> TableOutcome:
        raise B3LakeError("It is damaged.")

    async def done() -> TableOutcome:
        return TableOutcome("b3_index_portfolio", written=True)

    assert asyncio.run(_alone(RATES, failing())) == TableOutcome("br_rates", False, ("It is damaged.",))
    assert asyncio.run(_alone(PORTFOLIOS, done())) == TableOutcome("b3_index_portfolio", True, ())
    assert TableOutcome("x", causes=("a", "b")).as_record() == {"table": "x", "written": False, "causes": ["a", "b"]}
