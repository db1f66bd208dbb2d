"""One partition's bars as the bytes of its object, and back."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from b3lake.lake.schemas import RAW_SCHEMA
from b3lake.lake.words import first_line

_TEXTS = ("isin", "source")
_NUMBERS = [name for name in RAW_SCHEMA.names if name not in _TEXTS]
ISIN_BYTES = 12
"""The length of an ISIN: with another one, a row is encoded by itself."""

_MARK = {64: 0x4051_B3B3_7A00_0000, 32: 0x3C5A_9B00}


def encode(bars: pa.Table) -> bytes:
    """The Parquet bytes of the bronze columns of `bars`; the same rows always give the same bytes.

    A partition has one row or a few: a dictionary, statistics and compression cost more than they save, in bytes too.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        bars.select(RAW_SCHEMA.names),
        sink,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return bytes(sink.getvalue().to_pybytes())


def encode_each(rows: pa.Table) -> list[bytes]:
    """Encode each row of `rows` (RAW_SCHEMA) alone: the bytes that `encode` gives, at a tenth of the time.

    Files of one row that agree in which values are null and in `source` differ only in the bytes of their numbers and
    of the ISIN. So one file is encoded for all that agree, with a mark of its own in each column; where those are
    found, each row's values are put.
    """
    bodies = [b""] * len(rows)
    for alike in _alike(rows):
        of_these = rows.take(pa.array(alike))
        if not _isins_fit(of_these):
            for place, position in enumerate(alike.tolist()):
                bodies[position] = encode(of_these.slice(place, 1))
            continue
        present = [name for name in [*_NUMBERS, "isin"] if of_these[name].null_count == 0]
        template, places = _template(of_these, present)
        files = np.tile(np.frombuffer(template, np.uint8), (len(alike), 1))
        for name, place in zip(present, places, strict=True):
            values = _bytes_of(of_these[name])
            files[:, place : place + values.shape[1]] = values
        for position, file in zip(alike.tolist(), files, strict=True):
            bodies[position] = file.tobytes()
    return bodies


def decode(body: bytes) -> pa.Table:
    """The bars of an object. Raises pa.ArrowInvalid when it is no Parquet file."""
    try:
        return pq.read_table(pa.BufferReader(body))
    except Exception as error:  # a stranger's bytes make pyarrow raise whatever there is
        raise pa.ArrowInvalid(first_line(error)) from error


def _alike(rows: pa.Table) -> list[npt.NDArray[np.int64]]:
    """The positions of the rows, those together that agree in `source` and in which other values are null."""
    if not len(rows):
        return []
    names = [*_NUMBERS, "isin"]
    nulls = np.column_stack([rows[name].is_null().to_numpy() for name in names])
    kind = nulls @ (1 << np.arange(len(names)))
    sources = rows["source"].combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
    _, group = np.unique(np.column_stack([kind, sources]), axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group.ravel()[order])) + 1)


def _isins_fit(rows: pa.Table) -> bool:
    return rows["isin"].null_count > 0 or bool(pc.all(pc.equal(pc.binary_length(rows["isin"]), ISIN_BYTES)).as_py())


def _template(rows: pa.Table, present: list[str]) -> tuple[bytes, list[int]]:
    """A file of one row as those of `rows` are, and where in it the values of the columns `present` lie."""
    row = rows.slice(0, 1)
    marks = [_mark(number, row[name].type) for number, name in enumerate(present)]
    for name, mark in zip(present, marks, strict=True):
        field = RAW_SCHEMA.field(name)
        value = pa.array([mark.decode()]) if field.type == pa.string() else _number(field.type, mark)
        row = row.set_column(RAW_SCHEMA.get_field_index(name), field, value)
    template = encode(row)
    if any(template.count(mark) != 1 for mark in marks):
        raise AssertionError("a Parquet file of one row holds each of its values once")
    return template, [template.index(mark) for mark in marks]


def _mark(number: int, kind: pa.DataType) -> bytes:
    """Bytes that stand for the value of column `number` and occur nowhere else in a file."""
    if kind == pa.string():
        return b"?" * ISIN_BYTES
    return (_MARK[kind.bit_width] + number).to_bytes(kind.bit_width // 8, "little")


def _number(kind: pa.DataType, mark: bytes) -> pa.Array:
    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(mark)])


def _bytes_of(column: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """The bytes of each value, one row per value."""
    if column.type == pa.string():
        return np.frombuffer(b"".join(column.cast(pa.binary()).to_pylist()), np.uint8).reshape(-1, ISIN_BYTES)
    return np.ascontiguousarray(column.to_numpy()).view(np.uint8).reshape(len(column), -1)
