"""The history: the refined rows with adjusted prices, in one object per year; the one place where adjusted prices are.

An event moves every row of its ticker before it. So whenever a year's rows changed, the adjusted columns of all years
are computed anew, from the objects that are there and the rows of this run, and the years that come out otherwise are
written.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from b3lake.lake.adjust import with_adjusted
from b3lake.lake.errors import RefusedObjectError
from b3lake.lake.keys import YEAR_PARTITION, year_folder, year_key
from b3lake.lake.words import counted
from b3lake.refine.catalog import Partitions, register, unregister, update_columns
from b3lake.refine.config import Job, Place
from b3lake.refine.fingerprint import tag_of
from b3lake.refine.gone import really_gone, those_there
from b3lake.refine.listing import names_under
from b3lake.refine.log import log
from b3lake.refine.objects import delete, from_parquet, get_if_there, get_own, in_flight, parquet, put, store_of
from b3lake.refine.partitions import BY_TICKER_AND_DAY, find, keys_of, names_in, of_year, take, years_of
from b3lake.refine.rule import Rule
from b3lake.refine.spark import collect, parts_of, unpacked

ROW_GROUP = 20_000


@dataclass(frozen=True)
class HistoryYear:
    """A year's object as it is known: its ETag, and a seal of the rule and of the refined objects (key, tag) that it
    was made of."""

    etag: str
    seal: str


@dataclass(frozen=True)
class Refined:
    """The refined objects as a run knows them: their listings (LISTING) now and when it began, and the rows that it
    published."""

    now: pa.Table
    before: pa.Table
    held: pa.Table


class History:
    """Keeps the history at `place` what the refined objects make it; `rewritten` counts the years that differed."""

    def __init__(self, job: Job, place: Place, spark: Callable[[], SparkSession]) -> None:
        self.job = job
        self.place = place
        self.spark = spark
        self.rewritten = 0
        self._objects: dict[int, pa.Table | None] = {}

    def update(self, refined: Refined, noted: dict[int, HistoryYear], *, again: bool) -> dict[int, HistoryYear]:
        """Rewrite the years that differ; what the objects are made of.

        `again` registers also the years that do not differ: the table may not have them, or with other columns.
        """
        there = self._listed()
        if again:
            self._register(there)
            update_columns(self.job, self.job.history_table, self.job.rule.history, self._locations(there))
        years = years_of(refined.now)
        intact = {year: noted[year] for year in years if year in noted and noted[year].etag == there.get(year)}
        fresh = {year: last for year, last in intact.items() if self._is_fresh(last, of_year(refined.now, year))}
        gone = sorted(there.keys() - set(years))
        self._doubt(gone, intact.keys() - fresh.keys(), refined)
        those_there(self.place, [self._name(year) for year in noted.keys() - there.keys()], self.job.connection)
        known = fresh
        if gone or len(fresh) < len(years):
            known = self._rewrite(years, refined, intact, fresh)
        self._remove(gone)
        return known

    def _doubt(self, gone: Iterable[int], changed: Iterable[int], refined: Refined) -> None:
        """Raise RefineError when rows would leave whose refined objects are there, and a second listing lacks them."""
        for year in (*gone, *changed):
            rows = self._read(year)
            if rows is None:
                continue
            rows = rows.append_column("day", rows["trade_date"].cast(pa.int32())).select(["ticker", "day"])
            names = names_in(rows, refined.now)
            left = find(keys_of(refined.now, names), keys_of(rows, names)) < 0
            really_gone(self.job.refined, rows.filter(pa.array(left)), self.job.connection)

    def _listed(self) -> dict[int, str]:
        """Year to ETag of the objects that are there."""
        names = names_under(self.place, self.job.connection)
        matches = ((YEAR_PARTITION.fullmatch(name), etag) for name, etag in names.items())
        return {int(match[1]): etag for match, etag in matches if match}

    def _is_fresh(self, last: HistoryYear, now: pa.Table) -> bool:
        return last.seal == seal_of(now, self.job.rule)

    def _rewrite(
        self, years: list[int], refined: Refined, intact: dict[int, HistoryYear], fresh: dict[int, HistoryYear]
    ) -> dict[int, HistoryYear]:
        """Adjust all rows, and write the years that differ from their objects; what the objects are made of."""
        objects = {year: self._read(year) for year in intact}
        parts = [self._rows_of(year, refined, objects.get(year), intact.get(year)) for year in years]
        rows = with_adjusted(pa.concat_tables([self.job.rule.rows.empty_table(), *parts]).sort_by(BY_TICKER_AND_DAY))
        known = {}
        for year in years:
            its = of_year(rows, year)
            there = objects.get(year) if year in fresh else None
            same = there is not None and its.select(self.job.rule.history.names).equals(there)
            known[year] = fresh[year] if same else self.write(year, its)
        return known

    def write(self, year: int, rows: pa.Table) -> HistoryYear:
        """Write a year's object from its adjusted rows, in one go: a reader sees the old one or the new one."""
        data = parquet(rows.select(self.job.rule.history.names), compression="SNAPPY", row_group_size=ROW_GROUP)
        # The ETag is this answer's: asked for afterwards, it might be that of another run's object.
        etag = put(self.place, self._name(year), data, self.job.connection)
        self._register([year])
        self.rewritten += 1
        return HistoryYear(etag, seal_of(rows, self.job.rule))

    def _rows_of(self, year: int, refined: Refined, there: pa.Table | None, last: HistoryYear | None) -> pa.Table:
        """The rows of a year's refined objects: from this run, from the year's object, or read anew."""
        now = of_year(refined.now, year)
        rows = [of_year(refined.held, year)]
        for listed in (now, of_year(refined.before, year)):
            if there is not None and last and self._is_fresh(last, listed):
                rows.append(self._with_tags(there, listed))
        found, missing = pick(now, pa.concat_tables(rows))
        if len(missing):
            log.info("%s of %d are read for the history", counted(len(missing), "refined object"), year)
            fetched = collect(parts_of(self.spark(), missing), partial(fetch, self.job), self.job.rule.rows)
            if len(fetched) < len(missing):
                log.warning("%d of them are gone or damaged and are left out for now", len(missing) - len(fetched))
            found = pa.concat_tables([found, fetched])
        return found

    def _read(self, year: int) -> pa.Table | None:
        """A year's object, read once; None when it is damaged."""
        if year not in self._objects:
            data = get_own(self.place, self._name(year), self.job.connection)
            rows = from_parquet(data or b"", self.job.rule.history)
            known = rows is not None and not any(rows[name].null_count for name in ("ticker", "trade_date"))
            self._objects[year] = rows if known else None
        return self._objects[year]

    def _with_tags(self, rows: pa.Table, made_of: pa.Table) -> pa.Table:
        """The refined rows in a year's object, which is known to be made of these refined objects."""
        rows = rows.append_column("day", rows["trade_date"].cast(pa.int32()))
        names = names_in(rows, made_of)
        at = find(keys_of(made_of, names), keys_of(rows, names))
        return rows.append_column("tag", pa.array(take(made_of["tag"].to_numpy(), at))).select(self.job.rule.rows.names)

    def _register(self, years: Iterable[int]) -> None:
        register(self.job, self.job.history_table, self.job.rule.history, self._locations(years))

    def _locations(self, years: Iterable[int]) -> Partitions:
        return {year_folder(self.place.uri, year): [str(year)] for year in years}

    def _remove(self, years: list[int]) -> None:
        if years:
            unregister(self.job, self.job.history_table, [[str(year)] for year in years])
            delete(self.place, [year_key(self.place.prefix, year) for year in years], self.job.connection)

    def _name(self, year: int) -> str:
        return year_key(self.place.prefix, year).removeprefix(f"{self.place.prefix}/")


