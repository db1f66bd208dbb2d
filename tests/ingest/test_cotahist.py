"""COTAHIST files: real days, damaged ones, and any that B3 could write."""

import datetime as dt
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.sources.cotahist import (
    Cotahist,
    CotahistError,
    Header,
    Period,
    RefusedRecord,
    read_file,
    read_header,
)
from b3lake.ingest.sources.cotahist.reader import BLOCK_RECORDS
from b3lake.lake.errors import B3LakeError
from b3lake.lake.tickers import is_code
from devlake.cotahist_writer import LAYOUT, quote, whole_file
from devlake.fake_b3 import zip_of

YEAR = Period(dt.date(2024, 1, 1), dt.date(2024, 12, 31))


def read(tmp_path: Path, content: bytes, period: Period | None = None) -> Cotahist:
    path = tmp_path / "COTAHIST_A2024.TXT"
    path.write_bytes(content)
    return read_file(path, period)


def zipped(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


# --- Real days ---------------------------------------------------------------------------------------------------


def lines_of(path: Path) -> list[str]:
    """The quotes of a real file, as text."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            content = archive.read(archive.namelist()[0])
    else:
        content = path.read_bytes()
    return [line for line in content.decode("latin-1").split("\r\n") if line.startswith("01")]


@pytest.mark.parametrize(
    ("name", "day", "counts"),
    [
        ("COTAHIST_D12022003.TXT", dt.date(2003, 2, 12), (551, 188, 137)),
        ("COTAHIST_D29022016.TXT", dt.date(2016, 2, 29), (1909, 455, 1)),
        ("COTAHIST_D03022022.TXT.zip", dt.date(2022, 2, 3), (7261, 1191, 2)),
        ("COTAHIST_D08112024.ZIP", dt.date(2024, 11, 8), (12226, 1341, 2)),
    ],
)
def test_a_real_day_is_read_field_by_field(shared_data: Path, name: str, day: dt.date, counts: tuple[int, int, int]):
    """`counts` are of all quotes, of those of the cash market, and of these the ones per thousand."""
    path = shared_data / "cotahist" / name
    found = read_file(path)
    lines = lines_of(path)
    per_thousand = int((found.quotes["factor"] == 1000).sum())
    assert (len(lines), len(found.quotes), per_thousand) == counts
    assert found.days == {day}
    assert (found.left_out, found.refused) == (0, ())
    for one, line in zip(found.quotes, (line for line in lines if line[24:27] == "010"), strict=True):
        factor = int(line[210:217])
        texts = {"bdi": line[10:12], "name": line[27:39], "spec": line[39:49], "isin": line[230:242]}
        assert {field: one[field].decode("latin-1") for field in texts} == {k: v.rstrip() for k, v in texts.items()}
        assert (one["ticker"].decode(), one["currency"], one["factor"]) == (line[12:24].strip(), b"R$", factor)
        assert (one["trades"], one["volume"]) == (int(line[147:152]), int(line[152:170]))
        assert one["turnover"] == int(line[170:188]) / 100
        for field, first in (("open", 56), ("high", 69), ("low", 82), ("close", 108)):
            assert one[field] == int(line[first : first + 13]) / (100 * factor)


def test_a_code_that_begins_with_a_digit(shared_data: Path):
    quotes = read_file(shared_data / "cotahist" / "COTAHIST_D03022022.TXT.zip").quotes
    (one,) = quotes[quotes["ticker"] == b"5GTK11"]
    assert one["isin"].startswith(b"BR5GTK")


def test_all_markets_together_are_all_quotes(shared_data: Path):
    path = shared_data / "cotahist" / "COTAHIST_D29022016.TXT"
    markets = {line[24:27].encode() for line in lines_of(path)}
    assert len(read_file(path, markets=markets).quotes) == 1909
    assert len(read_file(path, markets=(b"020",)).quotes) == 268


def test_a_file_of_2026_whose_total_counts_quotes(shared_data: Path):
    found = read_file(shared_data / "cotahist" / "small" / "COTAHIST_D26082026.TXT")
    (one,) = found.quotes
    assert (one["ticker"], one["close"], one["volume"], one["trades"]) == (b"PETR4", 41.45, 74631000, 59151)
    assert (one["turnover"], one["isin"], one["spec"]) == (3110528270.0, b"BRPETRACNPR6", b"PN  EDJ N2")
    assert found.header == Header(2026, dt.date(2026, 8, 26))


def test_quotes_before_the_real_are_left_out_and_counted(shared_data: Path):
    found = read_file(shared_data / "cotahist" / "small" / "COTAHIST_A1994.TXT")
    (one,) = found.quotes
    assert (one["day"], one["ticker"], one["close"], one["factor"]) == (19940704, b"PET4", 0.12584, 1000)
    assert (found.days, found.left_out, found.refused) == ({dt.date(1994, 7, 4)}, 1, ())


@pytest.mark.parametrize("year", [1986, 1988])
def test_a_year_of_cruzados_has_nothing_for_the_lake(shared_data: Path, year: int):
    found = read_file(shared_data / "cotahist" / "small" / f"COTAHIST_A{year}.TXT")
    assert (len(found.quotes), found.days, found.left_out, found.refused) == (0, set(), 2, ())


def test_a_real_truncated_file_is_found(shared_data: Path):
    path = shared_data / "cotahist" / "COTAHIST_D04012016.TXT"
    with pytest.raises(CotahistError, match=r"2016010400000001745'\) does not fit its 506 records"):
        read_file(path)
    assert read_header(path) == Header(2016, dt.date(2016, 1, 4))


# --- The total in the trailer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [b"", b"X\r\n", b"\r", b" \n"])
def test_a_header_of_another_length_is_none(tmp_path: Path, ending: bytes):
    lines = whole_file([quote()]).splitlines()
    with pytest.raises(CotahistError) as caught:
        read(tmp_path, lines[0] + ending + b"\r\n".join(lines[1:]))
    assert str(caught.value).endswith(": it does not begin with a COTAHIST header of 245 bytes; download it again.")


@pytest.mark.parametrize("total", [5, 3])
def test_the_total_counts_lines_or_quotes(tmp_path: Path, total: int):
    assert len(read(tmp_path, whole_file([quote()] * 3, total=total)).quotes) == 3


@settings(deadline=None)
@given(records=st.integers(0, 5), total=st.integers(0, 12))
def test_any_other_total_condemns_the_file(tmp_path_factory: pytest.TempPathFactory, records: int, total: int):
    content = whole_file([quote()] * records, total=total)
    folder = tmp_path_factory.mktemp("total")
    if total in {records, records + 2}:
        assert len(read(folder, content).quotes) == records
    else:
        with pytest.raises(CotahistError, match=f"does not fit its {records + 2} records"):
            read(folder, content)


# --- Damage ------------------------------------------------------------------------------------------------------

WHOLE = whole_file([quote()] * 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (WHOLE[: -247 * 2], "without a trailer"),
        (WHOLE[:-1], "record 5 is not 245 bytes long"),
        (WHOLE[:-100], "record 5 is not 245 bytes long"),
        (whole_file([quote(), quote()[:-1], quote()]), "record 3 is not 245 bytes long"),
        (whole_file([quote()] * 3, total=1745), "does not fit its 5 records"),
        (WHOLE + quote() + b"\r\n", "no quote before its trailer"),
        (whole_file([quote(), quote(type="02")]), "no quote before its trailer"),
        (whole_file([quote(day=20230502)]), "outside 2024-01-01 to 2024-12-31"),
        (whole_file([quote(day=20240230)]), "20240230, which is no day"),
        (whole_file([quote(day=20240230, market="070")]), "20240230, which is no day"),
        (whole_file([quote(), quote(close=b"00000000 1050")]), "something else than digits at positions 109 to 121"),
        (whole_file([quote(trades=b"1234:")]), "something else than digits at positions 148 to 152"),
        (whole_file([quote(turnover=b"/" * 18)]), "something else than digits at positions 171 to 188"),
        (whole_file([quote(factor=0)]), "factor of zero"),
        (whole_file([quote(day=20230502)], year=2023), "its header is of 2023, its name of 2024"),
        (whole_file([], year=1985), "its header tells no year"),
        (b"<html>not found</html>", "does not begin with a COTAHIST header"),
        (b"", "does not begin with a COTAHIST header"),
        (b"PK\x03\x04 half a zip", r"broken ZIP file \(its end is missing\)"),
    ],
)
def test_damaged_file_is_refused_whole(tmp_path: Path, content: bytes, says: str):
    with pytest.raises(CotahistError, match=says) as caught:
        read(tmp_path, content, YEAR)
    assert str(caught.value).startswith("COTAHIST_A2024.TXT: ")
    assert str(caught.value).count("\n") == 0


def test_something_after_the_trailer_of_a_full_block(tmp_path: Path):
    content = whole_file([quote()] * (BLOCK_RECORDS - 1)) + quote() + b"\r\n"
    with pytest.raises(CotahistError, match="goes on after its trailer"):
        read(tmp_path, content)


def test_blocks_are_joined_in_order(tmp_path: Path):
    count = BLOCK_RECORDS * 2 + 7
    quotes = read(tmp_path, whole_file([quote(volume=n) for n in range(count)])).quotes
    assert quotes["volume"].tolist() == list(range(count))


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, len(WHOLE) - 1), total_of=st.sampled_from(["lines", "quotes"]))
def test_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int, total_of: str):
    with pytest.raises(CotahistError):
        read(tmp_path_factory.mktemp("cut"), whole_file([quote()] * 3, total_of=total_of)[:cut])


def test_damaged_zip_is_refused(tmp_path: Path):
    whole = zipped({"COTAHIST_A2024.TXT": whole_file([quote(volume=n) for n in range(1, 2000)])})
    for content in (whole[: len(whole) // 2], whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]):
        with pytest.raises(CotahistError, match="broken ZIP file"):
            read(tmp_path, content)
    for content, count in (
        (zipped({"one": b"1", "two": b"2"}), 2),
        (zipped({}), 0),
        (zipped({"one": WHOLE, "two": WHOLE}), 2),
    ):
        with pytest.raises(CotahistError, match=f"it holds {count} files"):
            read(tmp_path, content)


def test_what_a_system_puts_beside_the_file_in_a_zip_is_passed_over(tmp_path: Path):
    content = zipped({"__MACOSX/._COTAHIST_A2024.TXT": b"\x00\x05\x16\x07", "COTAHIST_A2024.TXT": WHOLE})
    assert len(read(tmp_path, content).quotes) == 3


# --- A file is known by its header -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["COTAHIST.A1999", "COTAHIST_A2001", "COTAHIST_A2002.TXT", "COTAHIST_A2003 (1).TXT", "quotes.bin"]
)
@pytest.mark.parametrize("as_zip", [False, True])
def test_a_file_is_known_by_its_header(tmp_path: Path, name: str, as_zip: bool):
    content = whole_file([quote(day=19990104)], year=1999, made="20000103")
    path = tmp_path / name
    path.write_bytes(zipped({"COTAHIST.A1999": content}) if as_zip else content)
    assert read_header(path) == Header(1999, dt.date(2000, 1, 3))
    assert read_file(path).days == {dt.date(1999, 1, 4)}


@pytest.mark.parametrize(
    "content", [b"", b"date,close\n", b"00COTAHIST.2024", zipped({"one": b"1"}), whole_file([], year=0)]
)
def test_something_else_has_no_header(tmp_path: Path, content: bytes):
    path = tmp_path / "COTAHIST_A2024.TXT"
    path.write_bytes(content)
    assert read_header(path) is None


def test_the_header_of_a_damaged_zip_cannot_be_told(tmp_path: Path):
    path = tmp_path / "COTAHIST_A2024.ZIP"
    path.write_bytes(zipped({"one": WHOLE})[:150])
    with pytest.raises(CotahistError, match="broken ZIP file"):
        read_header(path)


def test_a_folder_in_place_of_a_file_is_one_sentence(tmp_path: Path):
    with pytest.raises(B3LakeError, match="it cannot be read"):
        read_file(tmp_path)


def test_a_header_may_not_tell_when_it_was_made(tmp_path: Path):
    assert read(tmp_path, whole_file([quote()], made="        ")).header == Header(2024, None)


# --- Single records ----------------------------------------------------------------------------------------------


def test_a_record_in_another_currency_condemns_itself_alone(tmp_path: Path):
    records = [quote(), quote(code="BB  4", currency="CR$", day=20240103), quote(currency=""), quote(code="VALE3")]
    found = read(tmp_path, whole_file(records))
    assert found.quotes["ticker"].tolist() == [b"PETR4", b"VALE3"]
    assert found.refused == (
        RefusedRecord(dt.date(2024, 1, 3), "BB4", "its currency is CR$, not R$"),
        RefusedRecord(dt.date(2024, 1, 2), "PETR4", "its currency is blank, not R$"),
    )


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("../../x1", "../../x1"),
        ("A1/B", "A1/B"),
        ("A%2F1", "A%2F1"),
        ("[b]A1[/b]", "[b]A1[/b]"),
        ("\u00c7\u00c3O3", r"\xc7\xc3O3"),
        ("PE\x00TR4", r"PE\x00TR4"),
        ("\x1b[2JA1", r"\x1b[2JA1"),
        ("A1\xff", r"A1\xff"),
        ("petr4", "petr4"),
        ("1234", "1234"),
        ("", "(blank)"),
    ],
)
def test_a_code_that_no_key_can_have_condemns_its_record_alone(tmp_path: Path, code: str, shown: str):
    found = read(tmp_path, whole_file([quote(), quote(code=code), quote(code="VALE3")]))
    assert found.quotes["ticker"].tolist() == [b"PETR4", b"VALE3"]
    assert found.refused == (RefusedRecord(dt.date(2024, 1, 2), shown, "its code is not of letters and digits"),)


@settings(deadline=None)
@given(code=st.binary(max_size=12))
def test_a_code_is_told_by_its_bytes_as_by_its_text(tmp_path_factory: pytest.TempPathFactory, code: bytes):
    found = read(tmp_path_factory.mktemp("code"), whole_file([quote(code=code)]))
    text = code.decode("latin-1").replace(" ", "")
    assert [one.decode("latin-1") for one in found.quotes["ticker"].tolist()] == ([text] if is_code(text) else [])


@pytest.mark.parametrize(("code", "ticker"), [("BB  4", b"BB4"), ("TEL 4", b"TEL4"), ("5GTK11", b"5GTK11")])
def test_blanks_inside_a_code_are_dropped(tmp_path: Path, code: str, ticker: bytes):
    assert read(tmp_path, whole_file([quote(code=code)])).quotes["ticker"].tolist() == [ticker]


@pytest.mark.parametrize(
    "fields",
    [
        {"term": b"\x00\x1a\xff"},
        {"term": "\r\n"},
        {"bdi": "ZZ"},
        {"bdi": b"\xff\x00"},
        {"name": "TELEMAR N\u00c7L"},
        {"isin": ""},
    ],
)
def test_what_no_list_knows_is_read(tmp_path: Path, fields: dict[str, str | bytes]):
    (one,) = read(tmp_path, whole_file([quote(**fields)])).quotes
    assert (one["ticker"], one["close"]) == (b"PETR4", 37.78)


def test_a_market_that_no_list_knows_is_passed_over(tmp_path: Path):
    assert len(read(tmp_path, whole_file([quote(), quote(market="0?9"), quote(market="")])).quotes) == 1


@pytest.mark.parametrize(("factor", "close"), [(1, 37.78), (10, 3.778), (1000, 0.03778), (100_000, 0.0003778)])
def test_prices_are_per_share_whatever_the_factor(tmp_path: Path, factor: int, close: float):
    (one,) = read(tmp_path, whole_file([quote(factor=factor)])).quotes
    assert (one["close"], one["factor"], one["volume"]) == (close, factor, 24043300)


# --- Whatever is written is read back ----------------------------------------------------------------------------

_TEXTS = {"bdi": 2, "name": 12, "spec": 10, "isin": 12}
_text = st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="")


def _texts() -> dict[str, st.SearchStrategy[str]]:
    return {name: st.text(_text, max_size=width) for name, width in _TEXTS.items()}


_written = st.fixed_dictionaries(
    {
        "day": st.sampled_from([20240102, 20240503, 20241230]),
        "code": st.from_regex(r"[A-Z0-9]{1,5}[A-Z] {0,2}[0-9]{1,2}", fullmatch=True),
        "market": st.sampled_from(["010", "020", "070"]),
        "open": st.integers(1, 10**13 - 1),
        "high": st.integers(1, 10**13 - 1),
        "low": st.integers(1, 10**13 - 1),
        "close": st.integers(1, 10**13 - 1),
        "trades": st.integers(0, 99999),
        "volume": st.integers(0, 10**18 - 1),
        "turnover": st.integers(0, 10**18 - 1),
        "factor": st.sampled_from([1, 10, 1000, 100_000]),
        **_texts(),
    }
)


def _expected(fields: dict[str, int | str]) -> dict[str, object]:
    prices = {name: fields[name] / (100 * fields["factor"]) for name in ("open", "high", "low", "close")}
    texts = {name: fields[name].rstrip(" ").rstrip("\x00").encode("latin-1") for name in _TEXTS}
    same = {name: fields[name] for name in ("day", "trades", "volume", "factor")}
    ticker = fields["code"].replace(" ", "").encode()
    return prices | texts | same | {"ticker": ticker, "turnover": fields["turnover"] / 100, "currency": b"R$"}


@settings(max_examples=100, deadline=None)
@given(
    written=st.lists(_written, max_size=12),
    ending=st.sampled_from([b"\r\n", b"\n"]),
    total_of=st.sampled_from(["lines", "quotes"]),
    as_zip=st.booleans(),
)
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list, ending: bytes, total_of: str, as_zip: bool
):
    content = whole_file([quote(**fields) for fields in written], ending, total_of=total_of)
    if as_zip:
        content = zip_of("one", content, streamed=total_of == "quotes")
    found = read(tmp_path_factory.mktemp("read"), content)
    cash = [fields for fields in written if fields["market"] == "010"]
    names = [name for name in found.quotes.dtype.names if name != "market"]
    assert [{name: one[name] for name in names} for one in found.quotes] == [_expected(fields) for fields in cash]
    assert found.days == {dt.date.fromisoformat(str(fields["day"])) for fields in written}


def test_the_layout_is_the_whole_record():
    ends = 1
    for first, width in LAYOUT.values():
        assert first == ends
        ends += width
    assert ends == 246
    assert np.dtype("S245").itemsize == len(quote())
