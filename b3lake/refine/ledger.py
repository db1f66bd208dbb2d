"""The ledger: what every refined object was computed from, in one Parquet object per year."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from b3lake.lake.keys import LEDGER_SHARD
from b3lake.refine.config import Job
from b3lake.refine.listing import names_under
from b3lake.refine.log import log
from b3lake.refine.objects import from_parquet, get_own, parquet, put
from b3lake.refine.partitions import BY_TICKER_AND_DAY, find, keys_of, names_in, of_year, years_of
from b3lake.refine.plan import LEDGER

READING_THREADS = 8


def read_ledger(job: Job) -> pa.Table:
    """The whole ledger (LEDGER)."""
    names = [name for name in names_under(job.ledger, job.connection) if LEDGER_SHARD.fullmatch(name)]
    with ThreadPoolExecutor(READING_THREADS) as threads:
        return pa.concat_tables([LEDGER.empty_table(), *threads.map(lambda name: _read_shard(job, name), names)])


def write_ledger(job: Job, facts: pa.Table, forgotten: pa.Table) -> None:
    """Enter facts (LEDGER) and strike out partitions (ticker, day), in the years that they are of."""
    there = names_under(job.ledger, job.connection)
    for year in years_of(facts, forgotten):
        name = f"year={year}.parquet"
        shard = _read_shard(job, name) if name in there else LEDGER.empty_table()
        new, gone = of_year(facts, year), of_year(forgotten, year)
        names = names_in(shard, new, gone)
        replaced = np.concatenate([keys_of(new, names), keys_of(gone, names)])
        kept = shard.filter(pa.array(find(replaced, keys_of(shard, names)) < 0))
        merged = pa.concat_tables([kept, new]).sort_by(BY_TICKER_AND_DAY)
        put(job.ledger, name, parquet(merged, compression="ZSTD"), job.connection)


def _read_shard(job: Job, name: str) -> pa.Table:
    shard = from_parquet(get_own(job.ledger, name, job.connection) or b"", LEDGER)
    if shard is None or any(column.null_count for column in shard.columns):
        log.warning("%s/%s cannot be read: what it told is found out again", job.ledger.uri, name)
        return LEDGER.empty_table()
    year = int(name.removeprefix("year=").removesuffix(".parquet"))
    if years_of(shard) not in ([], [year]):
        log.warning("%s/%s has entries of other years: those are left out", job.ledger.uri, name)
        return of_year(shard, year)
    return shard
