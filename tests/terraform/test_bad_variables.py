"""Every variable of the module that can be wrong is refused before anything is made: all at once, in one plan."""

import json
import os
from collections.abc import Callable, Iterator

import pytest

from tests.bad_input.tried import Tried, agree
from tests.terraform.terraform_cli import Terraform

pytestmark = pytest.mark.slow

WRONG = {
    "env": "p",
    "raw_bucket_name": "s3://my-bucket/raw",
    "raw_bucket_kms_key_arn": "alias/quotes",
    "public_key_file": "variables.tf",
    "ssh_cidr": "0.0.0.0/0",
    "instance_type": "small",
    "root_volume_gb": "4",
    "tickers": '["petr4.sa"]',
    "start_date": "31/01/2024",
    "end_date": "2024-02-30",
    "schedule_time": "25:00",
    "alarm_email": "nobody",
    "log_retention_days": "8",
    "athena_bytes_scanned_cutoff": "1",
    "athena_results_days": "0",
    "ingestion_environment": '{"SESSIONS" = "$(rm -rf /)"}',
}


def refusals(terraform: Terraform) -> Iterator[Tried]:
    """The messages of one plan with all the wrong values, by variable."""
    done = terraform.run(
        "plan", "-input=false", "-json", "-refresh=false", *(f"-var={name}={value}" for name, value in WRONG.items()),
        accept=(1,),
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = [one["diagnostic"] for one in said if one.get("@level") == "error"]
    for name, value in WRONG.items():
        detail = next((one["detail"] for one in errors if one.get("detail", "").startswith(name)), "accepted")
        planned = sum(one.get("type") == "planned_change" for one in said)
        yield Tried(
            f"`{name} = {value}`", detail.partition("\n")[0], "nothing" if not planned else f"{planned} planned"
        )


def test_wrong_variables_are_refused_by_name(make_terraform: Callable[..., Terraform]) -> None:
    tried = list(refusals(make_terraform(whole=False)))
    assert [one.given for one in tried if one.came_out == "accepted"] == []
    assert {one.written for one in tried} == {"nothing"}
    assert agree("Terraform variables", tried, rewrite=os.environ.get("BAD_INPUT") == "rewrite")
