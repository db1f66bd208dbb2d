"""The kinds of faults that a chaos run injects: each is a member of an enumeration, whose value names it in a report.

    Fault(RequestFault.S3_SLOW_DOWN, after=12, count=3, seed=7)

is: from the thirteenth request to S3 on, three get 503.
"""

import enum
from dataclasses import dataclass


class Damage(enum.Enum):
    """Done to the stored lake before a round."""

    REFINED_DELETED = "refined object deleted"
    REFINED_CORRUPTED = "refined object corrupted"
    HISTORY_DELETED = "history object deleted"
    HISTORY_CORRUPTED = "history object corrupted"
    LEDGER_DELETED = "ledger deleted"
    LEDGER_CORRUPTED = "ledger corrupted"
    NOTES_CORRUPTED = "notes corrupted"
    UNREADABLE_LIST_CORRUPTED = "list of unreadable objects corrupted"
    RAW_CORRUPTED = "raw object corrupted"
    RAW_ADDED = "raw object of no session added"
    STRAY_KEY = "a key that a slip made"
    RAW_PARTITIONS_FORGOTTEN = "catalog forgets raw partitions"
    REFINED_PARTITIONS_FORGOTTEN = "catalog forgets refined partitions"
    HISTORY_PARTITIONS_FORGOTTEN = "catalog forgets history partitions"
    RAW_TICKER_REMOVED = "all raw objects of a ticker removed"
    RAW_PREFIX_REMOVED = "raw prefix removed"
    REFINED_PREFIX_REMOVED = "refined prefix removed"
    HISTORY_PREFIX_REMOVED = "history prefix removed"
    STATE_PREFIX_REMOVED = "state prefix removed"


class YahooFault(enum.Enum):
    """A wrong answer of Yahoo's to one request."""

    TOO_MANY_REQUESTS = "Yahoo answers 429"
    SERVER_ERROR = "Yahoo answers 500"
    NO_BARS = "Yahoo answers without bars"
    ANSWER_CUT = "Yahoo ends half way through its answer"
    NOT_FOUND = "Yahoo answers 404"
    HTML_PAGE = "Yahoo answers with a page of HTML"
    HALF_OF_THE_BARS = "Yahoo answers half a frame"
    BARS_WITHOUT_PRICES = "Yahoo answers bars without prices"
    ANOTHER_SYMBOL = "Yahoo answers for another symbol"
    PARTIAL_BAR = "Yahoo answers a partial bar"
    FORGETS_A_SPLIT = "Yahoo forgets a split"
    APPLIES_A_SPLIT_TWICE = "Yahoo applies a split twice"
    DOES_NOT_APPLY_A_SPLIT = "Yahoo lists a split and does not apply it"


class MarketFault(enum.Enum):
    """No fault, but what happens to a share, and stays."""

    SPLIT = "a split"
    DIVIDEND = "a dividend"
    LATE_EVENT = "a late event"
    HOST_OFF = "the host was off for a month"
    VOLUMES_RESTATED = "Yahoo restates volumes"


class IngestionFault(enum.Enum):
    """Done to the ingestion alone."""

    KILLED = "ingestion killed"
    TERMINATED = "ingestion terminated"


class RequestFault(enum.Enum):
    """Met by the requests of the ingestion or of the job."""

    S3_SERVER_ERROR = "S3 answers 500"
    S3_SLOW_DOWN = "S3 answers 503"
    S3_DROPPED = "S3 drops the connection"
    S3_ANSWER_LOST = "S3 does it and drops the connection"
    S3_ANSWER_CUT = "S3 ends half way through its answer"
    S3_LATE = "S3 answers after a second"
    S3_HANGS = "S3 hangs"
    S3_REFUSES = "S3 refuses an object"
    S3_CREDENTIALS_EXPIRED = "credentials expire"
    LISTING_AN_ERROR = "a listing is an error"
    LISTING_A_PAGE = "a listing is a page of HTML"
    LISTING_EMPTY = "a listing is empty"
    LISTING_SHORT = "a listing lacks objects"
    GLUE_THROTTLED = "Glue throttles"
    GLUE_SERVER_ERROR = "Glue answers 500"
    GLUE_DROPPED = "Glue drops the connection"
    GLUE_ANSWER_LOST = "Glue does it and drops the connection"
    GLUE_LATE = "Glue answers after a second"


class EventFault(enum.Enum):
    """Done to the S3 events in the queue."""

    DOUBLED = "event doubled"
    LATE = "event late"
    REORDERED = "events reordered"
    MALFORMED = "event malformed"
    OF_ANOTHER_ENVIRONMENT = "events of another environment"


class RunFault(enum.Enum):
    """Answered to the function that asks Glue for a run."""

    REFUSED = "Glue refuses a run"
    THROTTLED = "Glue throttles the function"
    DENIED = "Glue denies the function"
    PARTIAL = "a run for one ticker"


class JobFault(enum.Enum):
    """Done to the job, or to objects while it runs."""

    KILLED = "refine killed"
    TERMINATED = "refine terminated"
    REFINED_DELETED = "refined object deleted meanwhile"
    HISTORY_DELETED = "history object deleted meanwhile"
    RAW_REWRITTEN = "raw object rewritten meanwhile"
    RAW_DELETED = "raw object deleted meanwhile"
    RAW_CORRUPTED = "raw object corrupted meanwhile"


Kind = Damage | MarketFault | YahooFault | IngestionFault | RequestFault | EventFault | RunFault | JobFault
KINDS: tuple[Kind, ...] = (
    *Damage, *MarketFault, *YahooFault, *IngestionFault, *RequestFault, *EventFault, *RunFault, *JobFault
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: after so many requests, for `count` requests, objects or calls.

    `seed` decides whatever else is to be chosen: which object, which symbol, which process.
    """

    kind: Kind
    after: int
    count: int
    seed: int
