"""Writes COTAHIST files by B3's specification of the record; it shares nothing with the parser.

>>> whole_file([quote(), quote(code="BB  4", factor=1000)], total_of="quotes")
"""

LAYOUT: dict[str, tuple[int, int]] = {
    "type": (1, 2),
    "day": (3, 8),
    "bdi": (11, 2),
    "code": (13, 12),
    "market": (25, 3),
    "name": (28, 12),
    "spec": (40, 10),
    "term": (50, 3),
    "currency": (53, 4),
    "open": (57, 13),
    "high": (70, 13),
    "low": (83, 13),
    "mean": (96, 13),
    "close": (109, 13),
    "bid": (122, 13),
    "ask": (135, 13),
    "trades": (148, 5),
    "volume": (153, 18),
    "turnover": (171, 18),
    "strike": (189, 13),
    "correction": (202, 1),
    "expires": (203, 8),
    "factor": (211, 7),
    "points": (218, 13),
    "isin": (231, 12),
    "distribution": (243, 3),
}
"""Field to its first position, from 1, and its width."""

_USUAL: dict[str, int | str] = {
    "type": "01",
    "day": 20240102,
    "bdi": "02",
    "code": "PETR4",
    "market": "010",
    "name": "PETROBRAS",
    "spec": "PN      N2",
    "term": "",
    "currency": "R$",
    "open": 3710,
    "high": 3790,
    "low": 3702,
    "mean": 3745,
    "close": 3778,
    "bid": 3777,
    "ask": 3778,
    "trades": 36143,
    "volume": 24043300,
    "turnover": 90042158500,
    "strike": 0,
    "correction": 0,
    "expires": 99991231,
    "factor": 1,
    "points": 0,
    "isin": "BRPETRACNPR6",
    "distribution": "220",
}


def quote(**fields: int | str | bytes) -> bytes:
    """A quote's record of 245 bytes: a usual one but for `fields`; prices and turnover are in cents."""
    record = bytearray(245)
    for name, value in (_USUAL | fields).items():
        first, width = LAYOUT[name]
        if isinstance(value, int):
            text = b"%0*d" % (width, value)
        else:
            text = (value if isinstance(value, bytes) else value.encode("latin-1")).ljust(width)
        if len(text) != width:
            raise ValueError(f"{name} {value!r} is not {width} bytes wide")
        record[first - 1 : first - 1 + width] = text
    return bytes(record)


def whole_file(
    records: list[bytes],
    ending: bytes = b"\r\n",
    *,
    year: int = 2024,
    made: str = "20240102",
    total: int | None = None,
    total_of: str = "lines",
) -> bytes:
    """A file around `records`; its total is of all `lines`, as until 2024, or of the `quotes`, as since 2025."""
    told = total if total is not None else len(records) + (2 if total_of == "lines" else 0)
    head = b"COTAHIST.%04dBOVESPA %s" % (year, made.encode())
    lines = [(b"00" + head).ljust(245), *records, (b"99" + head + b"%011d" % told).ljust(245)]
    return b"".join(line + ending for line in lines)
