"""The preflight's findings in an account that allows all, in a lab's, and in one without credentials.

The accounts are the AWS emulator with IAM enforced, and callers with policies of their own.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ProfileNotFound
from botocore.stub import Stubber

from b3lake.lake.names import Names
from b3lake.preflight import MISSING, NOTE, OK, check_account, open_client, services
from devlake.aws_environment import REGION
from devlake.emulator import ACCOUNT_ID, Emulator, running
from devlake.loopback import free_port

pytestmark = pytest.mark.slow

SERVICES = list(services(Names("dev")))
# The calls of a deployment that read, and no other: neither s3:ListAllMyBuckets nor any listing of others' things.
DEPLOYER = [
    "sts:GetCallerIdentity",
    "cloudformation:DescribeStacks",
    "s3:ListBucket",
    "sqs:GetQueueUrl",
    "lambda:GetFunction",
    "glue:GetDatabase",
    "logs:DescribeLogGroups",
    "cloudwatch:DescribeAlarms",
    "athena:GetWorkGroup",
    "ec2:DescribeVpcs",
    "scheduler:GetSchedule",
    "ssm:GetParameter",
]
SIMULATE = ["iam:GetRole", "iam:GetInstanceProfile", "iam:SimulatePrincipalPolicy"]
CREATE = ["iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole"]


@pytest.fixture(scope="module")
def aws() -> Iterator[Emulator]:
    with running(enforce_iam=True) as aws:
        yield aws


@pytest.fixture(scope="module")
def lab(aws: Emulator) -> None:
    """LabRole and LabInstanceProfile, as a lab account has them."""
    iam = aws.client("iam")
    trusted = [f"{name}.amazonaws.com" for name in ("lambda", "glue", "ec2", "events", "scheduler")]
    statement = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_role(RoleName="LabRole", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName="LabInstanceProfile")


def _policy(actions: list[str], resource: str = "*") -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _clients(endpoint_url: str, *keys: str, region: str = REGION) -> Callable[[str], Any]:
    session: Any = boto3.session.Session(*keys, region_name=region)
    quick = Config(connect_timeout=1, retries={"total_max_attempts": 1})
    return lambda service: session.client(service, endpoint_url=endpoint_url, config=quick)


def _user(aws: Emulator, name: str, actions: list[str], region: str = REGION) -> Callable[[str], Any]:
    """Clients of a user who may do `actions` and nothing else."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=_policy(actions))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return _clients(aws.endpoint_url, key["AccessKeyId"], key["SecretAccessKey"], region=region)


def _signed_in(aws: Emulator, name: str, actions: list[str], path: str = "/") -> Callable[[str], Any]:
    """Clients of somebody who signed in to the role `name`, which may do `actions`."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=_policy(actions))
    given = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="someone@example.com")["Credentials"]
    return _clients(aws.endpoint_url, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def _found(client: Callable[[str], Any]) -> dict[str, tuple[str, str]]:
    return {finding.subject: (finding.state, finding.text) for finding in check_account("dev", client)}


MAY_CREATE = (OK, "may be created: `sam deploy`, and Terraform with manage_iam = true")


def test_an_account_of_ones_own_is_deployable_with_roles_created(aws: Emulator) -> None:
    found = _found(_user(aws, "owner", ["*"]))
    assert found["credentials"] == (OK, f"account {ACCOUNT_ID}, user/owner")
    assert found["region"] == (OK, "us-east-1, where samconfig.toml and Terraform deploy")
    assert [found[service] for service in SERVICES] == [(OK, "answers")] * len(SERVICES)
    assert found["raw bucket"] == (OK, f"tech-challenge2-dev-raw-{ACCOUNT_ID} is free")
    assert found["roles"] == MAY_CREATE


def test_an_administrator_who_signed_in_through_identity_center_may_create_roles(aws: Emulator) -> None:
    """Such a role has a path, which its sessions' ARN does not tell. IAM is a stub that knows it by its whole ARN,
    as IAM does; the emulator's simulator finds no role that has a path."""
    name, path = "AWSReservedSSO_AdministratorAccess_0123456789abcdef", "/aws-reserved/sso.amazonaws.com/"
    client = _signed_in(aws, name, ["*"], path)
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role{path}{name}"
    role = {"Path": path, "RoleName": name, "RoleId": "AROAexampleexample", "Arn": arn, "CreateDate": 0}
    actions = ["iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole"]
    asked = {
        "PolicySourceArn": arn,
        "ActionNames": actions,
        "ResourceArns": [f"arn:aws:iam::{ACCOUNT_ID}:role/tech-challenge2-dev-RefineJobRole"],
    }
    allowed = [{"EvalActionName": action, "EvalDecision": "allowed"} for action in actions]
    iam = client("iam")
    with Stubber(iam) as stub:
        stub.add_response("get_role", {"Role": role}, {"RoleName": name})
        stub.add_response("simulate_principal_policy", {"EvaluationResults": allowed}, asked)
        found = _found(lambda service: iam if service == "iam" else client(service))
        stub.assert_no_pending_responses()
    assert found["credentials"][1].endswith(f"assumed-role/{name}/someone@example.com")
    assert found["roles"] == MAY_CREATE


