"""The refine job as a program: arguments in, one line of JSON out."""

import json
import logging
import os
import sys
from collections.abc import Sequence

from b3lake.lake.errors import B3LakeError
from b3lake.lake.keys import UNREADABLE_NAME
from b3lake.lake.words import counted
from b3lake.refine.arguments import parse_arguments
from b3lake.refine.figures import tell_figures
from b3lake.refine.log import log
from b3lake.refine.run import run


def main(arguments: Sequence[str]) -> None:
    """Run the job; the last line on standard output is its summary. Exits with a message when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        job = parse_arguments(arguments, os.environ)
        summary = run(job)
    except B3LakeError as error:
        raise SystemExit(f"The refine job failed. {error}") from error
    tell_figures(job, summary)
    if summary["unreadable_objects"]:
        log.error(
            "%s cannot be read, the rest is refined: fetch again, or remove, what %s/%s lists.",
            counted(summary["unreadable_objects"], "raw object"),
            job.state.uri,
            UNREADABLE_NAME,
        )
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
