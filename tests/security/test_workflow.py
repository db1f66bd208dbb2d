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
    actions = [step["uses"] for step in job["steps"] if "uses" in step]
    assert len(actions) == 3
    assert [action for action in actions if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []
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
