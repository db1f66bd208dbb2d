"""The mutants of a file: its text with one change, made by mutmut's operators and two of our own.

mutmut's own runner imports the program too before it forks; the threads of Arrow and of the object store do not outlive
a fork. So its operators are taken, and each mutant is tried in a process that imports the program itself (`forks.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

from tests.mutation.trials import Mutant

UNSEEN = ("cast", "TypeVar", "NewType", "overload")
"""Calls that are for the type checker: no run differs by what they are given."""


@dataclass(frozen=True)
class Place:
    """A node of a file that can be changed, in one way or several."""

    file: Path
    line: int
    statement: range
    module: cst.Module
    node: cst.CSTNode
    changed: tuple[cst.CSTNode, ...]

    def mutant(self, which: int) -> Mutant:
        """The mutant of the change number `which`."""
        new = self.module.visit(_Replacement(self.node, self.changed[which]))
        assert isinstance(new, cst.Module)
        return Mutant(self.file, self.line, self.statement, new.code)


def places(root: Path, file: Path) -> list[Place]:
    """All places of a file, in its order."""
    wrapper = MetadataWrapper(cst.parse_module((root / file).read_text("utf-8")), unsafe_skip_copy=True)
    finder = _Finder(file, wrapper.module)
    wrapper.visit(finder)
    return finder.found


def _without_statement(node: cst.SimpleStatementLine) -> Iterator[cst.SimpleStatementLine]:
    """A call for its effect alone vanishes."""
    if len(node.body) == 1 and isinstance(node.body[0], cst.Expr) and not _is_text(node.body[0].value):
        yield node.with_changes(body=[cst.Pass()])


def _without_element(node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Iterator[cst.CSTNode]:
    """An element vanishes from what is listed."""
    if len(node.elements) < 2:
        return
    for i in range(len(node.elements)):
        left: list[Any] = [*node.elements[:i], *node.elements[i + 1 :]]
        left[-1] = left[-1].with_changes(comma=cst.Comma() if len(left) == 1 else cst.MaybeSentinel.DEFAULT)
        yield node.with_changes(elements=left)


def _is_text(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString | cst.ConcatenatedString)


OPERATORS: Sequence[tuple[type, Callable[[Any], Any]]] = (
    *mutation_operators,
    (cst.SimpleStatementLine, _without_statement),
    *((kind, _without_element) for kind in (cst.Tuple, cst.List, cst.Set, cst.Dict)),
)


class _Finder(cst.CSTVisitor):
    """Finds the places, save in imports, decorators, docstrings and what is for the type checker."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, file: Path, module: cst.Module) -> None:
        super().__init__()
        self.found: list[Place] = []
        self._file, self._module = file, module
        self._statement = range(0)

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._statement = self._lines(node)
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom) or _is_type(node):
            return False
        if isinstance(node, cst.Expr) and _is_text(node.value):
            return False
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in UNSEEN:
            return False
        changed = tuple(
            new for kind, operator in OPERATORS if isinstance(node, kind) for new in operator(node) if new is not node
        )
        if changed:
            line = self.get_metadata(PositionProvider, node).start.line
            self.found.append(Place(self._file, line, self._statement, self._module, node, changed))
        return True

    def _lines(self, node: cst.CSTNode) -> range:
        """The lines of a simple statement, or of a compound one before its body."""
        body = getattr(node, "body", None)
        last = self.get_metadata(PositionProvider, node).end.line
        if isinstance(body, cst.BaseSuite):
            last = self.get_metadata(PositionProvider, body).start.line
        return range(self.get_metadata(PositionProvider, node).start.line, last + 1)


def _is_type(node: cst.CSTNode) -> bool:
    """Whether it is a type with its parameters, such as list[str], where no annotation is."""
    if not isinstance(node, cst.Subscript) or not isinstance(node.value, cst.Name):
        return False
    return node.value.value in {"list", "dict", "set", "tuple", "Callable"}


class _Replacement(cst.CSTTransformer):
    def __init__(self, old: cst.CSTNode, new: cst.CSTNode) -> None:
        super().__init__()
        self._old, self._new = old, new

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node is not self._old

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        return self._new if original_node is self._old else updated_node
