"""COTAHIST files by chance: nearly right ones, as text and in ZIP files, spoilt in a few places."""

import io
import random
import zipfile

from hypothesis import strategies as st

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def quote(day: int = 20240102, ticker: str = "PETR4", market: str = "010", price: int = 3710, factor: int = 1) -> bytes:
    """A quote's record, as the specification lays it out."""
    record = bytearray(b" " * 245)

    def put(first: int, text: str) -> None:
        record[first - 1 : first - 1 + len(text)] = text.encode("latin-1")

    put(1, "01")
    put(3, f"{day:08d}")
    put(11, "02")
    put(13, f"{ticker:<12}")
    put(25, market)
    put(28, f"{'PETROBRAS':<12}")
    for place in range(57, 135, 13):
        put(place, f"{price:013d}")
    put(148, f"{1234:05d}")
    put(153, f"{5600:018d}")
    put(171, f"{20776000:018d}")
    put(189, "0" * 13 + "0" + "99991231")
    put(211, f"{factor:07d}")
    put(218, "0" * 13 + "BRPETRACNPR6" + "101")
    return bytes(record)


def whole_file(quotes: list[bytes], ending: bytes = b"\r\n", year: int = 2024, count: int | None = None) -> bytes:
    """A file around these records; its trailer tells the right count unless another is given."""
    head = f"00COTAHIST.{year}BOVESPA 20240102".ljust(245).encode()
    told = len(quotes) + 2 if count is None else count
    tail = f"99COTAHIST.{year}BOVESPA 20240102{told:011d}".ljust(245).encode()
    return b"".join(line + ending for line in (head, *quotes, tail))


_NUMBER = st.integers(0, 10**8 - 1)
_QUOTE = st.builds(
    quote,
    day=st.one_of(st.sampled_from([20240102, 20240103, 20231229, 20240230, 20240000]), _NUMBER),
    ticker=st.sampled_from(["PETR4", "VALE3", "", "ABCDEFGHIJKL", "ÇÃO3"]),
    market=st.sampled_from(["010", "020", "070", "   "]),
    price=_NUMBER,
    factor=st.sampled_from([1, 1000, 0, 9999999]),
)
FILE = st.builds(
    whole_file,
    st.lists(_QUOTE, max_size=6),
    ending=st.sampled_from([b"\r\n", b"\n", b"", b"\r"]),
    year=st.sampled_from([2024, 1985, 1986, 2101, 9999]),
    count=st.none() | st.integers(0, 10**11 - 1),
)


@st.composite
def spoilt(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Sound bytes with up to six changes: bytes overwritten, cut out, put in, repeated; or the end cut off."""
    body = bytearray(draw(sound))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        change = draw(st.sampled_from(["overwrite", "cut", "insert", "repeat", "end"]))
        if change == "overwrite":
            fresh = draw(st.binary(min_size=1, max_size=8))
            body[at : at + len(fresh)] = fresh
        elif change == "cut":
            del body[at : at + draw(st.integers(1, 300))]
        elif change == "insert":
            body[at:at] = draw(st.binary(max_size=16))
        elif change == "repeat":
            body[at:at] = body[at : at + 247]
        else:
            del body[at:]
    return bytes(body)


@st.composite
def archive(draw: st.DrawFn) -> bytes:
    """A ZIP file of one COTAHIST file, or of none or several."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", draw(st.sampled_from(_METHODS))) as target:
        for number in range(draw(st.sampled_from([1, 1, 1, 0, 2]))):
            target.writestr(f"COTAHIST_{number}.TXT", draw(FILE))
    return sink.getvalue()


def _bases() -> list[bytes]:
    """Sound files of every form, to be spoilt fast."""
    texts = [
        whole_file([quote(price=price, factor=1000) for price in range(1, 4)], ending) for ending in (b"\r\n", b"\n")
    ]
    zipped = []
    for method in _METHODS:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", method) as target:
            target.writestr("COTAHIST_A2024.TXT", texts[0])
        zipped.append(sink.getvalue())
    return [*texts, *texts, *zipped]


_BASES = _bases()


def spoilt_fast(seed: int) -> bytes:
    """A sound file with up to five changes that the seed chooses: many times faster than `spoilt`."""
    dice = random.Random(seed)
    body = bytearray(dice.choice(_BASES))
    for _ in range(dice.randint(0, 5)):
        at = dice.randrange(len(body) + 1)
        change = dice.randrange(5)
        if change == 0:
            body[at : at + 1] = bytes([dice.randrange(256)])
        elif change == 1:
            body[at : at + 1] = dice.choice(b"019 \r\n\x00P").to_bytes(1, "big")
        elif change == 2:
            del body[at : at + dice.choice((1, 2, 245, 247))]
        elif change == 3:
            body[at:at] = body[at : at + dice.choice((1, 245, 247))]
        else:
            del body[at:]
    return bytes(body)


_FAST = st.integers(0, 2**63).map(spoilt_fast)
INPUTS = st.one_of(*[_FAST] * 12, spoilt(FILE), spoilt(archive()), archive(), st.binary(max_size=600))
