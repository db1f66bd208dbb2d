"""How a ticker is written: by people, in the lake, and by Yahoo."""

import re

ALL_TICKERS = "*"
INDEX_TICKER = "IBOV"
INDEX_SYMBOL = "^BVSP"

_B3_CODE = re.compile(r"[A-Z][A-Z0-9]{3}\d{1,2}[A-Z]?")
_INDEX_NAMES = frozenset({INDEX_SYMBOL, "BVSP", INDEX_TICKER})

RENAMED = {
    "BRML3": "ALOS3",
    "BTOW3": "AMER3",
    "BVMF3": "B3SA3",
    "CCRO3": "MOTV3",
    "ELET3": "AXIA3",
    "EMBR3": "EMBJ3",
    "ESTC3": "YDUQ3",
    "KROT3": "COGN3",
    "MRFG3": "MBRF3",
    "PCAR4": "PCAR3",
    "TIMP3": "TIMS3",
    "VIIA3": "BHIA3",
    "VIVT4": "VIVT3",
    "VVAR3": "BHIA3",
}
"""Old code to today's: Yahoo moves the whole history to the new code and forgets the old one. Used for advice only."""


def normalise(text: str) -> str:
    """The lake's name of a ticker: `petr4.sa` is `PETR4`, `^BVSP` is `IBOV`.

    Raises ValueError when `text` cannot be a B3 code.
    """
    code = text.strip().upper().removesuffix(".SA")
    if code in _INDEX_NAMES:
        return INDEX_TICKER
    if not _B3_CODE.fullmatch(code):
        raise ValueError(f"{text.strip()!r} is not a B3 ticker: write it like PETR4, BPAC11 or ^BVSP")
    return code


def yahoo_symbol(ticker: str) -> str:
    """Yahoo's name of a ticker of the lake: `PETR4` is `PETR4.SA`, `IBOV` is `^BVSP`."""
    return INDEX_SYMBOL if ticker == INDEX_TICKER else f"{ticker}.SA"
