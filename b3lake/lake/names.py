"""The names of tables and AWS resources, made from the environment and the account.

>>> Names("dev").raw_bucket("123456789012")
'tech-challenge2-dev-raw-123456789012'
>>> Names("dev").refine_job
'tech_challenge2_dev_refine_job'
"""

import re
from dataclasses import dataclass

PROJECT = "tech-challenge2"
DEFAULT_ENV = "dev"
ENV_PATTERN = re.compile(r"[a-z][a-z0-9]{1,11}")
"""The values that the template's parameter Env and Terraform's variable env take."""

METRIC_NAMESPACE = "B3Lake"
"""Where the host and the refine job put their figures in CloudWatch, with the dimension Environment."""

RAW_TABLE = "b3_daily_quotes"
REFINED_TABLE = "b3_daily_quotes_refined"
HISTORY_TABLE = "b3_daily_history"
RATES_TABLE = "br_rates"
INSTRUMENTS_TABLE = "b3_instruments"
PORTFOLIOS_TABLE = "b3_index_portfolio"
EVENTS_TABLE = "b3_corporate_events"


@dataclass(frozen=True)
class Names:
    """The names of the resources of the environment `env`."""

    env: str = DEFAULT_ENV

    @property
    def prefix(self) -> str:
        """The beginning of names where hyphens are the custom; the stack's name."""
        return f"{PROJECT}-{self.env}"

    @property
    def snake_prefix(self) -> str:
        """The beginning of names where underscores are the custom."""
        return self.prefix.replace("-", "_")

    @property
    def database(self) -> str:
        """The Glue database."""
        return self.snake_prefix

    @property
    def workgroup(self) -> str:
        """The Athena workgroup."""
        return f"{self.snake_prefix}_wg"

    @property
    def refine_job(self) -> str:
        """The Glue job."""
        return f"{self.snake_prefix}_refine_job"

    @property
    def start_glue_job(self) -> str:
        """The Lambda function."""
        return f"{self.snake_prefix}_start_glue_job"

    @property
    def raw_events_queue(self) -> str:
        """The SQS queue between the raw bucket and the function."""
        return f"{self.prefix}-raw-events"

    def raw_bucket(self, account: str) -> str:
        """The bucket of raw, refined and history objects in `account`."""
        return f"{self.prefix}-raw-{account}"

    def athena_bucket(self, account: str) -> str:
        """The bucket of Athena's results in `account`."""
        return f"{self.prefix}-athena-{account}"
