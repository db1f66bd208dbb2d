"""The kind of paper behind a ticker: one rule, from three fields of its COTAHIST record, and of funds the short name.

    >>> kind_of("BRPETRACNPR6", "PN      N2", "02", "PETROBRAS")
    'share'

An ISIN of B3 is `BR`, four characters of the issuer, three of the class, two of the type, a check digit. The class
decides. Before 1995 the field holds B3's own code instead; then the first word of ESPECI decides. Funds all have the
class CTF and the word CI: CODBDI tells FII from Fiagro, and has one number (14) for ETFs and for funds of other laws,
which only their names tell apart.
"""

import re
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of paper; `share` is of any class, which the first word of ESPECI has (ON, PN, PNA, …)."""

    SHARE = "share"
    UNIT = "unit"
    BDR = "BDR"
    ETF = "ETF"
    FII = "FII"
    FIAGRO = "Fiagro"
    RIGHT = "right"
    RECEIPT = "receipt"
    BONUS = "bonus"
    OTHER = "other"


_FUND = "fund"
_RULES = (
    # ISIN's class, ESPECI's first word, what it is.
    (r"R\d\d", r"REC", Kind.RECEIPT),  # of a subscription that is paid and not yet a share
    (r"CSA", r"R\d\d|RON|RPN", Kind.RECEIPT),  # of the portfolio of Telebrás' shares (RCTB)
    (r"A[CR]N", r"[OP][NPER][A-H]?", Kind.SHARE),  # ARN: redeemable; until 1990 also to bearer (OP, PP)
    (r"CDA|UNT", r"UNT", Kind.UNIT),  # of shares, or of BDRs
    (r"BDR", r"BDR|DR[1-3NE]", Kind.BDR),  # sponsored at three levels, not sponsored, of an ETF
    (r"D\d\d", r"DIR", Kind.RIGHT),  # to subscribe
    (r"N\d\d", r"BNS", Kind.BONUS),  # bônus de subscrição: a warrant of the issuer
    (r"CTF", r"CI|FIDC", _FUND),
)
_FUND_CODES = {"12": Kind.FII, "13": Kind.FIAGRO}
_CERTIFICATES, _FRACTIONAL = "14", "96"
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}\d")
_RECEIPT_MARK = re.compile(r"\bREC\b")
# Private equity, infrastructure, regional incentives, shares, fixed income, several markets, credit rights.
_NOT_AN_ETF = re.compile(r"\b(FIP|FIC|FI|FIA|FIM|FIRF|FIDC|FISET|FINAM|FINOR|FUNDES)\b|INFRA")


def is_isin(code: str) -> bool:
    """Whether `code` is an ISIN, and not B3's own code of the years before 1995."""
    return bool(_ISIN.fullmatch(code))


def kind_of(isin: str, spec: str, bdi: str, name: str) -> Kind:
    """The kind of a paper with these CODISI, ESPECI, CODBDI and NOMRES; `other` for codes that no rule knows."""
    if is_isin(isin):
        found = next((kind for of_class, _, kind in _RULES if re.fullmatch(of_class, isin[6:9])), Kind.OTHER)
    elif _RECEIPT_MARK.search(spec):
        found = Kind.RECEIPT
    else:
        word = re.match(r"\w*", spec)
        found = next((kind for _, of_word, kind in _RULES if word and re.fullmatch(of_word, word[0])), Kind.OTHER)
    return _fund_kind(spec, bdi, name) if found == _FUND else Kind(found)


def _fund_kind(spec: str, bdi: str, name: str) -> Kind:
    if bdi in _FUND_CODES:
        return _FUND_CODES[bdi]
    if bdi not in {_CERTIFICATES, _FRACTIONAL} or spec.startswith("FIDC"):
        return Kind.OTHER
    if bdi == _FRACTIONAL and (by_name := next((kind for kind in (Kind.FII, Kind.FIAGRO) if _names(name, kind)), None)):
        return by_name
    return Kind.OTHER if _NOT_AN_ETF.search(name) else Kind.ETF


def _names(name: str, kind: Kind) -> bool:
    return kind.upper() in name.split()
