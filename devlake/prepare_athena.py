"""Makes the Athena workgroup and its results bucket, which Terraform makes in a real account."""

from devlake.deploy_stack import NAMES
from devlake.emulator import ACCOUNT_ID, Emulator

WORKGROUP = NAMES.workgroup
RESULTS_BUCKET = NAMES.athena_bucket(ACCOUNT_ID)


def prepare_athena(aws: Emulator) -> None:
    """Create the bucket and the workgroup where they are missing."""
    aws.client("s3").create_bucket(Bucket=RESULTS_BUCKET)
    athena = aws.client("athena")
    known = {group["Name"] for group in athena.list_work_groups()["WorkGroups"]}
    if WORKGROUP not in known:
        results = {"OutputLocation": f"s3://{RESULTS_BUCKET}/results/"}
        configuration = {"ResultConfiguration": results, "EnforceWorkGroupConfiguration": True}
        athena.create_work_group(Name=WORKGROUP, Configuration=configuration)
