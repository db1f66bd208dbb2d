"""`b3lake tour`: shows every stage of a deployed lake, requirement by requirement."""

import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b3lake.ask.athena import ask
from b3lake.ingest.objects import default_bucket
from b3lake.lake.session import open_session
from b3lake.lake.settings import Settings, read_settings
from b3lake.options import Parser
from b3lake.texts.told import LANGUAGES, PORTUGUESE, language_of
from b3lake.tour.lake import TouredLake
from b3lake.tour.stages import STAGES, Result, walk
from b3lake.tour.texts import text

PROGRAM = "b3lake tour"
WIDTH = 80


@dataclass(frozen=True)
class TourRequest:
    """One tour of which lake, told in `language` (pt or en); `bucket` where it has a name of its own."""

    settings: Settings
    bucket: str = ""
    language: str = "pt"


def parse(arguments: Sequence[str], environ: Mapping[str, str], program: str = PROGRAM) -> TourRequest:
    """The checked request. Raises UsageError; exits 0 on `--help`."""
    parser = Parser(
        program,
        "Walk the stages of the lake, from B3's data to SQL, and show each one's evidence; changes nothing.",
        "The environment says which lake, as for `b3lake ask`. Exit code: 0 every stage was seen, 1 one was not.",
    )
    parser.add_setting("--bucket", "RAW_BUCKET", "the raw bucket, where it has a name of its own")
    parser.add_argument(
        "--language", choices=LANGUAGES, default=language_of(environ, PORTUGUESE), help="else LANG's, or pt"
    )
    given = parser.read(arguments, environ)
    return TourRequest(read_settings(environ), given.text("bucket"), given.options.language)


def run(request: TourRequest) -> int:
    """Print every stage as it is seen; 0 when all were. Raises AwsError when the account is out of reach."""
    session, settings = open_session(), request.settings
    bucket = request.bucket or default_bucket(settings.env, session)
    clients = {name: session.client(name) for name in ("s3", "lambda", "logs", "glue")}
    lake = TouredLake(settings.names, bucket, clients.__getitem__, lambda sql: ask(sql, settings))
    print(text("title", request.language, env=settings.env, bucket=bucket))
    missed = []
    for number, result in enumerate(walk(lake), 1):
        print(told(number, result, request.language), flush=True)
        if not result.seen:
            missed.append(f"{number} ({text(f'stage.{result.stage}', request.language)})")
    count = len(STAGES)
    if missed:
        last = text("not_all", request.language, seen=count - len(missed), count=count, stages=", ".join(missed))
    else:
        last = text("all", request.language, count=count)
    print("\n" + "\n".join(_wrapped(last, "")))
    return 1 if missed else 0


def told(number: int, result: Result, language: str) -> str:
    """A stage in a few lines of at most WIDTH columns; what is to be copied, such as a key, is never cut."""
    head = f"\n{'✓' if result.seen else '✗'} {number} {text(f'stage.{result.stage}', language)}"
    lines = text(result.key, language, **result.values).splitlines()
    return "\n".join([head, *(part for line in lines for part in _wrapped(line, "    "))])


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(
        line, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Take one tour; the exit code."""
    return run(parse(arguments, os.environ, program))
