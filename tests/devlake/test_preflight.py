"""The preflight's findings in an account that allows all, in a lab's, and in one without credentials.

The accounts are the AWS emulator with IAM enforced, and callers with policies of their own.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from b3lake.preflight import MISSING, NOTE, OK, SERVICES, check_account
from devlake.aws_environment import REGION
from devlake.emulator import ACCOUNT_ID, Emulator, running

pytestmark = pytest.mark.slow

READ_ONLY = [
    "sts:*",
    "cloudformation:List*",
    "s3:*",
    "sqs:*",
    "lambda:*",
    "glue:*",
    "athena:*",
    "logs:*",
    "ec2:*",
    "ssm:*",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[Emulator]:
    with running(enforce_iam=True) as aws:
        yield aws


@pytest.fixture(scope="module")
def lab(aws: Emulator) -> None:
    """LabRole and LabInstanceProfile, as a lab account has them."""
    iam = aws.client("iam")
    statement = {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "glue.amazonaws.com"]}}
    trust = {"Version": "2012-10-17", "Statement": [statement | {"Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="LabRole", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName="LabInstanceProfile")


def _caller(aws: Emulator, name: str, actions: list[str]) -> Callable[[str], Any]:
    """Clients of a user who may do `actions` and nothing else."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]

    def client(service: str) -> Any:
        return boto3.session.Session().client(
            service,
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return client


def _states(client: Callable[[str], Any]) -> dict[str, tuple[str, str]]:
    return {finding.subject: (finding.state, finding.text) for finding in check_account("dev", client)}


def test_an_account_of_ones_own_is_deployable_with_roles_created(aws: Emulator) -> None:
    found = _states(_caller(aws, "owner", ["*"]))
    assert found["credentials"] == (OK, f"account {ACCOUNT_ID}, user/owner")
    assert [found[service][0] for service in SERVICES] == [OK] * len(SERVICES)
    assert found["raw bucket"] == (OK, f"tech-challenge2-dev-raw-{ACCOUNT_ID} is free")
    assert found["roles"] == (OK, "may be created: `sam deploy`, and Terraform with manage_iam = true")


def test_a_lab_is_deployable_with_its_own_role(aws: Emulator, lab: None) -> None:
    found = _states(_caller(aws, "student", [*READ_ONLY, "iam:Get*"]))
    assert found["roles"][0] == NOTE
    assert "--config-env lab" in found["roles"][1]
    assert found["LabRole"] == (OK, "is there")
    assert found["LabInstanceProfile"] == (OK, "is there")
    assert MISSING not in {state for state, _ in found.values()}


def test_a_service_that_is_denied_is_named(aws: Emulator) -> None:
    found = _states(_caller(aws, "nearly", [action for action in READ_ONLY if action != "glue:*"]))
    assert {subject for subject, (state, _) in found.items() if state == MISSING} == {"glue", "LabRole"}
    assert "ask for access" in found["glue"][1]
    assert "LambdaRoleArn and GlueRoleArn" in found["LabRole"][1]


def test_credentials_that_do_not_work_are_all_that_is_said(aws: Emulator) -> None:
    def client(service: str) -> Any:
        return boto3.session.Session().client(
            service,
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id="AKIA" + "X" * 16,
            aws_secret_access_key="wrong",
        )

    (only,) = check_account("dev", client)
    assert (only.subject, only.state) == ("credentials", MISSING)
    assert "AWS Details" in only.text
