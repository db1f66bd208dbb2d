"""Bad SQL through the query command, and what the roles of template.yaml may not do: on an AWS emulator."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from b3lake.cli import run_command
from devlake.aws_environment import REGION
from devlake.emulator import ACCOUNT_ID, Emulator
from devlake.prepare_athena import prepare_athena
from tests.bad_input.tried import Tried, mask
from tests.template.read_template import Resolved

SQL: list[tuple[list[str], dict[str, str]]] = [
    (["--sql", ""], {}),
    (["--sql", "SELEC 1"], {}),
    (["--sql", "SELECT * FROM no_such_table"], {}),
    (["--sql", "SELECT no_such_column FROM (SELECT 1 AS a)"], {}),
    (["--file", "nowhere.sql"], {}),
    (["no_such_query"], {}),
    (["--sql", "SELECT 1", "--csv", "{folder}/no/such/folder.csv"], {}),
    (["--sql", "SELECT 1"], {"LAKE_ENV": "Dev; DROP"}),
]


def try_sql(aws: Emulator, folder: Path) -> Iterator[Tried]:
    prepare_athena(aws)
    for arguments, environment in SQL:
        before = _buckets(aws)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for name, value in (aws.environment() | {"LAKE_ENV": "dev"} | environment).items():
                patch.setenv(name, value)
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                code = run_command("ask", [word.format(folder=folder) for word in arguments])
        given = " ".join([*(f"{name}={value!r}" for name, value in environment.items()), *map(_quoted, arguments)])
        text = mask(said.getvalue(), folder).strip().removeprefix("b3lake ask: ")
        left = "nothing" if _buckets(aws) == before and not list(folder.iterdir()) else "something"
        yield Tried(f"`{given.replace('{folder}/', '')}`", f"exit {code}: {text}", left)


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word or not word else word


def _buckets(aws: Emulator) -> dict[str, list[str]]:
    s3 = aws.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return {
        name: [
            item["Key"] for item in s3.list_objects_v2(Bucket=name).get("Contents", []) if "results/" not in item["Key"]
        ]
        for name in names
    }


RAW = f"tech-challenge2-dev-raw-{ACCOUNT_ID}"
DATABASE = "tech_challenge2_dev"
OWN_JOB = f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:job/tech_challenge2_dev_refine_job"
_TABLE = f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:table/{DATABASE}"
WISHES: dict[str, list[tuple[str, str]]] = {
    "StartGlueJobRole": [
        ("glue:StartJobRun", f"arn:aws:glue:{REGION}:{ACCOUNT_ID}:job/other_job"),
        ("glue:UpdateJob", OWN_JOB),
        ("s3:GetObject", f"arn:aws:s3:::{RAW}/raw/b3/x"),
        ("s3:PutObject", f"arn:aws:s3:::{RAW}/raw/b3/x"),
        ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:tech-challenge2-dev-raw-events"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:other-queue"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT_ID}:role/admin"),
    ],
    "RefineJobRole": [
        ("s3:PutObject", f"arn:aws:s3:::{RAW}/raw/b3/x"),
        ("s3:DeleteObject", f"arn:aws:s3:::{RAW}/raw/b3/x"),
        ("s3:GetObject", f"arn:aws:s3:::{RAW}/private/x"),
        ("s3:GetObject", "arn:aws:s3:::other-bucket/raw/b3/x"),
        ("s3:DeleteBucket", f"arn:aws:s3:::{RAW}"),
        ("glue:BatchDeletePartition", f"{_TABLE}/b3_daily_quotes"),
        ("glue:DeleteTable", f"{_TABLE}/b3_daily_quotes_refined"),
        ("glue:StartJobRun", OWN_JOB),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT_ID}:role/admin"),
    ],
}


def _policies(logical: str) -> list[dict[str, Any]]:
    physical = {"GlueDatabase": DATABASE, "RefineJob": f"{DATABASE}_refine_job"}

    class Arns(dict):  # type: ignore[type-arg]
        def __missing__(self, key: tuple[str, str]) -> str:
            return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:tech-challenge2-dev-raw-events" if "Queue" in key[0] else "arn:x"

    class Names(dict):  # type: ignore[type-arg]
        def __missing__(self, key: str) -> str:
            return key

    resolved = Resolved({}, physical, Arns())
    resolved.values = Names(resolved.values)
    return list(resolved.resource(logical)["Policies"])


def try_iam(aws: Emulator) -> Iterator[Tried]:
    iam = aws.client("iam")
    for logical, wishes in WISHES.items():
        trust = {"Version": "2012-10-17", "Statement": []}
        iam.create_role(RoleName=logical, AssumeRolePolicyDocument=json.dumps(trust))
        for policy in _policies(logical):
            document = json.dumps(policy["PolicyDocument"])
            iam.put_role_policy(RoleName=logical, PolicyName=policy["PolicyName"], PolicyDocument=document)
        for action, resource in wishes:
            short = resource.replace(ACCOUNT_ID, "…").replace("arn:aws:", "")
            allowed = may(aws, logical, action, resource)
            yield Tried(
                f"{logical}: `{action}` on `{short}`",
                "it may" if allowed else "denied",
                "it could" if allowed else "nothing",
            )


def may(aws: Emulator, role: str, action: str, resource: str) -> bool:
    """Whether the role's policies allow the action."""
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
    simulate = aws.client("iam").simulate_principal_policy
    (found,) = simulate(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource])["EvaluationResults"]
    return bool(found["EvalDecision"] == "allowed")
