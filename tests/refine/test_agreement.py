"""The job's columns are those of the bronze table and of the Glue tables in the template."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from refine_job import BARS, REFINED, hive

from tests.refine.small_lake import RAW_TYPES

ROOT = Path(__file__).parents[2]


def test_what_is_read_is_part_of_what_the_ingestion_writes() -> None:
    schema = pytest.importorskip("b3lake.lake.schemas", reason="the ingestion needs Python 3.11")
    assert all(schema.RAW_SCHEMA.field(field.name).equals(field) for field in BARS)
    assert schema.RAW_SCHEMA.equals(RAW_TYPES)


def test_what_is_written_is_what_the_template_declares() -> None:
    table = re.split(r"\n  (?=\w)", (ROOT / "template.yaml").read_text(encoding="utf-8").split("  RefinedTable:")[1])[0]
    columns = dict(re.findall(r"\{Name: (\w+), Type: (\w+)", table.split("Columns:")[1]))
    assert columns == hive(REFINED)
    assert list(columns) == REFINED.names


def test_every_column_has_a_glue_type() -> None:
    assert hive(pa.schema([("ticker", pa.string()), *REFINED]))["ticker"] == "string"
