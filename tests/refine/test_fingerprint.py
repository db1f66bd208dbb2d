"""The fingerprints that every lake's ledger holds: another value of one of them refines a whole lake again."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from b3lake.refine.fingerprint import digest, plain_etag, tag_of
from b3lake.refine.rule import EXPRESSIONS, Rule

MASK = 2**64 - 1


def signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def mixed_by_hand(*tags: int) -> int:
    """The digest in Python's own integers: the rule first, the refined object last."""
    mixed = tags[0] & MASK
    for tag in tags[1:]:
        mixed = (mixed ^ (tag & MASK)) * 0x9E3779B97F4A7C15 & MASK
        mixed ^= mixed >> 29
    return signed(mixed)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("", -1970711489451281740),
        ("d41d8cd98f00b204e9800998ecf8427e", -5806451409729197435),
        ("b3", 7747432225204832697),
    ],
)
def test_a_tag_is_pinned(text: str, tag: int) -> None:
    of_hash = hashlib.blake2b(text.encode(), digest_size=8).digest()
    assert tag_of(text) == tag == signed(int.from_bytes(of_hash, "big"))


def test_a_digest_is_pinned() -> None:
    window = [np.array([3, -(2**63), 0]), np.array([4, 2**63 - 1, 0])]
    refined = np.array([5, -1, 0])
    found = digest(-7, window, refined)
    assert found.dtype == np.int64
    assert found.tolist() == [403195026655730603, 6024610987871042748, -7539159034533650643]
    assert found.tolist() == [
        mixed_by_hand(-7, *tags) for tags in zip(*(each.tolist() for each in (*window, refined)), strict=True)
    ]


def test_a_rule_s_tag_tells_its_expressions_dates_and_columns() -> None:
    rule = Rule(pa.schema([("trade_date", pa.date32()), ("close_price", pa.float64())]), dates=3)
    assert rule.tag == tag_of(f"{EXPRESSIONS} 3 {{'trade_date': 'date', 'close_price': 'double'}}")


def test_the_columns_of_a_rule_s_rows() -> None:
    columns = [("trade_date", pa.date32()), ("close_price", pa.float64())]
    rule = Rule(pa.schema(columns), dates=3)
    assert rule.rows == pa.schema([("ticker", pa.string()), ("day", pa.int32()), ("tag", pa.int64()), *columns])
    adjusted = ("split_factor", "adj_factor", "adj_close_price", "daily_return")
    assert rule.history == pa.schema([("ticker", pa.string()), *columns, *((name, pa.float64()) for name in adjusted)])
    assert (Rule().dates, Rule().schema.names[7]) == (5, "close_ma_5")


@pytest.mark.parametrize(("etag", "plain"), [('"a"', "a"), ("a", "a"), ("", ""), (None, "")])
def test_an_etag_without_its_quotes(etag: str | None, plain: str) -> None:
    assert plain_etag(etag) == plain
