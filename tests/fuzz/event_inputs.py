"""Lambda events by chance: nearly right S3 events with anything in any place, bare or in SQS records, or any text."""

import json
from typing import Any

from hypothesis import strategies as st

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just("2024-01-03T10:00:00Z")
)
ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TIMES = st.one_of(
    st.sampled_from(
        [
            "2024-01-03T10:00:00.000Z",
            "2024-01-03T10:00:00",
            "2024-01-03",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2024-W01-3T10:00:00Z",
            "yesterday",
        ]
    ),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    ANYTHING,
)
KEYS = st.one_of(
    st.sampled_from(
        [
            "raw/b3/dt%3D2024-01-03/ticker%3DPETR4/data.parquet",
            "raw/b3/dt=2024-01-03/ticker=PETR4/data.parquet",
            "raw/b3/%FF%FE.parquet",
            "raw/b3/",
            "refined/b3/dt=2024-01-03/ticker=PETR4/data.parquet",
        ]
    ),
    ANYTHING,
)


def _maybe(key: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(value.map(lambda one: {key: one}), value.map(lambda one: {key: one}), st.just({}))


def _merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda dicts: {name: value for one in dicts for name, value in one.items()})


OBJECT = _maybe("object", _maybe("key", KEYS) | ANYTHING)
RECORD = _merged(_maybe("eventTime", TIMES), _maybe("s3", OBJECT | ANYTHING), _maybe("eventSource", ANYTHING))
DOCUMENT = st.one_of(
    _maybe("Records", st.lists(RECORD | ANYTHING, max_size=3) | ANYTHING),
    _maybe("Event", st.just("s3:TestEvent") | ANYTHING),
    ANYTHING,
)
_DEEP = st.integers(1, 200_000).map(lambda depth: "[" * depth)
_LONG = st.integers(1, 20_000).map(lambda digits: "9" * digits)
BODY = st.one_of(DOCUMENT.map(json.dumps), DOCUMENT.map(json.dumps), st.text(max_size=60), _DEEP, _LONG)
BODIES = st.lists(BODY, min_size=1, max_size=4)
