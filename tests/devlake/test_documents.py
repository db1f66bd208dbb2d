"""The documents agree with the code: columns, make targets, links, files."""

import contextlib
import functools
import io
import itertools
import re
from pathlib import Path

import pyarrow as pa
import pytest

from b3lake.cli import COMMANDS, run_command
from b3lake.ingest.small_tables import SMALL_TABLES
from b3lake.lake.names import HISTORY_TABLE, RAW_TABLE, REFINED_TABLE
from b3lake.lake.schemas import HISTORY_SCHEMA, PARTITION_TYPES, RAW_SCHEMA, REFINED_SCHEMA, YEAR_PARTITION_TYPES
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
    ("table", "partitions", "schema"),
    [
        (RAW_TABLE, PARTITION_TYPES, RAW_SCHEMA),
        (REFINED_TABLE, PARTITION_TYPES, REFINED_SCHEMA),
        (HISTORY_TABLE, YEAR_PARTITION_TYPES, HISTORY_SCHEMA),
        *((table.name, {}, table.schema) for table in SMALL_TABLES),
    ],
)
def test_the_data_dictionary_has_the_columns_of_the_code(
    table: str, partitions: dict[str, str], schema: pa.Schema
) -> None:
    assert _columns(table) == [*partitions.items(), *((field.name, HIVE[field.type]) for field in schema)]


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):", (paths.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    code = re.findall(r"`(make [^`]+)`", text) + re.findall(r"^(?:.+ && )?(make .+)$", text, re.MULTILINE)
    commands = [
        command.split()[1:]
        for line in code
        for command in re.split(" && |; ", line.split("#")[0])
        if "make " in command
    ]
    # A target, or several; what follows a VARIABLE= may be SQL.
    words = [itertools.takewhile(lambda word: "=" not in word, command) for command in commands]
    named = {word for line in words for word in line if re.fullmatch(r"[a-z][a-z0-9-]*", word)}
    assert named <= _targets()


@functools.cache
def _help(command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        run_command(command, ["--help"])
    return printed.getvalue()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_of_b3lake_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|/|^|\$ )b3lake ([a-z]+)((?: [^`\n#]*)?)", text, re.MULTILINE)
    assert {command for command, _ in named} <= COMMANDS.keys()
    options = {(command, option) for command, rest in named for option in re.findall(r"(?<= )--[a-z0-9-]+", rest)}
    assert [one for one in options if not re.search(rf"{one[1]}\b", _help(one[0]))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_heading_leads_to_it(document: Path) -> None:
    links = re.findall(r"\]\(([^):#]*)#([^)]+)\)", document.read_text("utf-8"))
    assert [link for link in links if link[1] not in _anchors(document.parent / (link[0] or document.name))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    folders = "b3lake|ec2|functions|glue|queries|terraform|devlake|tests|bench|events|docs|requirements"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", document.read_text(encoding="utf-8"))
    missing = [name for name in named if not (paths.ROOT / name).exists()]
    assert missing == []


TRANSLATED = [document for document in DOCUMENTS if document.name.endswith(".pt-BR.md")]


def _outline(text: str) -> list[object]:
    """The levels of the headings, the commands of each block, and the columns of each table, in their order."""
    outline: list[object] = []
    block: list[str] | None = None
    for line in text.splitlines():
        if line.startswith("```"):
            if block is not None:
                outline.append(block)
            block = [line] if block is None else None
        elif block is not None:
            command = re.match(r"(?:make|sam|terraform|aws|export|cd|git|\.venvs/)[^#]*", line)
            block += [command[0].rstrip()] if command else []
        elif heading := re.match(r"#+ ", line):
            outline.append(heading[0])
        elif re.fullmatch(r"[|:-]+", line):
            outline.append(line)
    return outline


@pytest.mark.parametrize("document", TRANSLATED, ids=lambda path: path.name)
def test_a_translation_has_the_headings_commands_and_tables_of_the_original(document: Path) -> None:
    original = document.with_name(document.name.replace(".pt-BR", ""))
    assert _outline(document.read_text("utf-8")) == _outline(original.read_text("utf-8"))


@pytest.mark.parametrize("document", TRANSLATED, ids=lambda path: path.name)
def test_a_translation_says_data_lake_and_each_leads_to_the_other(document: Path) -> None:
    original = document.with_name(document.name.replace(".pt-BR", ""))
    text = document.read_text("utf-8")
    assert re.findall(r"\b[Ll]ago\b", text) == []
    assert f"]({original.name})" in text
    assert f"]({document.name})" in original.read_text("utf-8")


@pytest.mark.parametrize("document", TRANSLATED, ids=lambda path: path.name)
def test_a_translation_leads_to_translations_where_there_are_any(document: Path) -> None:
    original = document.with_name(document.name.replace(".pt-BR", ""))
    linked = re.findall(r"\]\(([^):#]+)\.md", document.read_text("utf-8"))
    translated = [name for name in linked if (document.parent / f"{name}.pt-BR.md").exists()]
    assert translated == [original.stem]  # the link to the original itself
