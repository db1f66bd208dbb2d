"""Kinds of paper, and who is who from the days of any number of files."""

import collections
import datetime as dt
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b3lake.ingest.instruments import NOBODY, Instruments, count_quotes, from_stored, merge, to_stored
from b3lake.ingest.sources.cotahist import read_file
from b3lake.lake.kinds import Kind, kind_of
from b3lake.lake.schemas import INSTRUMENTS_SCHEMA

FIELDS = {
    "day": ("i4", 2, 10),
    "bdi": ("S2", 10, 12),
    "ticker": ("S12", 12, 24),
    "market": ("S3", 24, 27),
    "name": ("S12", 27, 39),
    "spec": ("S10", 39, 49),
    "factor": ("i4", 210, 217),
    "isin": ("S12", 230, 242),
}
"""Type and place of the fields that matter here, written from the specification for these tests."""
QUOTE = np.dtype([(name, kind) for name, (kind, _, _) in FIELDS.items()])
REAL_DAYS = {
    "COTAHIST_D12022003.TXT": {
        "share": 178, "unit": 1, "BDR": 1, "right": 2, "receipt": 1, "bonus": 2, "other": 3,
    },
    "COTAHIST_D29022016.TXT": {
        "share": 286, "unit": 11, "BDR": 54, "ETF": 13, "FII": 82, "right": 2, "bonus": 2, "other": 5,
    },
    "COTAHIST_D03022022.TXT.zip": {
        "share": 388, "unit": 16, "BDR": 436, "ETF": 59, "FII": 250, "Fiagro": 10, "right": 3, "bonus": 6, "other": 23,
    },
    "COTAHIST_D08112024.ZIP": {
        "share": 344, "unit": 11, "BDR": 514, "ETF": 96, "FII": 295, "Fiagro": 31, "right": 8, "bonus": 8, "other": 34,
    },
}  # fmt: skip
"""Whole real days: how many papers of each kind were traded in the cash market."""
FIRST = dt.date(2024, 1, 2)


def quotes(*rows: tuple[object, ...]) -> np.ndarray:
    return np.array([tuple(row) for row in rows], QUOTE)


def quote(
    day: int = 20240102, ticker: str = "PETR4", name: str = "PETROBRAS", spec: str = "PN      N2", factor: int = 1
) -> tuple[object, ...]:
    isin = f"BR{ticker[:4]}ACNPR6"
    return day, b"02", ticker.encode(), b"010", name.encode(), spec.encode(), factor, isin.encode()


