"""A stack of the module from apply to destroy."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from tests.terraform.terraform_cli import Terraform


@dataclass(frozen=True)
class Stack:
    """A stack whose first apply is under way."""

    terraform: Terraform
    first_apply: "Future[str]"

    def wait(self) -> Terraform:
        """Its Terraform, once the first apply is done. Raises TerraformError when that failed."""
        self.first_apply.result()
        return self.terraform


def apply_stack(pool: Executor, terraform: Terraform) -> Stack:
    return Stack(terraform, pool.submit(terraform.apply))


def side_by_side(terraform: Terraform, first: str, second: str) -> dict[str, Terraform]:
    """Two environments of one copy of the module, the second in a workspace of its own, as a person would have them."""
    terraform.run("workspace", "new", "-no-color", second)
    workspaces = {first: "default", second: second}
    return {
        env: replace(terraform, environment=terraform.environment | {"TF_WORKSPACE": name}, variables=(f"env={env}",))
        for env, name in workspaces.items()
    }


def what_is_left(client: Callable[[str], Any], env: str) -> list[str]:
    """Names of what AWS still has of the environment `env`, in every service that the module touches."""
    ours = (f"tech-challenge2-{env}", f"tech_challenge2_{env}", f"/b3-lake/{env}/")
    states = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    reservations = client("ec2").describe_instances(Filters=states)["Reservations"]
    instances = [one for reservation in reservations for one in reservation["Instances"]]
    names = [tag["Value"] for one in instances for tag in one.get("Tags", []) if tag["Key"] == "Name"]
    names += [one["GroupName"] for one in client("ec2").describe_security_groups()["SecurityGroups"]]
    names += [one["KeyName"] for one in client("ec2").describe_key_pairs()["KeyPairs"]]
    names += [one["RoleName"] for one in client("iam").list_roles()["Roles"]]
    names += [one["InstanceProfileName"] for one in client("iam").list_instance_profiles()["InstanceProfiles"]]
    names += [one["Name"] for one in client("s3").list_buckets()["Buckets"]]
    names += [one["Name"] for one in client("athena").list_work_groups()["WorkGroups"]]
    names += [one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]]
    names += [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]]
    names += [one["Name"] for one in client("scheduler").list_schedules()["Schedules"]]
    names += [one["TopicArn"].rsplit(":", 1)[-1] for one in client("sns").list_topics()["Topics"]]
    return sorted(name for name in names if name.startswith(ours))
