"""Puts figures of the lake to CloudWatch, where alarms and the dashboard see them."""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from b3lake.lake.names import METRIC_NAMESPACE
from b3lake.lake.words import first_line

# Nobody waits for long to tell how it went.
FIGURES_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


def put_figures(env: str, region: str | None, figures: Mapping[str, float]) -> str:
    """Put each figure as a metric of the environment `env`; "" or, since that fails nothing, why it could not be."""
    now, dimensions = datetime.now(timezone.utc), [{"Name": "Environment", "Value": env}]
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": now, "Value": value, "Unit": "Count"}
        for name, value in figures.items()
    ]
    try:
        client: Any = boto3.client("cloudwatch", region_name=region, config=FIGURES_CONFIG)
        client.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data)
    except (ClientError, BotoCoreError) as error:
        return first_line(error)
    return ""
