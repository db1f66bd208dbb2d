"""Where things are in the checkout: each path is stated here once."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
STATE = ROOT / ".lake"  # whatever a local run leaves behind: logs, the state of `make up`
TEMPLATE = ROOT / "template.yaml"
FETCH_SCRIPT = ROOT / "ec2" / "fetch_b3_data.py"
REFINE_JOB = ROOT / "glue" / "refine_job.py"


def tool(venv: str, name: str) -> Path:
    """The program `name` of the virtualenv `venv` (tech, sam, ministack, audit)."""
    return VENVS / venv / "bin" / name
