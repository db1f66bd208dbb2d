"""One lake, opened for reading from Python.

    >>> lake = open_lake()
    >>> lake.history("PETR4", since="2016-01-01")["adj_close_price"].plot()

It reads objects, not Athena: nothing is billed by the byte, and the AWS emulator need not run.
"""

import datetime as dt
import difflib
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pandas as pd
import pyarrow as pa

from b3lake.analysis.errors import AnalysisError
from b3lake.analysis.objects import BucketObjects, FolderObjects, Objects
from b3lake.analysis.tables import Rows, find_table, read_table
from b3lake.lake.errors import UsageError
from b3lake.lake.indexes import expand_members, spelled
from b3lake.lake.names import HISTORY_TABLE, PORTFOLIOS_TABLE, PROJECT
from b3lake.lake.renames import newest_code
from b3lake.lake.settings import read_place
from b3lake.lake.tables import TABLES, WHOLE, YEAR
from b3lake.texts.told import told

if TYPE_CHECKING:
    import duckdb

Day = dt.date | str | None
KEPT = Path(".lake") / "kept" / "objects"
"""Where `make up` keeps its lake, below a checkout's folder."""
_OF_AN_ACCOUNT = ("LAKE_ENV", "AWS_ENDPOINT_URL")
_DATE = "trade_date"


@dataclass(frozen=True)
class AnalysisLake:
    """A lake to read: every method reads anew, so an ingestion shows at the next call."""

    objects: Objects

    @property
    def place(self) -> str:
        """The folder or the bucket."""
        return self.objects.place

    def history(
        self,
        tickers: str | Iterable[str],
        since: Day = None,
        until: Day = None,
        *,
        wide: str | None = None,
    ) -> pd.DataFrame:
        """Daily prices as traded and adjusted, oldest first, indexed by `trade_date` (no zone).

        Of one ticker (`"PETR4"`) the columns of b3_daily_history; of several, or of an index's members (`"@IBOV"`), the
        same with the column `ticker`, sorted by it and the day. With `wide`, the name of a column, a column a ticker.
        An index's members without a row in these days are left out, and warned of. Raises AnalysisError for no ticker,
        or one named by itself that the lake has not, and AwsError.
        """
        one = isinstance(tickers, str) and not tickers.startswith("@")
        names = [tickers] if isinstance(tickers, str) else list(tickers)
        named = self.named(names)
        if not named:
            raise AnalysisError('No ticker was given: name some, like history(["PETR4", "VALE3"]).')
        table = self.table(HISTORY_TABLE, tickers=named, since=since, until=until)
        left_out = self.left_out(names, table)
        if left_out:
            warnings.warn(told(sentence_of(left_out)), stacklevel=2)
        frame: pd.DataFrame = table.drop_columns(["year"]).to_pandas()
        frame[_DATE] = pd.to_datetime(frame[_DATE])
        frame = frame.sort_values(["ticker", _DATE]).set_index(_DATE)
        if wide is not None:
            if wide not in frame.columns or wide == "ticker":
                raise AnalysisError(f"There is no column {wide!r} to put a ticker in each column of.")
            by_ticker: pd.DataFrame = frame.pivot(columns="ticker", values=wide)
            return by_ticker.reindex(columns=[ticker for ticker in named if ticker not in left_out])
        return frame.drop(columns="ticker") if one else frame

    def table(
        self,
        name: str,
        *,
        tickers: str | Iterable[str] | None = None,
        since: Day = None,
        until: Day = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """The rows of a table as Arrow, with its columns as in SQL; `polars.from_arrow` takes it as it is.

        b3_daily_quotes and b3_daily_quotes_refined have an object a row: give `since`, or it takes long. Raises
        AnalysisError for a table or column that there is not, UsageError for no day, and AwsError.
        """
        named = None if tickers is None else self.named([tickers] if isinstance(tickers, str) else list(tickers))
        rows = Rows(None if named is None else frozenset(named), _day(since), _day(until))
        return read_table(self.objects, find_table(name), rows, columns)

    def tables(self) -> pd.DataFrame:
        """The lake's tables: for each the meaning of one of its rows (`a_row_is`), and its columns."""
        told = [(table.name, table.about, ", ".join(table.columns.names)) for table in TABLES.values()]
        return pd.DataFrame(told, columns=["table", "a_row_is", "columns"]).set_index("table")

    def tickers(self) -> list[str]:
        """The tickers that have a history, sorted."""
        return sorted(self.table(HISTORY_TABLE, columns=["ticker"])["ticker"].unique().to_pylist())

    def duckdb(self, *, since: Day = None) -> "duckdb.DuckDBPyConnection":
        """A DuckDB connection in memory with a view per table; nothing is downloaded for it, no extension either.

        b3_daily_quotes and b3_daily_quotes_refined, of an object a row, are there where `since` says from which day on.
        Needs duckdb (`pip install duckdb`). Raises AnalysisError without it, and AwsError.
        """
        try:
            import duckdb  # noqa: PLC0415 - it is no package of the host
        except ImportError as error:
            raise AnalysisError("DuckDB is not installed: `pip install duckdb`, and call this again.") from error
        connection = duckdb.connect()
        for table in TABLES.values():
            if since is not None or table.object_of in {YEAR, WHOLE}:
                connection.register(table.name, self.table(table.name, since=since if table.day else None))
        return connection

    def named(self, names: Sequence[str]) -> tuple[str, ...]:
        """The tickers in the lake's spelling, with an index's members in its place. Raises AnalysisError."""
        try:
            spelt = [spelled(name) for name in names]
        except ValueError as error:
            raise AnalysisError(f"{error}.") from error
        if not any(name.startswith("@") for name in spelt):
            return tuple(dict.fromkeys(spelt))
        return expand_members(spelt, self.table(PORTFOLIOS_TABLE))

    def left_out(self, names: Sequence[str], table: pa.Table) -> list[str]:
        """The members of the indexes among `names` that have no row in `table`, of the history, sorted.

        Raises AnalysisError where a ticker that was named by itself has none, or no member has any.
        """
        there = set(table["ticker"].to_pylist())
        missing = sorted(set(self.named(names)) - there)
        needed = {spelled(name) for name in names} if there else set(missing)
        if refused := [ticker for ticker in missing if ticker in needed]:
            self._refuse(refused)
        return missing

    def _refuse(self, missing: Sequence[str]) -> NoReturn:
        known = self.tickers()
        if not known:
            raise AnalysisError(
                f"The lake in {self.place} has no history yet: `make ingest` or `b3lake fetch` fills it."
            )
        if ever := [ticker for ticker in missing if ticker in known]:
            raise AnalysisError(f"The lake has no row of {', '.join(ever)} in these days: ask for others.")
        near = difflib.get_close_matches(newest_code(missing[0]) or missing[0], known, 3)
        advice = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known[:8])} and others."
        raise AnalysisError(f"The lake has no {', '.join(missing)}: {advice}")


