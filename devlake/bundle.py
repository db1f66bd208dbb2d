"""Writes glue/refine_job.py from the modules that the refine job is made of: `make bundle`.

Glue runs a job from one file, which `sam deploy` uploads. The modules are put into it whole, each after those that it
imports: their own imports of each other go, all others are gathered at the top. That keeps its meaning only as long as
no two modules define one name and none is used through its module, so both are refused.
"""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

from devlake import paths
from devlake.errors import DevLakeError

PACKAGE = "b3lake"
ENTRY = "b3lake.refine.job"
RULE = "# " + "=" * 117

HEADER = '''"""Refines bronze quotes into one row per ticker and trade date: the AWS Glue job, as one file.

Never edit this file: `make bundle` writes it, and a test compares. It is made of these modules, put one after the other
as they are, but for their imports of each other; edit those:

{modules}

docs/refine.md says what the job computes and promises.
"""'''


@dataclass(frozen=True)
class Module:
    """A module's source: its tree, and what it imports from modules of the same package (name to names)."""

    name: str
    source: str
    tree: ast.Module

    @property
    def file(self) -> str:
        return self.name.replace(".", "/") + ".py"

    def own_imports(self) -> dict[str, list[str]]:
        """Module to imported names. Raises DevLakeError for an import that a bundle cannot keep."""
        found: dict[str, list[str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import) and any(_is_own(alias.name) for alias in node.names):
                raise self.refused(node, "names a module of its own: import from it what is used")
            if isinstance(node, ast.ImportFrom) and (node.level or _is_own(node.module or "")):
                plain = not any(alias.asname or alias.name == "*" for alias in node.names)
                if node.level or not plain or node not in self.tree.body:
                    raise self.refused(node, "must be of the form `from b3lake.… import name`, at the top")
                found.setdefault(node.module or "", []).extend(alias.name for alias in node.names)
        return found

    def definitions(self) -> list[str]:
        """The names that the module defines."""
        names = []
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.append(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names += [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        return names

    def body(self) -> str:
        """The source without docstring and imports at the top; the docstring follows the file's name in comments."""
        lines: list[str | None] = list(self.source.splitlines())
        docstring = ast.get_docstring(self.tree) or ""
        for node in self.tree.body[: 1 if docstring else 0] + _imports(self.tree):
            lines[node.lineno - 1 : node.end_lineno] = [None] * ((node.end_lineno or node.lineno) - node.lineno + 1)
        kept = "\n".join(line for line in lines if line is not None).strip("\n")
        title = "\n".join(f"# {line}".rstrip() for line in [self.file, *docstring.splitlines()])
        return f"{RULE}\n{title}\n{RULE}\n\n{kept}"

    def refused(self, node: ast.stmt | ast.expr, why: str) -> DevLakeError:
        return DevLakeError(f"{self.file}, line {node.lineno}: `{ast.unparse(node)}` {why}.")


def _is_own(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _imports(tree: ast.Module) -> list[ast.stmt]:
    return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def in_order(entry: str, root: Path) -> list[Module]:
    """`entry` and all modules that it needs, each after those that it imports from. Raises DevLakeError for a loop."""
    done: dict[str, Module] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise DevLakeError(f"{' imports '.join([*above[above.index(name) :], name])}: take the loop apart.")
        if name not in done:
            file = root / (name.replace(".", "/") + ".py")
            if not file.is_file():
                raise DevLakeError(f"{name} is no module: import names from one, not modules from a package.")
            source = file.read_text(encoding="utf-8")
            module = Module(name, source, ast.parse(source))
            for needed in module.own_imports():
                visit(needed, (*above, name))
            done[name] = module

    visit(entry, ())
    return list(done.values())


def _gathered_imports(modules: list[Module]) -> tuple[str, dict[str, str]]:
    """The import statements for all that is not the package's own, and what each imported name stands for."""
    meaning: dict[str, str] = {}
    plain: set[str] = set()
    named: dict[str, set[str]] = {}
    for module in modules:
        for node in _imports(module.tree):
            if isinstance(node, ast.ImportFrom) and _is_own(node.module or ""):
                continue
            origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else []:
                bound = alias.asname or alias.name.split(".")[0]
                stands_for = origin + (alias.name if alias.asname or origin else bound)
                if meaning.setdefault(bound, stands_for) != stands_for:
                    raise module.refused(node, f"and another module's import give {bound} two meanings")
                text = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                if isinstance(node, ast.ImportFrom):
                    named.setdefault(node.module or "", set()).add(text)
                else:
                    plain.add(text)
    lines = [f"import {text}" for text in sorted(plain)]
    lines += [f"from {name} import {', '.join(sorted(named[name]))}" for name in sorted(named)]
    libraries = [line for line in lines if line.split()[1].partition(".")[0] not in sys.stdlib_module_names]
    return "\n".join([*(line for line in lines if line not in libraries), "", *libraries]), meaning


def bundle(entry: str = ENTRY, root: Path = paths.ROOT) -> str:
    """The text of one file that does what `python -m ENTRY` does. Raises DevLakeError where it would not."""
    modules = in_order(entry, root)
    imports, meaning = _gathered_imports(modules)
    defined: dict[str, str] = {}
    for module in modules:
        for name in module.definitions():
            if name in defined or name in meaning:
                other = defined.get(name, f"an import of {meaning.get(name)}")
                raise DevLakeError(f"{module.file} defines {name}, and so does {other}: give one of them another name.")
            defined[name] = module.file
    for module in modules:
        for needed, names in module.own_imports().items():
            file = needed.replace(".", "/") + ".py"
            foreign = [name for name in names if defined.get(name) != file]
            if foreign:
                raise DevLakeError(f"{module.file} imports {foreign[0]} from {file}, which does not define it.")
    header = HEADER.format(modules="\n".join(f"    {module.file}" for module in modules))
    return "\n\n\n".join([f"{header}\n\n{imports}", *(module.body() for module in modules)]) + "\n"


def main() -> None:
    """Write the job's file."""
    try:
        paths.REFINE_JOB.write_text(bundle(), encoding="utf-8")
    except DevLakeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
