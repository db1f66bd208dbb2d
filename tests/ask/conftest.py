"""One small lake for the tests of questions and of the page."""

import datetime as dt

import exchange_calendars
import pandas as pd
import pytest

from devlake.emulator import Emulator
from tests.ask.lake import Lake, build_lake, invent_quotes, refine

TICKERS = ["ABEV3", "B3SA3", "IBOV", "PETR4", "VALE3"]


@pytest.fixture(scope="session")
def lake(emulator: Emulator) -> Lake:
    """Five tickers over 70 sessions across a new year; VALE3 misses one, B3SA3 has only the last three."""
    sessions = exchange_calendars.get_calendar("BVMF").sessions_in_range("2023-11-01", "2024-02-15")
    quotes = invent_quotes(TICKERS, [session.date() for session in sessions])
    missing = (quotes["ticker"] == "VALE3") & (quotes["ts"].dt.date == sessions[40].date())
    early = (quotes["ticker"] == "B3SA3") & (quotes["ts"] < sessions[-3])
    kept = quotes[~missing & ~early]
    return _build(emulator, "query", kept, refine(kept))


@pytest.fixture(scope="session")
def damaged_lake(emulator: Emulator) -> Lake:
    """One ticker over five recent days: one not refined, one refined without bronze, one with another volume.

    A sixth, 40 days ago and not refined either, is before those that are compared.
    """
    today = dt.datetime.now(dt.timezone.utc).date()
    quotes = invent_quotes(["ABEV3"], [today - dt.timedelta(days=back) for back in (40, 9, 8, 7, 6, 5)])
    refined = refine(quotes)
    refined.loc[3, "total_volume"] += 1
    return _build(emulator, "damaged", quotes.drop(index=2), refined.drop(index=[0, 1]))


def _build(aws: Emulator, env: str, quotes: pd.DataFrame, refined: pd.DataFrame) -> Lake:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        return build_lake(aws.endpoint_url, env, quotes, refined)
