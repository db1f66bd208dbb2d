"""The rights of the continuous integration."""

import re

import yaml

from devlake import paths


def test_the_workflow_may_only_read() -> None:
    files = sorted((paths.ROOT / ".github" / "workflows").glob("*.y*ml"))
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
