"""`make demo`: the whole pipeline once, from quotes to SQL, on this machine."""

import os
import shutil
from pathlib import Path

from b3lake.lake.keys import RAW_PREFIX, REFINED_PREFIX
from b3lake.lake.words import counted
from devlake import emulator, paths
from devlake.ask_lake import ask_file, write_report
from devlake.deploy_stack import RAW_EVENTS_QUEUE, deploy_stack
from devlake.emulator import Emulator
from devlake.errors import DevLakeError
from devlake.ingest_quotes import SYNTHETIC_NOTICE, Ingestion, choose_origin, ingest_quotes
from devlake.local_lake import only_one
from devlake.measure_memory import peak_memory
from devlake.prepare_athena import WORKGROUP, prepare_athena
from devlake.run_glue import GlueRun, carry_out_runs, wait_for_events
from devlake.terminal import Stage, console, say, stage, warn

FOLDER = paths.STATE / "demo"
TICKERS = ("PETR4", "VALE3", "ITUB4", "BBDC4", "BBAS3", "ABEV3", "WEGE3", "MGLU3", "^BVSP")
SESSIONS = 60
PAGE = paths.STATE / "demo.html"


def run_demo(port: int | None = None) -> None:
    """Run every stage on a lake of its own, which is gone afterwards; logs stay in .lake/demo.

    Raises DevLakeError when a stage cannot do its work.
    """
    say("[bold]B3 lake demo[/bold]: everything runs on this machine; no account, nothing in the cloud\n")
    with only_one(FOLDER), peak_memory() as peak:
        _empty(FOLDER)
        stages: list[Stage] = []
        with stage("Start the AWS emulator", stages) as now:
            aws = emulator.start(FOLDER, port=port)
            now.done = aws.endpoint_url
        try:
            ingestion, run = _run_stages(aws, stages)
        finally:
            emulator.stop(aws)
    _sum_up(ingestion, run, stages)
    megabytes = peak.largest_bytes / 2**20
    say(f"The largest process ({peak.largest_name}) took {megabytes:,.0f} MiB of memory.")
    say("Keep a lake and ask it more: `make up`, `make ingest`, `make query SQL='SELECT …'`, `make down`.")


def _run_stages(aws: Emulator, stages: list[Stage]) -> tuple[Ingestion, GlueRun]:
    with stage("Deploy template.yaml with SAM", stages) as now:
        outputs = deploy_stack(aws, FOLDER, on_line=now.tell)
        prepare_athena(aws)
        now.done = f"bucket {outputs['RawBucketName']}, job {outputs['RefineJobName']}"
    with stage("Ingest quotes", stages) as now:
        with choose_origin(None, os.environ) as origin:
            ingestion = ingest_quotes(
                aws, outputs, FOLDER, origin, tickers=TICKERS, sessions=SESSIONS, on_line=now.tell
            )
        now.done = f"{counted(ingestion.written, 'object')} under {RAW_PREFIX}/, source: {ingestion.source}"
    for line in ingestion.problems:
        warn(line)
    if not ingestion.written:
        raise DevLakeError("The ingestion wrote nothing: see .lake/demo/ingest.log.")
    with stage("S3 events start the Glue job", stages) as now:
        asked = wait_for_events(aws, RAW_EVENTS_QUEUE, outputs["RefineJobName"], FOLDER)
        now.done = f"{counted(asked, 'job run')} asked for by start_glue_job"
    with stage("Refine on Spark", stages) as now:
        run = carry_out_runs(aws, outputs["RefineJobName"], FOLDER, on_line=now.tell)
        now.done = f"{counted(run.summary['refined_partitions'], 'partition')} under {REFINED_PREFIX}/"
    with stage(f"Ask Athena ({WORKGROUP})", stages) as now:
        answer = ask_file(aws, paths.ROOT / "queries" / "latest_close.sql")
        now.done = "queries/latest_close.sql"
    with stage("Write the page", stages) as now:
        write_report(aws, PAGE)
        now.done = f"{PAGE.relative_to(paths.ROOT)}: open it in a browser"
    console.print()
    console.print(answer, markup=False)
    return ingestion, run


def _sum_up(ingestion: Ingestion, run: GlueRun, stages: list[Stage]) -> None:
    say(
        f"Wrote {counted(ingestion.written, 'bronze object')} for {counted(ingestion.tickers, 'ticker')} and"
        f" {counted(run.summary['refined_partitions'], 'refined partition')};"
        f" {counted(len(run.run_ids), 'job run')} requested, carried out as one."
    )
    took = ", ".join(f"{one.name} {one.seconds:.1f} s" for one in stages)
    say(f"Took {sum(one.seconds for one in stages):.1f} s: {took}.")
    if ingestion.synthetic:
        warn(SYNTHETIC_NOTICE)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name != "lock":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