def sentence_of(left_out: Sequence[str]) -> str:
    """A sentence on the members of an index that an answer is without."""
    return f"Members of the index without a row in these days are left out: {', '.join(left_out)}."


def open_lake(
    place: str | os.PathLike[str] | None = None, *, env: str | None = None, environ: Mapping[str, str] | None = None
) -> AnalysisLake:
    """The lake at `place`: a folder of objects, or `s3://bucket`. Without one it is found.

    It is the one that `make up` keeps on this machine, running or not, in the folder one is in or above it; where
    `env`, LAKE_ENV or AWS_ENDPOINT_URL name another, or none is kept here, the account's of one's AWS credentials.
    Raises AnalysisError when there is none, and AwsError without credentials.
    """
    environ = os.environ if environ is None else environ
    text = "" if place is None else os.fspath(place)
    if text and not text.startswith("s3://"):
        return AnalysisLake(_in_folder(Path(text)))
    if not text and env is None and not any(environ.get(name) for name in _OF_AN_ACCOUNT):
        kept = _kept_here()
        if kept:
            return AnalysisLake(kept)
    return AnalysisLake(_in_bucket(text.removeprefix("s3://").strip("/"), env, environ))


def _in_folder(folder: Path) -> FolderObjects:
    """The lake in a folder: of objects themselves, or of the emulator that keeps them. Raises AnalysisError."""
    prefixes = {table.prefix.partition("/")[0] for table in TABLES.values()}
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for a name that no folder can have
        raise AnalysisError(f"There is no folder {folder}: name the folder that has raw/, refined/ and history/.")
    for root in (folder, *sorted(folder.glob(f"*/{PROJECT}-*-raw-*")), *sorted((folder / KEPT).glob("*/*-raw-*"))):
        if any((root / prefix).is_dir() for prefix in prefixes):
            return FolderObjects(root)
    raise AnalysisError(f"There is no lake in {folder}: name the folder that has raw/, refined/ and history/.")


def _kept_here() -> FolderObjects | None:
    """The lake that is kept in this folder, in one above it, or in the checkout that this package lies in."""
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        found = sorted((folder / KEPT).glob(f"*/{PROJECT}-*-raw-*"))
        if found:
            return FolderObjects(found[0])
    return None


def _in_bucket(bucket: str, env: str | None, environ: Mapping[str, str]) -> BucketObjects:
    from b3lake.ingest.objects import default_bucket, open_store  # noqa: PLC0415 - a folder needs no AWS client
    from b3lake.lake.session import open_session  # noqa: PLC0415 - likewise

    place = read_place({**environ, **({"LAKE_ENV": env} if env else {})}, bucket=bucket)
    session = open_session()
    name = place.bucket or default_bucket(place.env, session)
    return BucketObjects(open_store(name, session), name)


def _day(value: Day) -> dt.date | None:
    """The day that was given. Raises UsageError."""
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    if isinstance(value, dt.datetime):
        return value.date()
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{value!r} is not a day: write it as YYYY-MM-DD, like 2024-05-31.") from error
