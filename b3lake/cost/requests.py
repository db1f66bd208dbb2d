"""How many requests the lake makes: pure arithmetic, which tests hold to what a counting proxy saw.

>>> ingestion(tickers=10, sessions=10)
Requests(writes=13, lists=2, reads=6, catalog=6)
"""

from dataclasses import dataclass
from math import ceil

KEYS_PER_PAGE = 1000
PARTITIONS_PER_CALL = 100
DATES_PER_LISTING = 25
TABLES_BESIDE = 3
MOVING_AVERAGE_DATES = 5
SESSIONS_PER_YEAR = 252
# Athena, whose requests no proxy here sees: it lists the location of each partition, reads an object's footer, and then
# the column chunks that the question needs, which are neighbours in objects this small.
ATHENA_LISTS_PER_OBJECT = 1
ATHENA_READS_PER_OBJECT = 3


@dataclass(frozen=True)
class Requests:
    """Requests to S3 (`writes` are PUTs, `lists` LISTs, `reads` GETs) and to the Glue Data Catalog."""

    writes: int = 0
    lists: int = 0
    reads: int = 0
    catalog: int = 0

    def __add__(self, other: "Requests") -> "Requests":
        return Requests(
            self.writes + other.writes, self.lists + other.lists, self.reads + other.reads, self.catalog + other.catalog
        )

    def times(self, count: int) -> "Requests":
        """So many of these."""
        return Requests(self.writes * count, self.lists * count, self.reads * count, self.catalog * count)


def ingestion(tickers: int, sessions: int) -> Requests:
    """One daily run: it lists the window of `sessions`, and writes and registers one new bar per ticker.

    With it come rates, members of indexes and instruments, a table of one object each.
    """
    quotes = Requests(
        writes=tickers,
        # One tells whether the lake holds anything else than real prices, and one whether it ends before the window.
        lists=1 + _pages(tickers) + _pages(tickers * sessions),
        reads=1,
        catalog=2 + ceil(tickers / PARTITIONS_PER_CALL),  # the table, its partitions of the window, the new ones
    )
    # Each is read, written whole and looked up in the catalog. Which rates are the newest, and which days are counted,
    # is read once more before.
    return quotes + Requests(writes=TABLES_BESIDE, reads=TABLES_BESIDE + 2, catalog=TABLES_BESIDE)


def refine_run(tickers: int, dates: int, years: int, new_dates: int = 1) -> Requests:
    """One run of the job that finds `new_dates` more trade dates on a lake that then has `dates`.

    It plans twice: what is stale, and whether all is done. Each time it lists raw and refined, and reads the ledger.
    """
    window = min(MOVING_AVERAGE_DATES - 1, dates - new_dates)
    touched_years = max(1, ceil(new_dates / SESSIONS_PER_YEAR))
    new = tickers * new_dates
    objects = Requests(writes=new, reads=tickers * (new_dates + window), catalog=ceil(new / PARTITIONS_PER_CALL))
    ledger = Requests(writes=touched_years, lists=1, reads=touched_years)
    history = Requests(writes=touched_years, reads=touched_years, lists=1, catalog=1)
    notes = Requests(writes=1, reads=2, catalog=3)
    return plan(tickers, dates, years).times(2) + objects + ledger + history + notes


def plan(tickers: int, dates: int, years: int) -> Requests:
    """One look at the whole lake: both listings, in spans of dates, and the ledger's objects, one a year."""
    spans, rest = divmod(dates, DATES_PER_LISTING)
    pages = spans * _pages(DATES_PER_LISTING * tickers) + (_pages(rest * tickers) if rest else 0)
    return Requests(lists=2 * (_pages(dates) + pages) + 1, reads=years)


def question(objects: int) -> Requests:
    """One question to Athena that opens so many objects."""
    return Requests(lists=objects * ATHENA_LISTS_PER_OBJECT, reads=objects * ATHENA_READS_PER_OBJECT)


def _pages(keys: int) -> int:
    return max(1, ceil(keys / KEYS_PER_PAGE))
