"""The real programs on a deployed stack, and the two lakes that a chaos run starts them on."""

import datetime as dt
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devlake import paths
from devlake.deploy_stack import RAW_EVENTS_QUEUE, deploy_stack
from devlake.emulator import Emulator
from devlake.run_glue import spark_environment
from tests.chaos.market import FIRST, SYMBOLS
from tests.chaos.program import Program

# In the cloud a refused event hides for 300 s and is seen at most 60 times; here runs take seconds, so it hides for 1.
VISIBILITY_SECONDS, RECEIVES = 1, 1000
_COPIED = ("Name", "Description", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")


@dataclass(frozen=True)
class LakeAddress:
    """A lake: its bucket, its Glue database, and the endpoint through which it is reached."""

    bucket: str
    database: str
    endpoint: str


class Pipeline:
    """The stack deployed on `aws`; logs go to `folder`, quotes are asked of the fake Yahoo at `yahoo_url`."""

    def __init__(self, aws: Emulator, folder: Path, yahoo_url: str) -> None:
        self.aws, self._folder, self._yahoo_url = aws, folder, yahoo_url
        self.outputs = deploy_stack(aws, folder)
        job = aws.client("glue").get_job(JobName=self.outputs["RefineJobName"])["Job"]
        self._arguments: dict[str, str] = job["DefaultArguments"]
        self.queue_url: str = aws.client("sqs").get_queue_url(QueueName=RAW_EVENTS_QUEUE)["QueueUrl"]

    def lake(self, endpoint: str) -> LakeAddress:
        """The deployed lake, reached through `endpoint`."""
        return LakeAddress(self.outputs["RawBucketName"], self.outputs["GlueDatabaseName"], endpoint)

    def shorten_visibility(self, glue_url: str) -> None:
        """Let refused events come back soon, and let the function ask for its runs at `glue_url`."""
        sqs, functions = self.aws.client("sqs"), self.aws.client("lambda")
        policy = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["RedrivePolicy"])["Attributes"]
        redrive = policy["RedrivePolicy"].replace('"maxReceiveCount": 60', f'"maxReceiveCount": {RECEIVES}')
        redrive = redrive.replace('"maxReceiveCount":60', f'"maxReceiveCount":{RECEIVES}')
        attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": redrive}
        sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes=attributes)
        name = self.outputs["StartGlueJobFunctionName"]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables | {"AWS_ENDPOINT_URL_GLUE": glue_url}}
        )

    def empty_lake(self, number: int) -> LakeAddress:
        """A lake of its own beside the deployed one, with the deployed tables and without events."""
        lake = LakeAddress(f"quiet-lake-{number}", f"quiet_lake_{number}", self.aws.endpoint_url)
        self.aws.client("s3").create_bucket(Bucket=lake.bucket)
        glue = self.aws.client("glue")
        glue.create_database(DatabaseInput={"Name": lake.database})
        deployed = self.outputs["RawBucketName"]
        for table in glue.get_tables(DatabaseName=self.outputs["GlueDatabaseName"])["TableList"]:
            copy = {name: table[name] for name in _COPIED if name in table}
            location = table["StorageDescriptor"]["Location"].replace(deployed, lake.bucket)
            copy["StorageDescriptor"] = table["StorageDescriptor"] | {"Location": location}
            glue.create_table(DatabaseName=lake.database, TableInput=copy)
        return lake

    def ingestion(self, lake: LakeAddress, last: dt.date, *, sessions: int | None = None) -> Program:
        """Start ec2/fetch_b3_data.py over the whole range up to `last`, or over its last `sessions`."""
        environment = self.aws.environment() | {
            "AWS_ENDPOINT_URL": lake.endpoint,
            "RAW_BUCKET": lake.bucket,
            "GLUE_DATABASE": lake.database,
            "TICKERS": ",".join(SYMBOLS),
            "END_DATE": last.isoformat(),
        }
        environment |= {"SESSIONS": str(sessions)} if sessions else {"START_DATE": FIRST.isoformat()}
        environment |= {"B3LAKE_YAHOO_URL": self._yahoo_url, "B3LAKE_SOURCE_LABEL": "synthetic"}
        command: list[str | Path] = [sys.executable, paths.FETCH_SCRIPT, "--json"]
        return Program(command, environment, self._folder / f"ingestion-{lake.bucket}.log")

    def refine(self, lake: LakeAddress, *, full: bool = False, own: Mapping[str, str] | None = None) -> Program:
        """Start glue/refine_job.py with the deployed arguments and the run's own, on local Spark."""
        deployed = self.lake("")
        arguments = {name: text.replace(deployed.bucket, lake.bucket) for name, text in self._arguments.items()}
        arguments["--database"] = lake.database
        arguments |= {"--refine_mode": "full"} if full else {}
        arguments |= own or {}
        environment = spark_environment(self.aws, self._folder) | {"AWS_ENDPOINT_URL": lake.endpoint}
        command: list[str | Path] = [sys.executable, paths.ROOT / "glue" / "refine_job.py"]
        words = [word for pair in arguments.items() for word in pair]
        return Program([*command, *words], environment, self._folder / f"refine_job-{lake.bucket}.log")
