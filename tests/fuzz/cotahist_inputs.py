"""COTAHIST files by chance: nearly right ones, as text and in ZIP files, spoilt in a few places."""

import io
import random
import zipfile

from hypothesis import strategies as st

from devlake.cotahist_writer import quote, whole_file

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


_NUMBER = st.integers(0, 10**8 - 1)
_CODES = ["PETR4", "5GTK11", "BB  4", "", "ABCDEFGHIJKL", "ÇÃO3", "../../a1", "[b]A1[/b]", "A1\x00B", "\x1b4"]
_QUOTE = st.builds(
    quote,
    day=st.one_of(st.sampled_from([20240102, 20240103, 20231229, 20240230, 20240000]), _NUMBER),
    bdi=st.sampled_from(["02", "96", "zz", "\x00\xff"]),
    code=st.sampled_from(_CODES),
    market=st.sampled_from(["010", "020", "070", "   "]),
    name=st.sampled_from(["PETROBRAS", "TELEMIG PÇ", "", "\x00\x1f\xff"]),
    term=st.sampled_from(["", "000", "\x00\x00\x00", "\r\n "]),
    currency=st.sampled_from(["R$", "R$", "R$", "CR$", "US$", "", "\xff"]),
    open=_NUMBER,
    high=_NUMBER,
    low=_NUMBER,
    close=_NUMBER,
    trades=st.integers(0, 99999),
    volume=st.integers(0, 10**18 - 1),
    turnover=st.integers(0, 10**18 - 1),
    factor=st.sampled_from([1, 10, 1000, 100_000, 0, 9999999]),
    isin=st.sampled_from(["BRPETRACNPR6", "", "\xff\x00"]),
)
FILE = st.builds(
    whole_file,
    st.lists(_QUOTE, max_size=6),
    ending=st.sampled_from([b"\r\n", b"\n", b"", b"\r"]),
    year=st.sampled_from([2024, 2024, 1994, 1985, 1986, 2101, 9999]),
    made=st.sampled_from(["20240102", "        ", "99999999", "2024_102"]),
    total=st.none() | st.integers(0, 10**11 - 1),
    total_of=st.sampled_from(["lines", "quotes"]),
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
    records = [quote(close=price, factor=1000) for price in range(1, 4)]
    records += [quote(code="[b]A1[/b]"), quote(currency="CR$"), quote(market="020")]
    texts = [
        whole_file(records, ending, total_of=total_of)
        for ending in (b"\r\n", b"\n")
        for total_of in ("lines", "quotes")
    ]
    zipped = []
    for method in _METHODS:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", method) as target:
            target.writestr("COTAHIST_A2024.TXT", texts[0])
        zipped.append(sink.getvalue())
    return [*texts, *zipped]


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
_SOUND = st.sampled_from(_BASES)
INPUTS = st.one_of(*[_FAST] * 11, _SOUND, spoilt(FILE), spoilt(archive()), archive(), st.binary(max_size=600))
