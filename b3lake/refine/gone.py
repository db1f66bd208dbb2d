"""Looks at each object that a listing had not, before anything is removed for want of it.

Whatever answers a LIST request with 200 is read as a listing, and an error or a page in its place as an empty one: a
listing alone proves that an object is there, never that it is gone.
"""

import obstore
import pyarrow as pa
from obstore.exceptions import NotFoundError
from obstore.store import S3Store

from b3lake.lake.keys import may_hold, parse_partition_key
from b3lake.refine.config import Connection, Place
from b3lake.refine.errors import RefineError
from b3lake.refine.listing import names_under
from b3lake.refine.objects import in_flight, requesting, store_of


def really_gone(place: Place, partitions: pa.Table, connection: Connection) -> pa.Table:
    """Those of `partitions` (ticker, day), which a listing had not, that have no object but a stray.

    Raises as those_there.
    """
    names = [key.removeprefix(f"{place.prefix}/") for key in place.keys(partitions)]
    parsed = [parse_partition_key(place.prefix, key) for key in place.keys(partitions)]
    may_be_there = [name for name, one in zip(names, parsed, strict=True) if one and may_hold(*one)]
    there = those_there(place, may_be_there, connection)
    return partitions.filter(pa.array([name not in there for name in names], pa.bool_()))


def those_there(place: Place, names: list[str], connection: Connection) -> set[str]:
    """Which of the objects `names`, which a listing had not, are there: put since then.

    Raises RefineError when another listing lacks one of them again, and AwsError when S3 does not say.
    """
    store = store_of(place, connection)

    async def is_there(name: str) -> bool:
        return await _is_there(store, place, f"{place.prefix}/{name}")

    there = {name for name, found in zip(names, in_flight(is_there, names), strict=True) if found}
    lacking = sorted(there - names_under(place, connection).keys()) if there else []
    if lacking:
        raise RefineError(
            f"The listing of {place.uri} lacks {len(lacking)} objects that are there, {lacking[0]} first: it was no "
            "listing, and nothing was removed. Run again, and ask whoever serves S3 when it happens again."
        )
    return there


async def _is_there(store: S3Store, place: Place, key: str) -> bool:
    with requesting(f"s3://{place.bucket}/{key}"):
        try:
            await obstore.head_async(store, key)
        except (NotFoundError, FileNotFoundError):
            return False
    return True