def read(path: Path, market: bytes = b"010") -> np.ndarray:
    """The quotes of a real file, read without the product's parser."""
    body = path.read_bytes()
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(io.BytesIO(body))
        body = archive.read(archive.namelist()[0])
    records = [line for line in body.splitlines() if line.startswith(b"01") and line[24:27] == market]
    return quotes(*[[line[first:last].strip() for _, first, last in FIELDS.values()] for line in records])


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (("BRPETRACNPR6", "PN      N2", "02", "PETROBRAS"), "share"),
        (("BRVALEACNOR0", "ON  EJ  NM", "08", "VALE"), "share"),
        (("BRMENDACNPB0", "PNB*", "58", "MENDES JR"), "share"),
        (("BRPALFARNPC6", "PRC*", "02", "PAUL F LUZ"), "share"),
        (("BRTAEECDAM10", "UNT     N2", "02", "TAESA"), "unit"),
        (("BRPPLAUNT007", "UNT", "35", "PPLA"), "unit"),
        (("BRAAPLBDR004", "DRN", "34", "APPLE"), "BDR"),
        (("BRBOTZBDR005", "DRE ED", "36", "GX AI TECH"), "BDR"),
        (("BRTEFCBDR014", "BDR", "14", "TELEFONICA"), "BDR"),
        (("BRBOVACTF003", "CI", "14", "ISHARES BOVA"), "ETF"),
        (("BRFINDCTF007", "CI", "14", "IT NOW IFNC"), "ETF"),
        (("BRNDIVCTF004", "CI  ER", "14", "NU REND IBOV"), "ETF"),
        (("BRBOVACTF003", "CI", "96", "ISHARES BOVA"), "ETF"),
        (("BRJUROCTF002", "CI  ER", "14", "SPARTA INFRA"), "other"),
        (("BRCPTICTF005", "FIDCER", "14", "FIC IE CAP"), "other"),
        (("BRXPIECTF003", "CI", "14", "FIP XP INFRA"), "other"),
        (("BRKDIFCTF003", "FIDCER", "14", "KINEA"), "other"),
        (("BRFNAMCTF013", "CI *", "14", "FINAM"), "other"),
        (("BRHGLGCTF004", "CI  ER", "12", "FII CSHG LOG"), "FII"),
        (("BRCACRCTF000", "CI", "12", "CARTESIA FII"), "FII"),
        (("BRBTHICTF001", "CI", "12", "BTG HOTEL FI"), "FII"),
        (("BRHGLGCTF004", "CI", "96", "FII CSHG LOG"), "FII"),
        (("BRKNCACTF006", "CI  ER", "13", "FIAGRO KINEA"), "Fiagro"),
        (("BRKNCACTF006", "CI", "96", "FIAGRO KINEA"), "Fiagro"),
        (("BRNEW1CTF006", "CI", "77", "A NEW CODE"), "other"),
        (("BRBBDCD13OR1", "DIR ORD N1", "10", "BRADESCO"), "right"),
        (("BRMCHFD01M16", "DIR", "12", "FII MAUA HF"), "right"),
        (("BRABCBR09PR2", "PN  REC N2", "96", "ABC BRASIL"), "receipt"),
        (("BRRCTBCSA066", "R42*EJ", "02", "TELES RCTB"), "receipt"),
        (("BRAMARN02OR6", "BNS ORD NM", "22", "LOJAS MARISA"), "bonus"),
        (("BRPSVMTRV004", "TPR", "14", "PORTO VM"), "other"),
        (("BRCTBACPA001", "CPA     MB", "58", "CEPAC - CTBA"), "other"),
        (("BRIBOVINDM18", "IBO", "02", "IBOVESPA"), "other"),
        (("BRXXXXZZZ001", "ON", "02", "A NEW CLASS"), "other"),
        (("PETRACPN", "PN *", "02", "PETR"), "share"),
        (("CHAPACPP", "PP *C14", "02", "CHAPECO"), "share"),
        (("XXXX", "PN  REC", "02", "X"), "receipt"),
        (("XXXX", "DIR*ORD", "10", "X"), "right"),
        (("XXXX", "BNS*B", "22", "X"), "bonus"),
        (("XXXX", "UNT*", "02", "X"), "unit"),
        (("", "", "", ""), "other"),
        (("", "????", "\xff", "\x00"), "other"),
    ],
)
def test_the_kind_of_a_record(record: tuple[str, str, str, str], kind: str) -> None:
    assert kind_of(*record) == kind


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=12), st.text(max_size=10), st.text(max_size=2), st.text(max_size=12))
def test_any_record_has_a_kind(isin: str, spec: str, bdi: str, name: str) -> None:
    assert kind_of(isin, spec, bdi, name) in set(Kind)


@pytest.mark.parametrize("file", REAL_DAYS)
def test_kinds_of_whole_real_days(shared_data: Path, file: str) -> None:
    known = count_quotes(NOBODY, read(shared_data / "cotahist" / file))
    assert collections.Counter(known.rows["kind"].to_pylist()) == REAL_DAYS[file]


@pytest.mark.parametrize("file", REAL_DAYS)
def test_the_parser_s_quotes_make_the_same_table(shared_data: Path, file: str) -> None:
    path = shared_data / "cotahist" / file
    parsed = count_quotes(NOBODY, read_file(path).quotes)
    assert parsed.rows.equals(count_quotes(NOBODY, read(path)).rows)


@pytest.mark.parametrize("file", REAL_DAYS)
@pytest.mark.parametrize("market", [b"010", b"020"])
def test_the_isin_and_the_specification_agree_on_real_days(shared_data: Path, file: str, market: bytes) -> None:
    for row in read(shared_data / "cotahist" / file, market):
        isin, spec, bdi, name = (str(row[field], "latin-1") for field in ("isin", "spec", "bdi", "name"))
        assert kind_of(isin, spec, bdi, name) == kind_of("", spec, bdi, name), row


