"""The sentences that stand in the code, found in its syntax: {} is a value of an f-string."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from devlake import paths

VALUE = re.compile(r"\{\w*\}")
OF_MAKE = (
    "__main__",
    "ask_commands",
    "ask_lake",
    "check_variables",
    "child_process",
    "clean",
    "demo",
    "deploy_stack",
    "disk_room",
    "emulator",
    "find_java",
    "ingest_quotes",
    "invoke",
)
OF_MAKE += ("lake_commands", "local_lake", "make_venv", "new_environment", "run_glue", "tell", "terminal")
"""What `make up`, `demo`, `ingest` and their like are made of; the rest of devlake serves who works on the project."""

# They give a page, SQL, a table in languages of its own, or a log in AWS.
ELSEWHERE = ("refine", "report/describe_lake", "report/lines", "report/read_lake", "cost/bill", "cost/model", "texts")
_NO_PROSE = {"compile", "fullmatch", "match", "search", "sub"}


def modules() -> Iterator[Path]:
    """The modules whose sentences a person reads on a terminal."""
    package = paths.ROOT / "b3lake"
    for path in sorted(package.rglob("*.py")):
        if not str(path.relative_to(package)).startswith(ELSEWHERE):
            yield path
    yield from (paths.ROOT / "devlake" / f"{name}.py" for name in OF_MAKE)


def of_the_makefile() -> Iterator[str]:
    """The headings and the targets' lines of `make help`."""
    yield from re.findall(r"^(?:##@|[a-z0-9-]+:.*##) (.+)$", (paths.ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def texts(path: Path) -> Iterator[str]:
    """Every text in a module but docstrings and regular expressions; of an f-string the values are {}."""
    tree = ast.parse(path.read_text("utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            left_out |= {part for part in ast.walk(node) if isinstance(part, ast.Constant) and part in node.values}
            left_out |= {part for value in node.values for part in _format_of(value)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _NO_PROSE:
            left_out |= set(node.args)
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield VALUE.sub("{}", node.value)


def _format_of(value: ast.AST) -> Iterator[ast.AST]:
    """The format of a value, an f-string of its own: `.1f`."""
    if isinstance(value, ast.FormattedValue) and value.format_spec:
        yield from ast.walk(value.format_spec)


def labels(path: Path) -> Iterator[str]:
    """What a module writes beside the bar of its progress: often a single word."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "progress":
            yield from (part.value for part in node.args if isinstance(part, ast.Constant) and part.value)


def counts(path: Path) -> Iterator[str]:
    """One and several of each noun that `counted` counts in a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "counted":
            noun = node.args[1]
            if isinstance(noun, ast.Constant):
                yield from (f"{{}} {noun.value}", f"{{}} {noun.value}s")


def is_prose(text: str) -> bool:
    """Whether it is for people: two words with a blank between, and no SQL, no name of a command."""
    words = re.findall(r"(?<![\w{])[A-Za-z']{2,}(?![\w}(=.])", text)
    is_code = re.match(r"\s*(SELECT|UNION|SHOW|WITH|CREATE)\b|\w+ IN \(|.*[<>]= (DATE )?'|--master |\[", text)
    return len(words) > 1 and " " in text.strip() and not is_code and not re.fullmatch(r"b3lake \w+", text)
