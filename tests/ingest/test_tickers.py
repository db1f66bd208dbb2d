"""How tickers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.lake.tickers import RENAMED, normalise, yahoo_symbol


@pytest.mark.parametrize(
    ("text", "ticker", "symbol"),
    [
        ("PETR4", "PETR4", "PETR4.SA"),
        (" petr4.sa ", "PETR4", "PETR4.SA"),
        ("B3SA3", "B3SA3", "B3SA3.SA"),
        ("BPAC11", "BPAC11", "BPAC11.SA"),
        ("M1TA34", "M1TA34", "M1TA34.SA"),
        ("PETR4F", "PETR4F", "PETR4F.SA"),
        ("^BVSP", "IBOV", "^BVSP"),
        ("ibov", "IBOV", "^BVSP"),
    ],
)
def test_spellings(text: str, ticker: str, symbol: str):
    assert normalise(text) == ticker
    assert yahoo_symbol(ticker) == symbol


@pytest.mark.parametrize("text", ["", "PETR", "PETR123", "AAPL", "PETR4/..", "dt=1", "^GSPC", "PETR4\n../x"])
def test_what_is_no_ticker(text: str):
    with pytest.raises(ValueError, match="is not a B3 ticker"):
        normalise(text)


@given(text=st.text(max_size=12))
def test_a_name_is_normal_once_normalised_and_safe_in_a_key(text: str):
    try:
        ticker = normalise(text)
    except ValueError:
        return
    assert normalise(ticker) == ticker
    assert ticker.isascii()
    assert ticker.isalnum()


def test_new_names_are_not_old_ones():
    assert set(RENAMED.values()).isdisjoint(RENAMED)
    assert all(normalise(name) == name for pair in RENAMED.items() for name in pair)
