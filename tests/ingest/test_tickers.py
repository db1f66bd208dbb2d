"""How tickers are written."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.lake.tickers import CASH, FRACTIONAL, in_market, is_code, normalise, split_list, yahoo_symbol


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
        ("5GTK11", "5GTK11", "5GTK11.SA"),
        ("tel4", "TEL4", "TEL4.SA"),
        ("BB  4", "BB4", "BB4.SA"),
        ("BB4", "BB4", "BB4.SA"),
        ("pet 4", "PET4", "PET4.SA"),
        ("PETRL181", "PETRL181", "PETRL181.SA"),
    ],
)
def test_spellings(text: str, ticker: str, symbol: str):
    assert normalise(text) == ticker
    assert yahoo_symbol(ticker) == symbol


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PETR",
        "AAPL",
        "1234",
        "PETR4/..",
        "../PETR4",
        "PETR4..",
        "PETR%2F4",
        "dt=1",
        "^GSPC",
        "PETR4\n../x",
        "PETR4\x00",
        "PE\x1bTR4",
        "PETR\t4",
        "PETR\u0664",
        "\ufb0111",
        "PETR4 VALE3",
        "4 PET",
        "P ETR4X",
        "ABCDEFGHIJKL1",
    ],
)
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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("PETR4,VALE3;ITUB4", ["PETR4", "VALE3", "ITUB4"]),
        (" PETR4  VALE3,, ITUB4 ", ["PETR4", "VALE3", "ITUB4"]),
        ("PET 4", ["PET 4"]),
        ("PETR4 BB  4, tel 4 5GTK11", ["PETR4", "BB 4", "tel 4", "5GTK11"]),
        ("J B 4 VALE3", ["J B 4", "VALE3"]),
        ("PETR4 ^BVSP IBOV 5GTK11", ["PETR4", "^BVSP", "IBOV", "5GTK11"]),
        ("pet 4.sa", ["pet 4.sa"]),
        ("PETR VALE3", ["PETR", "VALE3"]),
        ("PETR4\nVALE3", ["PETR4", "VALE3"]),
        ("PETR4 ../x", ["PETR4", "../x"]),
        (" ,; ", []),
    ],
)
def test_a_list_may_be_parted_by_blanks_and_a_code_may_have_them(text: str, names: list[str]):
    assert split_list(text) == names


def test_any_code_of_the_real_files_can_be_named(shared_data: Path):
    codes: set[str] = set()
    for path in sorted((shared_data / "cotahist").rglob("COTAHIST_*")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = archive.read(archive.namelist()[0])
        else:
            content = path.read_bytes()
        codes |= {line[12:24].decode("latin-1") for line in content.splitlines() if line.startswith(b"01")}
    assert len(codes) > 19_000
    assert {"5GTK11".ljust(12), "CHA 2".ljust(12), "ABEVL181".ljust(12)} <= codes
    for code in codes:
        assert normalise(code) == code.replace(" ", "")
        assert [normalise(name) for name in split_list(code)] == [normalise(code)]


@given(
    codes=st.lists(st.from_regex(r"[A-Z]{1,3} {0,2}[0-9]|[A-Z][A-Z0-9]{3}[0-9]{1,2}[BF]?", fullmatch=True), min_size=1)
)
def test_codes_in_a_list_come_back(codes: list[str]):
    for separator in (",", ";", " ", ", ", "  "):
        assert [normalise(name) for name in split_list(separator.join(codes))] == [
            code.replace(" ", "") for code in codes
        ]


@given(text=st.text(max_size=14))
def test_what_is_a_code_is_safe_in_a_key(text: str):
    if is_code(text):
        assert text.isascii()
        assert text.isalnum()
        assert text == text.upper()


def test_the_code_of_a_share_in_the_fractional_market() -> None:
    assert [in_market(name, FRACTIONAL) for name in ("PETR4", "PETR4F", "BPAC11", "IBOV")] == [
        "PETR4F", "PETR4F", "BPAC11F", "IBOV",
    ]  # fmt: skip
    assert in_market("PETR4", CASH) == "PETR4"
