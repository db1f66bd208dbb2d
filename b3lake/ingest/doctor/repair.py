"""Repairs what the doctor found: from the source what a source can give again, the rest from the lake itself."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable

import pyarrow as pa
from obstore.exceptions import BaseError

from b3lake.ingest import objects
from b3lake.ingest.catalog import Partition
from b3lake.ingest.config import Config
from b3lake.ingest.doctor.examine import Examination, Finding, Kind
from b3lake.ingest.errors import TickerError
from b3lake.ingest.from_b3 import read_files
from b3lake.ingest.from_yahoo import fetch_all
from b3lake.ingest.inventory import Inventory
from b3lake.ingest.lake import Lake
from b3lake.ingest.load import load_all
from b3lake.ingest.parquet import decode, encode
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources import b3
from b3lake.ingest.sources.b3_files import CotahistFile
from b3lake.ingest.sources.cotahist import Quotes
from b3lake.ingest.sources.yahoo import BackOff
from b3lake.ingest.validate import validate
from b3lake.lake.aws_errors import as_aws_error
from b3lake.lake.calendar import last_final_session, sessions_between
from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import raw_key
from b3lake.lake.schemas import RAW_SCHEMA

FETCHED_AGAIN = {Kind.GAP, Kind.UNREADABLE, Kind.IMPOSSIBLE, Kind.MISPLACED, Kind.STALE}


async def repair(lake: Lake, config: Config, seen: Examination, steps: Steps) -> None:
    """Mend what can be: fetch again, drop repeated rows and carried-forward days, set the catalog right.

    Objects come before their registration, so that whatever stops this, doing it again finishes it. Strays are left
    alone: nobody knows here what they are. `steps` hears what a source could not give. Raises AwsError.
    """
    try:
        await _repair(lake, config, seen, steps)
    except BaseError as error:
        raise as_aws_error(error, f"bucket {lake.bucket}") from error


async def _repair(lake: Lake, config: Config, seen: Examination, steps: Steps) -> None:
    if lake.catalog:
        lake.catalog.unregister(_partitions(seen.findings, {Kind.UNBACKED}))
    final = last_final_session(config.now)
    wanted = {(day, ticker) for day, ticker in _partitions(seen.findings, FETCHED_AGAIN) if day <= final}
    if wanted:
        await _fetch_again(lake, config, wanted, steps)
    for day, ticker in _partitions(seen.findings, {Kind.DUPLICATE}) - wanted:
        await _drop_repeated_rows(lake, day, ticker)
    carried = _partitions(seen.findings, {Kind.CARRIED})
    if carried:
        await objects.delete(lake.store, [raw_key(day, ticker) for day, ticker in carried])
    if lake.catalog:
        lake.catalog.unregister(carried)
        lake.catalog.register(_partitions(seen.findings, {Kind.UNREGISTERED}) - carried)


def _partitions(findings: Iterable[Finding], kinds: set[Kind]) -> set[Partition]:
    return {(found.day, found.ticker) for found in findings if found.kind in kinds and found.day}


async def _fetch_again(lake: Lake, config: Config, wanted: set[Partition], steps: Steps) -> None:
    """Load exactly the `wanted` partitions from the source of `config`; what it does not give stays as it is."""
    first, last = min(day for day, _ in wanted), max(day for day, _ in wanted)
    tickers = tuple(sorted({ticker for _, ticker in wanted}))
    narrowed = dataclasses.replace(config, tickers=tickers, start=first, end=last)
    inventory = await lake.survey(tickers, first, last)
    source = (_from_b3 if config.source == "b3" else _from_yahoo)(narrowed, steps)

    async def batches() -> AsyncIterator[tuple[pa.Table, Inventory]]:
        async for bars in source:
            yield _only(bars, wanted), inventory

    await load_all(lake.loader(dry_run=False), batches())


async def _from_yahoo(config: Config, steps: Steps) -> AsyncIterator[pa.Table]:
    async for _, answer in fetch_all(config, config.end, BackOff()):
        if isinstance(answer, TickerError):
            steps.tell(str(answer))
        else:
            yield answer[1].bars


async def _from_b3(config: Config, steps: Steps) -> AsyncIterator[pa.Table]:
    unusable: list[tuple[CotahistFile, B3LakeError]] = []
    quotes: Quotes
    async for _, quotes in read_files(config, sessions_between(config.start, config.end), unusable):
        for bars in b3.batches(quotes):
            yield validate(bars, start=config.start, end=config.end).bars
    for _, error in unusable:
        steps.tell(str(error))


def _only(bars: pa.Table, wanted: set[Partition]) -> pa.Table:
    pairs: zip[tuple[dt.date, str]] = zip(bars["day"].to_pylist(), bars["ticker"].to_pylist(), strict=True)
    return bars.filter(pa.array([pair in wanted for pair in pairs], pa.bool_()))


async def _drop_repeated_rows(lake: Lake, day: dt.date, ticker: str) -> None:
    key = raw_key(day, ticker)
    rows = decode(await objects.get(lake.store, key))
    last_of_ts: defaultdict[object, int] = defaultdict(int)
    for position, moment in enumerate(rows["ts"].to_pylist()):
        last_of_ts[moment] = position
    kept = rows.take(pa.array(sorted(last_of_ts.values()))).sort_by("ts")
    await objects.put(lake.store, key, encode(kept.select(RAW_SCHEMA.names)))
