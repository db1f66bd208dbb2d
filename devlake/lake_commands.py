"""The commands that make, fill and look after the lake on this machine."""

import datetime as dt
import os
import re

from b3lake.lake.keys import HISTORY_PREFIX, RAW_PREFIX, REFINED_PREFIX
from b3lake.lake.words import counted, sized
from b3lake.texts.told import told
from devlake import local_lake
from devlake.demo import run_demo
from devlake.deploy_stack import RAW_EVENTS_QUEUE, deploy_stack, stack_outputs
from devlake.disk_room import demand_room
from devlake.errors import DevLakeError
from devlake.ingest_quotes import SYNTHETIC_NOTICE, choose_origin, holds_synthetic_prices, ingest_quotes
from devlake.local_lake import only_one, open_lake
from devlake.loopback import ADDRESS, is_of_this_machine
from devlake.mend_catalog import mend_catalog
from devlake.prepare_athena import prepare_athena
from devlake.run_glue import carry_out_runs, wait_for_events
from devlake.terminal import Stage, console, say, stage, warn

OTHER_TOOLS = "Other tools (the AWS CLI, boto3) reach it from a terminal that has:"
NEEDED = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
KEY_OF_LAKE = '"$(cat .lake/kept/key)"'  # on no screen, and in no history of commands
NOT_THERE = (
    "S3, Lambda, SQS, Glue's catalog and Athena's API answer there, to who has this key; awswrangler's Athena "
    "functions do not find the results, and Glue runs no job by itself: `make query` and `make refine` do these."
)


def _port() -> int | None:
    text = os.environ.get("LAKE_PORT", "")
    if not text:
        return None
    if not re.fullmatch("[0-9]{4,5}", text) or not 1024 <= int(text) <= 65535:
        raise DevLakeError(f"LAKE_PORT is {text!r}: give a port number from 1024 to 65535, or leave it out.")
    return int(text)


def _also_at() -> str:
    """The second address of this machine that the lake shall be reached at, or ""."""
    text = os.environ.get("LAKE_BIND", "")
    if text and not is_of_this_machine(text):
        raise DevLakeError(
            f"LAKE_BIND is {text!r}: give one address of this machine, such as that of Docker's bridge, 172.17.0.1."
        )
    return text


def demo() -> int:
    run_demo(_port())
    return 0


def up() -> int:
    stages: list[Stage] = []
    with only_one(local_lake.FOLDER):
        port = local_lake.port_of_lake(_port())  # of one that is up, too
        aws, also_at = local_lake.find_lake(), _also_at()
        if aws and also_at:
            raise DevLakeError("A lake is up already: `make down` first, and then give LAKE_BIND again.")
        if aws is None:
            with stage("Start the AWS emulator", stages) as now:
                aws = local_lake.start_lake(port, also_at)
                now.done = aws.endpoint_url
        try:
            with stage("Deploy template.yaml with SAM", stages) as now:
                outputs = deploy_stack(aws, local_lake.FOLDER, on_line=now.tell)
                prepare_athena(aws)
                made = mend_catalog(aws, outputs["RawBucketName"])
                now.done = f"bucket {outputs['RawBucketName']}"
        except BaseException:
            local_lake.stop_lake()
            raise
        if made:
            warn(f"The catalog had lost {', '.join(made)}: made again, and filled from the objects.")
            _refine(stages)
    say("The lake is up. Fill it with `make ingest`, ask it with `make query SQL='SELECT …'`, end it with `make down`.")
    say(OTHER_TOOLS)
    environment = aws.environment() | {"AWS_SECRET_ACCESS_KEY": KEY_OF_LAKE}
    console.print(
        "  export " + " ".join(f"{name}={environment[name]}" for name in NEEDED), markup=False, soft_wrap=True
    )
    say(NOT_THERE)
    if also_at:
        say(f"Containers reach it with AWS_ENDPOINT_URL={aws.endpoint_url.replace(ADDRESS, also_at)}")
    return 0


def ingest() -> int:
    stages: list[Stage] = []
    with only_one(local_lake.FOLDER):
        aws = open_lake()
        outputs = stack_outputs(aws)
        store, now_utc = aws.store(outputs["RawBucketName"]), dt.datetime.now(dt.timezone.utc)
        if room := demand_room(os.environ, local_lake.FOLDER, now_utc, store):
            console.print(room)
        with stage("Ingest quotes", stages) as now:
            with choose_origin(holds_synthetic_prices(aws, outputs["RawBucketName"]), os.environ) as origin:
                ingestion = ingest_quotes(aws, outputs, local_lake.FOLDER, origin, on_line=now.tell)
            now.done = f"{counted(ingestion.written, 'object')} written, source: {ingestion.source}"
        for line in ingestion.problems:
            warn(line)
        if ingestion.written:
            with stage("S3 events start the Glue job", stages) as now:
                asked = wait_for_events(aws, RAW_EVENTS_QUEUE, outputs["RefineJobName"], local_lake.FOLDER)
                now.done = f"{counted(asked, 'job run')} asked for"
            _refine(stages)
    if ingestion.synthetic:
        warn(SYNTHETIC_NOTICE)
    return ingestion.exit_code


def refine() -> int:
    with only_one(local_lake.FOLDER):
        _refine([])
    return 0


def _refine(stages: list[Stage]) -> None:
    aws = open_lake()
    with stage("Refine on Spark", stages) as now:
        run = carry_out_runs(aws, stack_outputs(aws)["RefineJobName"], local_lake.FOLDER, on_line=now.tell)
        now.done = f"{counted(run.summary['refined_partitions'], 'partition')} written"
    for line in run.warnings():
        warn(line)


def status() -> int:
    aws = local_lake.find_lake()
    if aws is None:
        say("No lake is up: `make up` starts one.")
        return 0
    outputs = stack_outputs(aws)
    say(f"A lake is up at {aws.endpoint_url}.")
    s3 = aws.client("s3")
    for prefix in (RAW_PREFIX, REFINED_PREFIX, HISTORY_PREFIX):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=outputs["RawBucketName"], Prefix=f"{prefix}/")
        sizes = [item["Size"] for page in pages for item in page.get("Contents", [])]
        objects, size = told(counted(len(sizes), "object")), told(sized(sum(sizes)))
        console.print(f"  {prefix + '/':<12} {objects:>17} {size:>10}")
    return 0


def down() -> int:
    say("The lake is down; its data stays in .lake/." if local_lake.stop_lake() else "No lake was up.")
    return 0