def test_who_may_create_the_lake_s_roles_and_no_others_may_create_roles(aws: Emulator) -> None:
    client = _user(aws, "narrow", [*DEPLOYER, *SIMULATE])
    policy = _policy(CREATE, f"arn:aws:iam::{ACCOUNT_ID}:role/tech-challenge2-dev-*")
    aws.client("iam").put_user_policy(UserName="narrow", PolicyName="roles", PolicyDocument=policy)
    assert _found(client)["roles"] == MAY_CREATE


def test_a_lab_is_deployable_with_its_own_role(aws: Emulator, lab: None) -> None:
    found = _found(_signed_in(aws, "voclabs", [*DEPLOYER, *SIMULATE]))
    assert found["roles"] == (NOTE, "may not be created: use `sam deploy --config-env lab`, and manage_iam = false")
    assert found["LabRole"] == (OK, "is there")
    assert found["LabInstanceProfile"] == (OK, "is there")
    assert MISSING not in {state for state, _ in found.values()}


def test_a_lab_is_told_its_regions(aws: Emulator, lab: None) -> None:
    findings = list(check_account("dev", _user(aws, "faraway", [*DEPLOYER, *SIMULATE], region="sa-east-1")))
    said = [finding.text for finding in findings if finding.subject == "region"]
    assert said == [
        'sa-east-1: use `sam deploy --region sa-east-1`, and region = "sa-east-1" in Terraform.',
        "a lab of AWS Academy has us-east-1 and us-west-2 only, not sa-east-1.",
    ]


def test_what_cannot_be_determined_is_a_note_and_no_refusal(aws: Emulator) -> None:
    """The simulator may not be asked: whether roles can be created is not known, and nothing is missing."""
    found = _found(_user(aws, "unsure", DEPLOYER))
    assert found["roles"][0] == NOTE
    assert found["roles"][1].startswith("could not be determined (")
    assert found["roles"][1].endswith("use `sam deploy --config-env lab`, and manage_iam = false.")
    assert MISSING not in {state for state, _ in found.values()}


def test_a_service_that_is_denied_is_named(aws: Emulator) -> None:
    found = _found(_user(aws, "nearly", [action for action in [*DEPLOYER, *CREATE] if action != "glue:GetDatabase"]))
    assert {subject for subject, (state, _) in found.items() if state == MISSING} == {"glue"}
    assert found["glue"][1].endswith("Deploying makes the same call: ask for access to it.")


def test_a_bucket_that_is_there_is_told_of(aws: Emulator) -> None:
    name = Names("mine").raw_bucket(ACCOUNT_ID)
    aws.client("s3").create_bucket(Bucket=name)
    found = {one.subject: one for one in check_account("mine", _user(aws, "again", ["*"]))}
    assert found["raw bucket"].state == NOTE
    assert found["raw bucket"].text.startswith(f"{name} is there: a deployed stack owns it")


def test_credentials_that_do_not_work_are_all_that_is_said(aws: Emulator) -> None:
    (only,) = check_account("dev", _clients(aws.endpoint_url, "AKIA" + "X" * 16, "wrong"))
    assert (only.subject, only.state) == ("credentials", MISSING)
    assert only.text.startswith("The AWS credentials are not accepted: in a lab, start it again")


def test_a_network_that_is_away_is_not_blamed_on_the_credentials() -> None:
    (only,) = check_account("dev", _clients(f"http://127.0.0.1:{free_port()}", "key", "secret"))
    assert (only.subject, only.state) == ("network", MISSING)
    assert only.text.startswith("AWS could not be reached (EndpointConnectionError")
    assert "credentials" not in only.text


def test_the_caller_s_region_is_taken_and_else_samconfig_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    for given, region in (("us-west-2", "us-west-2"), ("", "us-east-1")):
        monkeypatch.setenv("AWS_DEFAULT_REGION", given)
        assert open_client()("sts").meta.region_name == region


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence for it is that of every command: tests/bad_input/test_every_command.py."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ProfileNotFound, match="nobody"):
        open_client()
