"""The figures of an examination, as CloudWatch has them."""

from b3lake.ingest.doctor.examine import Examination
from b3lake.ingest.doctor.finding import NOTES, Kind
from b3lake.lake.figures import put_figures

FINDINGS_METRIC, GAPS_METRIC = "Findings", "Gaps"


def tell_figures(seen: Examination, env: str, region: str | None) -> str:
    """Put how many faults there are, and how many of them are gaps; "" or why that was not possible."""
    faults = sum(finding.kind not in NOTES for finding in seen.findings)
    gaps = sum(finding.kind is Kind.GAP for finding in seen.findings)
    return put_figures(env, region, {FINDINGS_METRIC: float(faults), GAPS_METRIC: float(gaps)})
