"""The figures of an examination, as CloudWatch has them."""

from b3lake.ingest.doctor.examine import Examination
from b3lake.ingest.doctor.finding import Kind
from b3lake.lake.figures import put_figures

FINDINGS_METRIC, GAPS_METRIC = "Findings", "Gaps"


def tell_figures(seen: Examination, env: str, region: str | None) -> str:
    """Put how many faults there are, and how many of them are gaps; "" or why that was not possible."""
    gaps = sum(finding.kind is Kind.GAP for finding in seen.findings)
    return put_figures(env, region, {FINDINGS_METRIC: float(len(seen.findings)), GAPS_METRIC: float(gaps)})