def test_a_row_says_who_a_ticker_was_on_its_last_day() -> None:
    known = count_quotes(
        NOBODY,
        quotes(
            quote(20240104, name="PETROBRAS  ", spec="PN  EJ  N2"),
            quote(20240102, name="PETROLEO", spec="PN", factor=1000),
            quote(20240103, "VALE3", "VALE", "ON      NM"),
        ),
    )
    assert known.rows.schema == INSTRUMENTS_SCHEMA
    petr, vale = known.rows.to_pylist()
    assert petr == {
        "ticker": "PETR4",
        "isin": "BRPETRACNPR6",
        "name": "PETROBRAS",
        "kind": "share",
        "spec": "PN EJ N2",
        "first_day": FIRST,
        "last_day": dt.date(2024, 1, 4),
        "quotation_factor": 1,
        "sessions": 2,
    }
    assert (vale["ticker"], vale["first_day"], vale["last_day"], vale["sessions"]) == (
        "VALE3", dt.date(2024, 1, 3), dt.date(2024, 1, 3), 1,
    )  # fmt: skip
    assert known.days == {FIRST, dt.date(2024, 1, 3), dt.date(2024, 1, 4)}


def test_an_internal_code_of_the_years_before_isin_is_none() -> None:
    row = list(quote(19940704, "PET4", "PETR", "PN *", 1000))
    row[-1] = b"PETRACPN"
    known = count_quotes(NOBODY, quotes(tuple(row)))
    assert known.rows.select(["isin", "kind", "quotation_factor"]).to_pylist() == [
        {"isin": None, "kind": "share", "quotation_factor": 1000}
    ]


def test_a_paper_that_is_traded_no_more_stays() -> None:
    known = count_quotes(NOBODY, quotes(quote(20240102, "VIVT4"), quote(20240102)))
    later = count_quotes(known, quotes(quote(20240103)))
    assert later.rows.select(["ticker", "last_day", "sessions"]).to_pylist() == [
        {"ticker": "PETR4", "last_day": dt.date(2024, 1, 3), "sessions": 2},
        {"ticker": "VIVT4", "last_day": FIRST, "sessions": 1},
    ]


def test_a_day_that_was_counted_counts_no_more() -> None:
    day = quotes(quote(20240102), quote(20240102, "VALE3"))
    known = count_quotes(NOBODY, day)
    assert count_quotes(known, day) is known
    more = count_quotes(known, quotes(quote(20240102, name="ANOTHER"), quote(20240103)))
    assert more.rows["sessions"].to_pylist() == [2, 1]
    assert more.rows["name"].to_pylist() == ["PETROBRAS", "PETROBRAS"]


def test_two_counts_of_one_day_are_not_merged() -> None:
    known = count_quotes(NOBODY, quotes(quote()))
    with pytest.raises(ValueError, match="both have counted 2024-01-02"):
        merge(known, known)


_tickers = st.sampled_from(["PETR4", "VALE3", "TAEE11", "5GTK11", "MCHF12"])
_quotes = st.builds(
    quote,
    st.integers(20240101, 20240128),
    _tickers,
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["PN", "ON  EJ"]),
    st.sampled_from([1, 1000]),
)
_market = st.lists(_quotes, unique_by=lambda row: row[:3], max_size=40)


