"""Copies the checkout, so that what its targets leave in .lake/ is not the lake of whoever works here."""

import shutil
from pathlib import Path

from devlake import paths

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venvs", ".lake", ".aws-sam", ".terraform", "tests", "__pycache__", ".*_cache"
)


def copy_checkout(to: Path) -> Path:
    """The folder `to`, made as a checkout that has the same virtualenvs and no lake."""
    shutil.copytree(paths.ROOT, to, ignore=LEFT_OUT)
    (to / ".venvs").symlink_to(paths.VENVS.resolve())
    return to
