"""How a ticker is written: by people, in the lake, and by Yahoo."""

import re

ALL_TICKERS = "*"
INDEX_TICKER = "IBOV"
INDEX_SYMBOL = "^BVSP"
YAHOO_SUFFIX = ".SA"

CASH, FRACTIONAL = "cash", "fractional"
MARKETS = (CASH, FRACTIONAL)
"""The market of round lots, and that of a few shares, where a share has a code of its own."""
FRACTIONAL_SUFFIX = "F"

_CODE = re.compile(r"(?=[0-9]*[A-Z])(?=[A-Z]*[0-9])[A-Z0-9]{2,12}")
_CODE_WITH_BLANKS = re.compile(r"[A-Z]+(?: +[A-Z]+)* +[0-9]{1,2}[A-Z]?")
"""A code as B3's files had it until 1998: three letters, of which the last may be blank, a blank, a digit."""
_LETTERS = re.compile(r"[A-Z]+")
_SHARE_TYPE = re.compile(r"[0-9]{1,2}[A-Z]?(?:\.SA)?")
_INDEX_NAMES = frozenset({INDEX_SYMBOL, "BVSP", INDEX_TICKER})


def is_code(text: str) -> bool:
    """Whether `text` is a code as the lake has it: up to 12 capital letters and digits, at least one of each.

    So are all of B3's files, once their blanks are dropped; and no such text can leave its place in a key.
    """
    return bool(_CODE.fullmatch(text))


def is_ticker(text: str) -> bool:
    """Whether `text` is a ticker as the lake spells it: a code, or the index."""
    return text == INDEX_TICKER or is_code(text)


def in_market(ticker: str, market: str) -> str:
    """The code of `ticker` in one of MARKETS: `PETR4` is `PETR4F` in the fractional one."""
    is_other = market == FRACTIONAL and ticker != INDEX_TICKER and not ticker.endswith(FRACTIONAL_SUFFIX)
    return ticker + FRACTIONAL_SUFFIX if is_other else ticker


def normalise(text: str) -> str:
    """The lake's name of a ticker: `petr4.sa` is `PETR4`, `^BVSP` is `IBOV`, `BB  4` is `BB4`.

    Raises ValueError when `text` cannot be a B3 code.
    """
    code = text.strip(" ")
    code = (code.upper() if code.isascii() else code).removesuffix(YAHOO_SUFFIX)
    if code in _INDEX_NAMES:
        return INDEX_TICKER
    if _CODE_WITH_BLANKS.fullmatch(code):
        code = code.replace(" ", "")
    if not is_code(code):
        raise ValueError(f"{text.strip()!r} is not a B3 ticker: write it like PETR4, BPAC11 or ^BVSP")
    return code


def split_list(text: str) -> list[str]:
    """The tickers of a list that is parted by commas, semicolons or blanks, each as it was written.

    An old code keeps its blanks: `PETR4 BB  4, TEL 4` are PETR4, `BB 4` and `TEL 4`.
    """
    return [name for part in re.split("[,;]", text) for name in _split_at_blanks(part)]


def _split_at_blanks(text: str) -> list[str]:
    names: list[str] = []
    letters: list[str] = []
    for word in text.split():
        upper = word.upper()
        if letters and _SHARE_TYPE.fullmatch(upper):
            names.append(" ".join([*letters, word]))
            letters = []
        elif _LETTERS.fullmatch(upper) and upper not in _INDEX_NAMES:
            letters.append(word)
        else:
            names += [*letters, word]
            letters = []
    return names + letters


def yahoo_symbol(ticker: str) -> str:
    """Yahoo's name of a ticker of the lake: `PETR4` is `PETR4.SA`, `IBOV` is `^BVSP`."""
    return INDEX_SYMBOL if ticker == INDEX_TICKER else f"{ticker}{YAHOO_SUFFIX}"