def expected(rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    """The table, row by row, in plain Python."""
    answer = []
    for ticker in sorted({row[2] for row in rows}):
        days = sorted((row[0], row) for row in rows if row[2] == ticker)
        _, _, _, _, name, spec, factor, isin = days[-1][1]
        answer.append(
            {
                "ticker": ticker.decode(),
                "isin": isin.decode() if len(isin) == 12 else None,
                "name": name.decode(),
                "kind": kind_of(isin.decode(), spec.decode(), "02", name.decode()),
                "spec": " ".join(spec.decode().split()),
                "first_day": dt.date.fromisoformat(str(days[0][0])),
                "last_day": dt.date.fromisoformat(str(days[-1][0])),
                "quotation_factor": factor,
                "sessions": len(days),
            }
        )
    return answer


@settings(max_examples=60, deadline=None)
@given(_market, st.lists(st.sets(st.integers(20240101, 20240128)), min_size=1, max_size=5), st.randoms())
def test_files_in_any_order_and_overlapping_give_the_same_table(
    rows: list[tuple[object, ...]], files: list[set[int]], random: object
) -> None:
    covered = set().union(*files)
    contents = [quotes(*[row for row in rows if row[0] in days]) for days in files]
    known = stored = NOBODY
    for content in contents:
        known = count_quotes(known, content)
    random.shuffle(contents)  # type: ignore[attr-defined]
    for content in contents:
        stored = from_stored(to_stored(count_quotes(stored, content)))
    assert known.rows.to_pylist() == expected([row for row in rows if row[0] in covered])
    assert stored.rows.to_pylist() == known.rows.to_pylist()
    assert stored.days == known.days


@settings(max_examples=60, deadline=None)
@given(_market, st.sets(st.integers(20240101, 20240128)), st.sets(st.integers(20240101, 20240128)))
def test_merging_is_commutative_and_associative(rows: list[tuple[object, ...]], one: set[int], other: set[int]) -> None:
    parts = [one - other, other - one, one & other]
    a, b, c = (count_quotes(NOBODY, quotes(*[row for row in rows if row[0] in part])) for part in parts)
    left, right = merge(merge(a, b), c), merge(c, merge(b, a))
    assert left.rows.equals(right.rows)
    assert left.days == right.days
    assert left.rows.to_pylist() == expected([row for row in rows if row[0] in one | other])


def test_real_days_in_any_order_are_one_universe(shared_data: Path) -> None:
    days = [read(shared_data / "cotahist" / file) for file in REAL_DAYS]
    known = NOBODY
    for day in reversed(days):
        known = count_quotes(known, day)
    whole = count_quotes(NOBODY, np.concatenate(days))
    assert known.rows.equals(whole.rows)
    rows = {row["ticker"]: row for row in known.rows.to_pylist()}
    assert len(rows) == len(set(np.concatenate(days)["ticker"].tolist()))
    assert (rows["VALE5"]["last_day"], rows["VALE5"]["sessions"]) == (dt.date(2016, 2, 29), 2)
    assert (rows["BBAS3"]["first_day"], rows["BBAS3"]["last_day"]) == (dt.date(2003, 2, 12), dt.date(2024, 11, 8))
    assert rows["BBAS3"]["quotation_factor"] == 1
    assert rows["FNAM11"]["quotation_factor"] == 1000
    assert rows["5GTK11"]["kind"] == "ETF"


def test_the_days_are_stored_with_the_rows_in_one_parquet_file() -> None:
    known = count_quotes(NOBODY, quotes(*[quote(20240101 + day) for day in range(28)]))
    sink = io.BytesIO()
    pq.write_table(to_stored(known), sink)
    again = from_stored(pq.read_table(io.BytesIO(sink.getvalue())))
    assert again.days == known.days
    assert again.rows.replace_schema_metadata(None).equals(known.rows)


def test_eight_thousand_days_are_stored_in_a_few_bytes() -> None:
    days = frozenset(FIRST - dt.timedelta(days=number) for number in range(8_000) if number % 7 > 1)
    stored = to_stored(Instruments(NOBODY.rows, days))
    assert from_stored(stored).days == days
    assert sum(len(value) for value in stored.schema.metadata.values()) < 2_000


@pytest.mark.parametrize("metadata", [None, {b"b3lake.days": b"not base64!"}, {b"b3lake.days": b"YWJj"}, {b"x": b""}])
def test_a_table_that_does_not_say_its_days_is_refused(metadata: dict[bytes, bytes] | None) -> None:
    with pytest.raises(ValueError, match="does not say which days"):
        from_stored(INSTRUMENTS_SCHEMA.empty_table().replace_schema_metadata(metadata))


def test_nobody_is_an_empty_table() -> None:
    assert from_stored(to_stored(NOBODY)).days == frozenset()
    assert count_quotes(NOBODY, quotes()) is NOBODY
    assert merge(NOBODY, NOBODY).rows.equals(pa.Table.from_pylist([], INSTRUMENTS_SCHEMA))
