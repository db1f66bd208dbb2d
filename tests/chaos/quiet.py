"""The lake that a chaos run is compared with: filled without a fault, and then what was traded."""

from tests.chaos.compare import Contents, read_contents
from tests.chaos.errors import ChaosError
from tests.chaos.market import Market
from tests.chaos.pipeline import LakeAddress, Pipeline
from tests.chaos.program import demand
from tests.chaos.truth import untrue


def fill_quietly(pipeline: Pipeline, market: Market, quiet: LakeAddress) -> Contents:
    """Fill a lake by one ingestion and one run; raises ChaosError unless it then is what was traded."""
    demand(pipeline.ingestion(quiet, market.today), "the quiet ingestion")
    demand(pipeline.refine(quiet), "the quiet refine run")
    contents = read_contents(pipeline.aws, quiet.bucket, quiet.database)
    if contents.row_counts() != dict.fromkeys(contents.rows, market.bars):
        raise ChaosError(
            f"The quiet lake has {contents.row_counts()} rows of {market.bars} bars: there is nothing to compare"
        )
    wrong = untrue(contents, market)
    if wrong:
        raise ChaosError("\n  ".join(["The quiet lake is not what was traded:", *wrong]))
    return contents
