"""Writes glue/refine_job.py from the modules that the refine job is made of: `make bundle`.

Glue runs a job from one file, which `sam deploy` uploads. It gets the modules one after the other, each after those
that it imports from, and of each what the job uses. Their imports of each other go, all others are gathered at the top.
That keeps its meaning as long as a name means one thing in all of them, and none is used through its module.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devlake import paths
from devlake.errors import DevLakeError

PACKAGE = "b3lake"
ENTRY = "b3lake.refine.job"
RULE = "# " + "=" * 117
HEADER = '''"""Refines bronze quotes into one row per ticker and trade date: the AWS Glue job, as one file.

Never edit this file: `make bundle` writes it, and a test compares. It is made of these modules, one after the other, of
each what the job uses, as it stands there; edit those:

{modules}

docs/refine.md says what the job computes and promises.
"""'''

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Piece:
    """A statement with the comments before it and the docstring after it: what it defines, and the names in it."""

    file: str
    text: str
    defines: frozenset[str]
    uses: frozenset[str]


@dataclass(frozen=True)
class Module:
    """A module's file, its docstring and its statements; `own` are its imports from modules of the package, `foreign`
    all others: bound name to the statement that binds it."""

    file: str
    docstring: str
    pieces: list[Piece]
    own: list[ast.ImportFrom]
    foreign: dict[str, str]


def read_module(name: str, root: Path) -> Module:
    """Take a module's source apart. Raises DevLakeError for an import that a bundle cannot keep."""
    file = name.replace(".", "/") + ".py"
    if not (root / file).is_file():
        raise DevLakeError(f"{name} is no module: import names from one, not modules from a package.")
    source = (root / file).read_text(encoding="utf-8")
    tree, lines = ast.parse(source), source.splitlines()
    module = Module(file, ast.get_docstring(tree) or "", [], [], {})
    for node in ast.walk(tree):
        if isinstance(node, Import):
            _take_import(module, node, at_top=node in tree.body)
    end = 0
    for number, node in enumerate(tree.body):
        start, end = end, node.end_lineno or node.lineno
        text = "\n".join(lines[start:end])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if number:
                last = module.pieces.pop()
                module.pieces.append(Piece(file, f"{last.text}\n{text}", last.defines, last.uses))
        elif not isinstance(node, Import):
            module.pieces.append(Piece(file, text, frozenset(_defined(node)), frozenset(_used(node))))
    return module


def _take_import(module: Module, node: Import, *, at_top: bool) -> None:
    where = f"{module.file}, line {node.lineno}: `{ast.unparse(node)}`"
    if isinstance(node, ast.ImportFrom) and (node.level or _is_own(node.module)):
        if node.level or not at_top or any(alias.asname or alias.name == "*" for alias in node.names):
            raise DevLakeError(f"{where} must be of the form `from {PACKAGE}.… import name`, at the top.")
        module.own.append(node)
    elif any(_is_own(alias.name) for alias in node.names):
        raise DevLakeError(f"{where} names a module of its own: import from it what is used.")
    elif at_top:
        origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            module.foreign[bound] = f"{origin}import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")


def _is_own(module: str | None) -> bool:
    return (module or "").partition(".")[0] == PACKAGE


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


def _used(node: ast.AST) -> Iterator[str]:
    """The names in a statement; those in strings too, for annotations may be such."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from _used(ast.parse(part.value, mode="eval"))
            except (SyntaxError, ValueError):
                continue


def in_order(entry: str, root: Path) -> list[Module]:
    """`entry` and all modules that it needs, each after those that it imports from. Raises DevLakeError for a loop."""
    done: dict[str, Module] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise DevLakeError(f"{' imports '.join([*above[above.index(name) :], name])}: take the loop apart.")
        if name not in done:
            module = read_module(name, root)
            for node in module.own:
                visit(str(node.module), (*above, name))
            done[name] = module

    visit(entry, ())
    return list(done.values())


def _meanings(modules: list[Module]) -> dict[str, Piece | str]:
    """The meaning of each name: a piece, or an import. Raises DevLakeError where it means two things."""
    meanings: dict[str, Piece | str] = {}
    for module in modules:
        defined: list[tuple[str, Piece | str]] = [(n, piece) for piece in module.pieces for n in sorted(piece.defines)]
        for name, meaning in [*module.foreign.items(), *defined]:
            other = meanings.setdefault(name, meaning)
            if other != meaning:
                told = f"in {other.file}" if isinstance(other, Piece) else f"by `{other}`"
                raise DevLakeError(f"{name} is defined in {module.file}, and {told}: give one of them another name.")
        for node in module.own:
            file = str(node.module).replace(".", "/") + ".py"
            for alias in node.names:
                found = meanings.get(alias.name)
                if not isinstance(found, Piece) or found.file != file:
                    raise DevLakeError(f"{module.file} imports {alias.name} from {file}, which does not define it.")
    return meanings


def _needed(modules: list[Module], meanings: dict[str, Piece | str]) -> set[Piece | str]:
    """All of the last module, what does more than define names, and what these use."""
    pieces = [piece for module in modules for piece in module.pieces]
    todo: list[Piece | str] = [piece for piece in pieces if not piece.defines or piece.file == modules[-1].file]
    needed: set[Piece | str] = set()
    while todo:
        found = todo.pop()
        if found not in needed:
            needed.add(found)
            if isinstance(found, Piece):
                todo += [meanings[name] for name in found.uses if name in meanings]
    return needed


def _gathered(statements: list[str]) -> str:
    """Import statements in order, one per module, the standard library's first."""
    lines = sorted(statement for statement in statements if statement.startswith("import "))
    names: dict[str, list[str]] = {}
    for statement in sorted(statements):
        origin, _, name = statement.partition(" import ")
        if name:
            names.setdefault(origin, []).append(name)
    lines += [f"{origin} import {', '.join(names[origin])}" for origin in sorted(names)]
    libraries = [line for line in lines if line.split()[1].partition(".")[0] not in sys.stdlib_module_names]
    return "\n".join([*(line for line in lines if line not in libraries), "", *libraries]).strip("\n")


def bundle(entry: str = ENTRY, root: Path = paths.ROOT) -> str:
    """The text of one file that does what `python -m ENTRY` does. Raises DevLakeError where it would not."""
    modules = in_order(entry, root)
    needed = _needed(modules, _meanings(modules))
    modules = [module for module in modules if needed.intersection(module.pieces)]
    header = HEADER.format(modules="\n".join(f"    {module.file}" for module in modules))
    sections = [f"{header}\n\n{_gathered([found for found in needed if isinstance(found, str)])}"]
    for module in modules:
        title = "\n".join(f"# {line}".rstrip() for line in [module.file, *module.docstring.splitlines()])
        texts = [piece.text for piece in module.pieces if piece in needed]
        sections.append(f"{RULE}\n{title}\n{RULE}\n\n" + "\n".join(texts).strip("\n"))
    return "\n\n\n".join(sections) + "\n"


def main() -> None:
    """Write the job's file."""
    try:
        paths.REFINE_JOB.write_text(bundle(), encoding="utf-8")
    except DevLakeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
