"""The rights of the continuous integration."""

import re

import yaml

from devlake import paths

WORKFLOWS = paths.ROOT / ".github" / "workflows"
DEPLOY = WORKFLOWS / "deploy.yml"


def test_the_deployment_is_started_by_hand_and_keeps_no_key() -> None:
    text = DEPLOY.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert set(workflow[True]) == {"workflow_dispatch"}  # YAML reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert job["environment"] == "${{ inputs.environment }}"
    # What somebody types reaches the shell as a variable, never as a part of a command.
    assert [step["run"] for step in job["steps"] if "${{" in step.get("run", "")] == []


def test_every_other_workflow_may_only_read() -> None:
    files = sorted(set(WORKFLOWS.glob("*.y*ml")) - {DEPLOY})
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}
        assert not re.search(r"\$\{\{\s*secrets\.|pull_request_target|id-token", text)
        for job in workflow["jobs"].values():
            assert "permissions" not in job
            checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
            assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


def test_every_action_is_pinned_by_its_commit() -> None:
    """A tag can be moved to other code; a commit cannot. The version is said beside it."""
    lines = [
        line for file in WORKFLOWS.glob("*.y*ml") for line in file.read_text("utf-8").splitlines() if "uses:" in line
    ]
    assert len(lines) > 5
    pinned = re.compile(r"\s*- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []


def test_known_holes_are_looked_for_at_each_push() -> None:
    workflow = yaml.safe_load((WORKFLOWS / "ci.yml").read_text("utf-8"))
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert "make audit PYTHON=python" in steps