def seal_of(partitions: pa.Table, rule: Rule) -> str:
    """A word for the rule and just these refined objects, by ticker, day and tag."""
    ordered = partitions.select(["ticker", "day", "tag"]).sort_by(BY_TICKER_AND_DAY)
    seal = hashlib.blake2b("\n".join([str(rule.tag), *ordered["ticker"].to_pylist()]).encode(), digest_size=16)
    for column in ("day", "tag"):
        seal.update(ordered[column].to_numpy().tobytes())
    return seal.hexdigest()


def pick(wanted: pa.Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Of rows, those of the wanted objects (ticker, day, tag), each once; and the wanted that have no row."""
    names = names_in(wanted, rows)
    at = find(keys_of(wanted, names), keys_of(rows, names))
    fits = np.flatnonzero((at >= 0) & (take(wanted["tag"].to_numpy(), at) == rows["tag"].to_numpy()))
    served, first = np.unique(at[fits], return_index=True)
    without = np.ones(len(wanted), bool)
    without[served] = False
    return rows.take(pa.array(fits[first])), wanted.filter(pa.array(without))


def fetch(job: Job, parts: pa.Table) -> pa.Table:
    """The rows of refined objects (LISTING, packed); not those of objects that are gone or damaged."""
    store, rule = store_of(job.refined, job.connection), job.rule

    async def one(key: str) -> tuple[int, pa.Table | None]:
        try:
            found = await get_if_there(store, job.refined, key)
        except RefusedObjectError:
            return 0, None
        # Damaged, it is not written anew only because its raw object is unreadable: it is that which is reported.
        row = from_parquet(found[1], rule.schema) if found else None
        return (tag_of(found[0]), row) if found and row is not None and len(row) == 1 else (0, None)

    fetched = [rule.rows.empty_table()]
    for wanted in unpacked(parts.to_batches()):
        objects = in_flight(one, job.refined.keys(wanted))
        there = pa.array([table is not None for _, table in objects], pa.bool_())
        rows = pa.concat_tables([rule.schema.empty_table(), *(table for _, table in objects if table is not None)])
        rows = rows.append_column("ticker", wanted["ticker"].filter(there))
        rows = rows.append_column("day", wanted["day"].filter(there))
        rows = rows.append_column("tag", pa.array([tag for tag, table in objects if table is not None], pa.int64()))
        fetched.append(rows.select(rule.rows.names).cast(rule.rows))
    return pa.concat_tables(fetched)
