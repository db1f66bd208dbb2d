"""Finds the SQL files, and the sentence with which each begins."""

from pathlib import Path

from b3lake.ask.errors import QueryError

_PACKAGE = Path(__file__).resolve().parent.parent
# Installed from a wheel they lie inside the package, on a checkout beside it.
FOLDER = next(folder for folder in (_PACKAGE / "queries", _PACKAGE.parent / "queries") if folder.is_dir())


def list_queries() -> dict[str, str]:
    """The name of each query of this folder, with the question that its first comment line states."""
    return {path.stem: describe(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.sql"))}


def describe(sql: str) -> str:
    """The question that the first line of `sql`, a comment, states."""
    return sql.partition("\n")[0].removeprefix("--").strip()


def read_query(name: str) -> str:
    """The text of the query `name` of this folder, or of the file at that path; raises QueryError without one."""
    path = FOLDER / f"{name}.sql" if name in list_queries() else Path(name)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(list_queries())
        raise QueryError(f"There is no query {name!r}: name a .sql file, or one of {known}.") from error
