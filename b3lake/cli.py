"""The console command `b3lake`: its subcommands, and how each of them ends."""

import datetime as dt
import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from b3lake.lake.aws_errors import aws_sentence
from b3lake.lake.errors import B3LakeError, UsageError, for_a_terminal
from b3lake.lake.interrupts import EXIT_INTERRUPTED, INTERRUPTED, end_at_once, end_in_order
from b3lake.lake.leave import closed_output, flush_output, leave, trouble_of_output
from b3lake.lake.surroundings import check_aws_settings, check_clock
from b3lake.texts.told import told


@dataclass(frozen=True)
class Command:
    """A subcommand: the module whose `main(arguments, program)` gives its exit code, imported only when asked for."""

    module: str
    description: str
    after_interrupt: str = "run it again"


COMMANDS = {
    "fetch": Command(
        "b3lake.ingest.commands.fetch",
        "fetch quotes and write them to the lake",
        "run it again and it goes on where it was",
    ),
    "verify": Command("b3lake.ingest.commands.verify", "compare Yahoo's quotes with B3's own; writes nothing"),
    "doctor": Command(
        "b3lake.ingest.commands.doctor",
        "say what is wrong with the lake's quotes, and repair it with --fix",
        "run it again and it goes on where it was",
    ),
    "ask": Command("b3lake.ask.command", "ask the lake in SQL"),
    "report": Command("b3lake.report.command", "write the page about the lake"),
    "preflight": Command("b3lake.preflight", "ask an AWS account what it allows, before deploying into it"),
    "tour": Command("b3lake.tour.command", "walk the lake's stages, and show each one's evidence"),
    "export": Command("b3lake.analysis.export", "write a table as one Parquet, CSV or DuckDB file"),
    "restore": Command("b3lake.restore.command", "bring the lake back to what it was at a moment"),
    "cost": Command("b3lake.cost.command", "compute what a lake costs in a month; asks nothing of AWS"),
}


def usage() -> str:
    """The list of subcommands."""
    lines = [f"  {name:<10} {told(command.description)}" for name, command in COMMANDS.items()]
    return "\n".join(
        [told("usage: b3lake COMMAND [options]"), "", *lines, "", told("b3lake COMMAND --help says more.")]
    )


def run_command(name: str, arguments: Sequence[str], program: str = "") -> int:
    """Carry out one subcommand; its exit code. Whatever ends it early is one sentence on standard error.

    `program` is what the command is called in messages, by default `b3lake NAME`.
    """
    command, program = COMMANDS[name], program or f"b3lake {name}"
    try:
        check_clock(dt.datetime.now(dt.timezone.utc))
        check_aws_settings(os.environ)
        module = import_module(command.module)
        end_in_order()
        return int(module.main(arguments, program))
    except B3LakeError as error:
        return _fail(program, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(program, f"interrupted; {command.after_interrupt}.", EXIT_INTERRUPTED)
    except Exception as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # a library made something else of it
            return _fail(program, f"interrupted; {command.after_interrupt}.", EXIT_INTERRUPTED)
        sentence = known_trouble(error)
        if not sentence:
            raise
        return _fail(program, sentence, B3LakeError.exit_code)


def known_trouble(error: Exception) -> str:
    """A sentence for what the surroundings of any command can do to it; else an empty text."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return trouble_of_output(error)
    of_aws = type(error).__module__.startswith("botocore") or str(error).startswith("Invalid endpoint")
    return aws_sentence(error, "the AWS account") if of_aws else ""


def _fail(program: str, sentence: str, exit_code: int) -> int:
    print(f"{program}: {for_a_terminal(told(sentence))}", file=sys.stderr)
    return exit_code


def _choose(name: str) -> str:
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        advice = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(COMMANDS)}."
        raise UsageError(f"there is no command {name!r}: {advice}")
    return name


def main() -> NoReturn:
    """Run the subcommand that the command line names, and end the process with its exit code."""
    end_at_once(f"b3lake: {told(INTERRUPTED)}")
    if closed := closed_output():
        leave(_fail("b3lake", closed, B3LakeError.exit_code))
    try:
        code = _run(sys.argv[1:])
    except SystemExit as ended:  # a command's --help
        code = int(ended.code or 0)
    except BrokenPipeError:
        leave(B3LakeError.exit_code)
    except OSError as error:  # it prints the list of commands
        leave(_fail("b3lake", trouble_of_output(error), B3LakeError.exit_code))
    trouble = "" if code else flush_output()
    leave(_fail("b3lake", trouble, B3LakeError.exit_code) if trouble else code)


def _run(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage())
        return 0
    try:
        name = _choose(arguments[0])
    except UsageError as error:
        return _fail("b3lake", str(error), error.exit_code)
    return run_command(name, arguments[1:])
