"""`b3lake restore`: the lake as it was at a moment."""

import datetime as dt
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b3lake.ingest import options
from b3lake.ingest.objects import default_bucket
from b3lake.lake.calendar import B3_ZONE
from b3lake.lake.errors import UsageError
from b3lake.lake.keys import RAW_PREFIX
from b3lake.lake.session import open_session
from b3lake.lake.settings import LakePlace
from b3lake.lake.words import counted
from b3lake.options import Parser
from b3lake.restore.bucket import VersionedBucket
from b3lake.restore.plan import Bring, Remove, plan_restore
from b3lake.texts.told import told

PROGRAM = "b3lake restore"
SHOWN = 10


@dataclass(frozen=True)
class RestoreRequest:
    """Bring what is under `prefix` back to `moment` (aware); without `apply` only say what that would do."""

    place: LakePlace
    moment: dt.datetime
    prefix: str = f"{RAW_PREFIX}/"
    apply: bool = False


def parse(
    arguments: Sequence[str], environ: Mapping[str, str], now: dt.datetime, program: str = PROGRAM
) -> RestoreRequest:
    """The checked request at `now` (aware). Raises UsageError; exits 0 on `--help`."""
    parser = Parser(
        program,
        "Bring the bronze objects back to what they were at a moment, from the bucket's old versions; without --apply, "
        "only say what would be done. Their events start the refine job, which brings the rest.",
        "Exit codes: 0 done, or nothing to do; 1 it cannot be done; 2 wrong usage.",
    )
    parser.add_argument("--as-of", required=True, metavar="MOMENT", help="such as '2024-05-31 18:00', São Paulo's time")
    parser.add_argument("--prefix", default=f"{RAW_PREFIX}/", help=f"only keys that begin so (default {RAW_PREFIX}/)")
    parser.add_argument("--apply", action="store_true", help="do it")
    options.add_lake(parser)
    given = parser.read(arguments, environ)
    prefix, moment = given.options.prefix, _moment(given.options.as_of)
    if not prefix.startswith(f"{RAW_PREFIX}/"):
        raise UsageError(f"--prefix {prefix} is not under {RAW_PREFIX}/: the job makes everything else from that.")
    if moment > now:
        raise UsageError(f"--as-of {given.options.as_of} is still to come.")
    return RestoreRequest(options.read_lake(given, environ), moment, prefix, given.flag("apply"))


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--as-of {text} is no moment: write it like '2024-05-31 18:00'.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=B3_ZONE)


def run(request: RestoreRequest, now: dt.datetime) -> int:
    """Say what is to be done, and do it with `apply`; 0. Raises B3LakeError."""
    session = open_session()
    bucket = VersionedBucket(session.client("s3"), request.place.bucket or default_bucket(request.place.env, session))
    bucket.check(request.moment, now)
    steps = list(plan_restore(bucket.versions(request.prefix), request.moment))
    for step in steps[:SHOWN]:
        print(f"  {told('bring back' if isinstance(step, Bring) else 'remove')} {step.key}")
    if len(steps) > SHOWN:
        print(told(f"  … and {len(steps) - SHOWN:,} more"))
    if request.apply:
        bucket.carry_out(steps, lambda: None)
    kinds = Counter(type(step) for step in steps)
    brought, removed = counted(kinds[Bring], "object"), f"{kinds[Remove]:,}"
    if request.apply:
        print(told(f"{brought} were brought back, {removed} were removed."))
    else:
        print(told(f"{brought} would be brought back, {removed} would be removed."))
    if steps and not request.apply:
        print(told("Nothing was done: say --apply."))
    return 0


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Carry out one restore; its exit code."""
    now = dt.datetime.now(dt.timezone.utc)
    return run(parse(arguments, os.environ, now, program), now)
