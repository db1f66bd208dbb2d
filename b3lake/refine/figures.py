"""The figures of a run, as CloudWatch has them."""

from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

from b3lake.lake.figures import put_figures
from b3lake.refine.config import Job
from b3lake.refine.log import log

METRICS = {
    "UnreadableObjects": "unreadable_objects",
    "RefinedRows": "refined_partitions",
    "RemovedRows": "deleted_partitions",
    "KeptRows": "kept_partitions",
}
"""Metric to the name in the run's summary. KeptRows: their raw objects are gone, and they were too many to remove."""
AGE_METRIC = "DaysSinceNewestRow"
"""How old the newest refined row is, in days of the calendar."""


def tell_figures(job: Job, summary: Mapping[str, Any]) -> None:
    """Put the figures of a run for the environment `job.lake_env`, if it has one. What cannot be put fails nothing."""
    if not job.lake_env:
        return
    figures = {metric: float(summary[name]) for metric, name in METRICS.items()}
    if summary["newest_row"]:
        age = datetime.now(timezone.utc).date() - date.fromisoformat(summary["newest_row"])
        figures[AGE_METRIC] = float(age.days)
    trouble = put_figures(job.lake_env, job.connection.region, figures)
    if trouble:
        log.warning("the figures of the run could not be put to CloudWatch: %s", trouble)
