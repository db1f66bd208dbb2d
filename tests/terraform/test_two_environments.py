"""Two environments in one account, by SAM and by Terraform: both whole; the end of one leaves the other as it was."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from b3lake.lake.names import Names
from devlake.emulator import ACCOUNT_ID, Emulator
from devlake.new_environment import add_environment
from tests.template import deploy
from tests.terraform.conftest import SIDE_BY_SIDE
from tests.terraform.stack_life import what_is_left
from tests.terraform.terraform_cli import Terraform

pytestmark = pytest.mark.slow

FIRST, SECOND = SIDE_BY_SIDE


@dataclass(frozen=True)
class Account:
    """An account with both environments, each once deployed by SAM from `config` and once by Terraform."""

    aws: Emulator
    client: Callable[[str], Any]
    config: Path
    terraforms: dict[str, Terraform]

    def runs(self, env: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self.aws.client("glue").get_job_runs(JobName=Names(env).refine_job)["JobRuns"]
        return runs

    def inventory(self, env: str) -> list[str]:
        """The names of all that there is of the environment, by SAM's stack and by Terraform's."""
        ids = deploy.physical_ids(self.aws, Names(env).prefix)
        addresses = self.terraforms[env].resources()
        return sorted([*what_is_left(self.client, env), *ids, *addresses])


@pytest.fixture(scope="module")
def account(emulator: Emulator, client, stacks, tmp_path_factory: pytest.TempPathFactory) -> Account:
    folder = tmp_path_factory.mktemp("two-environments")
    config = folder / "samconfig.toml"
    shutil.copy(deploy.SAMCONFIG, config)
    built = deploy.build(folder / "build")
    for env in SIDE_BY_SIDE:
        add_environment(config, env, "dev")
        done = deploy.deploy(emulator, built, env, config=config)
        assert done.returncode == 0, done.stdout
    return Account(emulator, client, config, {env: stacks[env].wait() for env in SIDE_BY_SIDE})


def test_each_is_whole_and_under_its_own_names(account: Account) -> None:
    first, second = (account.inventory(env) for env in SIDE_BY_SIDE)
    assert len(first) > 60
    assert [name.replace(FIRST, SECOND) for name in first] == second
    for env in SIDE_BY_SIDE:
        names, outputs = Names(env), deploy.outputs(account.aws, Names(env).prefix)
        assert deploy.stack(account.aws, names.prefix)["StackStatus"] == "CREATE_COMPLETE"
        assert outputs["RawBucketName"] == account.terraforms[env].outputs()["raw_bucket"]
        assert outputs["RawBucketName"] == names.raw_bucket(ACCOUNT_ID)
        job = account.aws.client("glue").get_job(JobName=names.refine_job)["Job"]
        assert f"/{names.prefix}/" in job["Command"]["ScriptLocation"], "its role may read nothing else"
        function = account.aws.client("lambda").get_function_configuration(FunctionName=names.start_glue_job)
        assert function["Environment"]["Variables"]["REFINE_JOB_NAME"] == names.refine_job


def test_each_host_has_the_settings_of_its_own_lake(account: Account) -> None:
    for env in SIDE_BY_SIDE:
        outputs = account.terraforms[env].outputs()
        key = f"releases/{outputs['release']}/ingestion.env"
        settings = account.client("s3").get_object(Bucket=outputs["host_bucket"], Key=key)["Body"].read().decode()
        assert f'RAW_BUCKET="{Names(env).raw_bucket(ACCOUNT_ID)}"' in settings
        assert f'LAKE_ENV="{env}"' in settings


def test_an_object_starts_the_job_of_its_own_environment(account: Account) -> None:
    key = "raw/b3/dt=2024-01-02/ticker=X/data.parquet"
    account.aws.client("s3").put_object(Bucket=Names(SECOND).raw_bucket(ACCOUNT_ID), Key=key, Body=b"x")
    deadline = time.monotonic() + 60
    while not account.runs(SECOND):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert account.runs(SECOND)[0]["Arguments"]["--raw_uri"].startswith(f"s3://{Names(SECOND).prefix}-raw-")
    assert account.runs(FIRST) == []


def test_the_end_of_one_leaves_the_other_and_then_nothing(account: Account) -> None:
    before = account.inventory(FIRST)
    end(account, SECOND)
    assert account.inventory(FIRST) == before
    assert account.terraforms[FIRST].plan_exit_code()[0] == 0
    end(account, FIRST)


def end(account: Account, env: str) -> None:
    """Take the environment away as docs/operations.md says, and see that nothing of it is left."""
    # It was planned or applied a moment ago, so nothing has to be looked up again.
    assert "Destroy complete!" in account.terraforms[env].destroy("-refresh=false")
    bucket, s3 = Names(env).raw_bucket(ACCOUNT_ID), account.aws.client("s3")
    versions = s3.list_object_versions(Bucket=bucket).get("Versions", [])
    for one in versions:
        s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    done = deploy.sam(account.aws, account.config, env, "delete", "--no-prompts")
    assert done.returncode == 0, done.stdout
    assert what_is_left(account.client, env) == []
    assert account.aws.client("sqs").list_queues(QueueNamePrefix=Names(env).prefix).get("QueueUrls", []) == []
    databases = account.aws.client("glue").get_databases()["DatabaseList"]
    assert Names(env).database not in {one["Name"] for one in databases}
