"""The documents agree with the code: columns, make targets, links, files."""

import itertools
import re
from pathlib import Path

import pyarrow as pa
import pytest

from b3lake.lake.schemas import PARTITION_TYPES, RAW_SCHEMA, REFINED_SCHEMA
from devlake import paths

DOCUMENTS = sorted([*paths.ROOT.glob("*.md"), *(paths.ROOT / "docs").glob("*.md")])
DICTIONARY = (paths.ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
HIVE = {
    pa.timestamp("us"): "timestamp",
    pa.date32(): "date",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.string(): "string",
}


def _columns(title: str) -> list[tuple[str, str]]:
    section = DICTIONARY.split(f"## `{title}`")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("table", "schema"), [("b3_daily_quotes", RAW_SCHEMA), ("b3_daily_quotes_refined", REFINED_SCHEMA)]
)
def test_the_data_dictionary_has_the_columns_of_the_code(table: str, schema: pa.Schema) -> None:
    assert _columns(table) == [*PARTITION_TYPES.items(), *((field.name, HIVE[field.type]) for field in schema)]


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):", (paths.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    code = re.findall(r"`(make [^`]+)`", text) + re.findall(r"^(make .+)$", text, re.MULTILINE)
    # A target, or several; what follows a VARIABLE= may be SQL.
    words = [itertools.takewhile(lambda word: "=" not in word, line.split("#")[0].split()[1:]) for line in code]
    named = {word for line in words for word in line if re.fullmatch(r"[a-z][a-z0-9-]*", word)}
    assert named <= _targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    folders = "b3lake|ec2|functions|glue|queries|terraform|devlake|tests|bench|events|docs|requirements"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", document.read_text(encoding="utf-8"))
    missing = [name for name in named if not (paths.ROOT / name).exists()]
    assert missing == []
