"""One small lake for the tests of questions and of the page."""

import exchange_calendars
import pytest

from local.embedded_aws import EmbeddedAws
from tests.query.lake import Lake, build_lake, invent_quotes

TICKERS = ["ABEV3", "B3SA3", "IBOV", "PETR4", "VALE3"]


@pytest.fixture(scope="session")
def lake(embedded_aws: EmbeddedAws) -> Lake:
    """Five tickers over 70 sessions across a new year; VALE3 misses one, B3SA3 has only the last three."""
    sessions = exchange_calendars.get_calendar("BVMF").sessions_in_range("2023-11-01", "2024-02-15")
    quotes = invent_quotes(TICKERS, [session.date() for session in sessions])
    missing = (quotes["ticker"] == "VALE3") & (quotes["ts"].dt.date == sessions[40].date())
    early = (quotes["ticker"] == "B3SA3") & (quotes["ts"] < sessions[-3])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in embedded_aws.environment().items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        return build_lake(embedded_aws.endpoint_url, "query", quotes[~missing & ~early])
