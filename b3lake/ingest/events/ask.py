"""Who is asked for events, and what the answers of today and of earlier days say together."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from obstore.store import S3Store

from b3lake.ingest.events.event import Share
from b3lake.ingest.events.kept import KeptAnswers, list_kept
from b3lake.ingest.progress import Steps
from b3lake.ingest.sources.b3_events import B3Events, IssuerAnswers

FRESH = dt.timedelta(days=7)
"""In a run for the whole market only issuers are asked for whose answers are older."""
MOST_ISSUERS = 400
"""So many of them in one run: with two requests each, or some more, that is about ten minutes."""


@dataclass(frozen=True)
class EventsWanted:
    """Who is asked for events (None: nobody, the answers that the lake keeps stand), of which tickers, and when.

    `tickers` None is the whole market.
    """

    source: B3Events | None
    tickers: tuple[str, ...] | None
    now: dt.datetime


async def answers_about(
    shares: Sequence[Share], wanted: EventsWanted, store: S3Store, steps: Steps, *, dry_run: bool
) -> dict[str, IssuerAnswers]:
    """By issuer what is known of those of `shares`, the more urgent first; good answers are kept in the lake.

    Where today's answer is no good, that of an earlier day stands. Raises AwsError.
    """
    kept = await list_kept(store)
    issuers = list(dict.fromkeys(share.issuer for share in shares))
    await kept.read(issuers)
    found = {issuer: IssuerAnswers(issuer).or_kept(kept.bodies(issuer)) for issuer in issuers}
    if not wanted.source:
        return found
    told = wanted.source.ask_all(shares_due(shares, wanted, wanted.source, kept, steps))
    while (answers := await asyncio.to_thread(next, told, None)) is not None:
        if not dry_run:
            await kept.keep(answers.issuer, answers.bodies, older_than=wanted.now - FRESH)
        found[answers.issuer] = answers.or_kept(kept.bodies(answers.issuer))
    return found


def shares_due(
    shares: Sequence[Share], wanted: EventsWanted, source: B3Events, kept: KeptAnswers, steps: Steps
) -> list[Share]:
    """All of `shares` where they are asked for by name; of the market those whose answers are missing or old.

    These are of MOST_ISSUERS at the most, the first in the order of `shares`.
    """
    if wanted.tickers is not None:
        return list(shares)
    due: dict[str, list[Share]] = {}
    for share in shares:
        put_on = kept.asked_on(share.issuer)
        is_fresh = put_on is not None and put_on >= wanted.now - FRESH and not source.folder
        if not is_fresh and source.has(share.issuer):
            due.setdefault(share.issuer, []).append(share)
    asked, left = list(due)[:MOST_ISSUERS], list(due)[MOST_ISSUERS:]
    if left:
        steps.tell(f"{len(left)} issuers' events are left for the next run, {len(asked)} are asked for now.")
    return [share for issuer in asked for share in due[issuer]]
