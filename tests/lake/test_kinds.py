"""What a paper is, by each rule alone; the indexes; and how figures are put."""

import pytest

from b3lake.lake.figures import FIGURES_CONFIG
from b3lake.lake.indexes import INDEXES
from b3lake.lake.kinds import Kind, is_isin, kind_of


def isin(of_class: str) -> str:
    return f"BRABCD{of_class}OR9"


@pytest.mark.parametrize(
    ("of_class", "kind"),
    [
        ("R01", Kind.RECEIPT),
        ("RAA", Kind.OTHER),
        ("CSA", Kind.RECEIPT),
        ("ACN", Kind.SHARE),
        ("ARN", Kind.SHARE),
        ("ABN", Kind.OTHER),
        ("CDA", Kind.UNIT),
        ("UNT", Kind.UNIT),
        ("BDR", Kind.BDR),
        ("D01", Kind.RIGHT),
        ("DAA", Kind.OTHER),
        ("N01", Kind.BONUS),
        ("NAA", Kind.OTHER),
        ("XXX", Kind.OTHER),
    ],
)
def test_of_an_isin_the_class_decides(of_class: str, kind: Kind) -> None:
    assert kind_of(isin(of_class), "ON REC", "12", "FII") is kind


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("REC ON", Kind.RECEIPT),
        ("ON REC", Kind.RECEIPT),
        ("RECS", Kind.OTHER),
        ("R01", Kind.RECEIPT),
        ("RON", Kind.RECEIPT),
        ("RPN", Kind.RECEIPT),
        ("ON", Kind.SHARE),
        ("OP", Kind.SHARE),
        ("PN", Kind.SHARE),
        ("PP", Kind.SHARE),
        ("OE", Kind.SHARE),
        ("OR", Kind.SHARE),
        ("PNA INT", Kind.SHARE),
        ("PNH", Kind.SHARE),
        ("PNI", Kind.OTHER),
        ("UNT", Kind.UNIT),
        ("BDR", Kind.BDR),
        ("DR1", Kind.BDR),
        ("DR3", Kind.BDR),
        ("DR4", Kind.OTHER),
        ("DRN", Kind.BDR),
        ("DRE", Kind.BDR),
        ("DIR", Kind.RIGHT),
        ("BNS", Kind.BONUS),
        ("", Kind.OTHER),
    ],
)
def test_before_isins_the_first_word_decides(spec: str, kind: Kind) -> None:
    assert kind_of("B3S-OWN-CODE", spec, "02", "X") is kind


@pytest.mark.parametrize("code", ["BRPETRACNPR6", "US0378331005"])
def test_what_is_an_isin(code: str) -> None:
    assert is_isin(code)
    assert not any(map(is_isin, (code[:-1], f"{code}0", code.lower(), f"{code[:-1]}A", f"1{code[1:]}")))


@pytest.mark.parametrize("of", [isin("CTF"), "B3S-OWN-CODE"])
@pytest.mark.parametrize(
    ("bdi", "spec", "name", "kind"),
    [
        ("12", "CI", "X", Kind.FII),
        ("13", "CI", "X", Kind.FIAGRO),
        ("14", "CI", "ISHARES BOVA", Kind.ETF),
        ("96", "CI", "ISHARES BOVA", Kind.ETF),
        ("02", "CI", "ISHARES BOVA", Kind.OTHER),
        ("96", "CI", "FII ABC", Kind.FII),
        ("96", "CI", "ABC FIAGRO", Kind.FIAGRO),
        ("96", "CI", "FIIX", Kind.ETF),
        ("14", "CI", "FII ABC", Kind.ETF),
        ("14", "FIDC", "X", Kind.OTHER),
        *(
            ("14", "CI", f"ABC {word}", Kind.OTHER)
            for word in (
                "FIP",
                "FIC",
                "FI",
                "FIA",
                "FIM",
                "FIRF",
                "FIDC",
                "FISET",
                "FINAM",
                "FINOR",
                "FUNDES",
                "XINFRAX",
            )
        ),
        ("14", "CI", "FIPS", Kind.ETF),
    ],
)
def test_of_a_fund_its_code_and_its_name_decide(of: str, bdi: str, spec: str, name: str, kind: Kind) -> None:
    assert kind_of(of, spec, bdi, name) is kind


def test_the_words_for_kinds() -> None:
    assert [kind.value for kind in Kind] == [
        *("share", "unit", "BDR", "ETF", "FII", "Fiagro", "right", "receipt", "bonus", "other"),
    ]


def test_the_indexes_have_their_names() -> None:
    assert INDEXES == {
        "IBOV": "Ibovespa",
        "IBXX": "IBrX-100",
        "SMLL": "Small Cap",
        "IDIV": "Dividendos",
        "IFIX": "Fundos Imobiliários",
    }


def test_nobody_waits_for_long_to_tell_how_it_went() -> None:
    assert (FIGURES_CONFIG.connect_timeout, FIGURES_CONFIG.read_timeout) == (5, 10)
    assert FIGURES_CONFIG.retries == {"mode": "standard", "total_max_attempts": 2}
