"""glue/refine_job.py is what its modules say, and what a bundle could not keep is refused."""

from pathlib import Path

import pytest

from devlake import paths
from devlake.bundle import bundle
from devlake.errors import DevLakeError


def test_the_job_s_file_is_that_of_its_modules() -> None:
    assert paths.REFINE_JOB.read_text(encoding="utf-8") == bundle(), "glue/refine_job.py is stale: run `make bundle`"


def bundled(root: Path, **sources: str) -> str:
    """A bundle of these modules, the last of which is the entry."""
    (root / "b3lake").mkdir()
    for name, source in sources.items():
        (root / "b3lake" / f"{name}.py").write_text(source, encoding="utf-8")
    return bundle(f"b3lake.{list(sources)[-1]}", root)


BASE = """'''The base.

More.
'''

import os
import re
from typing import Any

# Why.
ONE: Any = os.sep  # one
'''Of it.'''
NOT_USED = re.compile("")


class Own:
    def itself(self) -> "Own":
        return self
"""
TOP = """'''The top.'''

import yaml as y

from b3lake.base import (
    ONE,
    Own,
)


def two() -> "Own":
    return y, ONE
"""
RULE = "# " + "=" * 117
TOGETHER = f"""
import os
from typing import Any

import yaml as y


{RULE}
# b3lake/base.py
# The base.
#
# More.
{RULE}

# Why.
ONE: Any = os.sep  # one
'''Of it.'''


class Own:
    def itself(self) -> "Own":
        return self


{RULE}
# b3lake/top.py
# The top.
{RULE}

def two() -> "Own":
    return y, ONE
"""


def test_modules_follow_what_they_import_and_keep_the_text_of_what_is_used(tmp_path: Path) -> None:
    assert bundled(tmp_path, base=BASE, top=TOP).endswith(TOGETHER)


@pytest.mark.parametrize(
    ("base", "top", "says"),
    [
        ("A = 1", "from b3lake.base import A\nA = 2", "A is defined in b3lake/top.py, and in b3lake/base.py: give"),
        ("A = 1", "import os as A\nfrom b3lake.base import A", "A is defined in b3lake/top.py, and in b3lake/base.py"),
        ("import a as x\nY = x", "from b3lake.base import Y\nimport b as x", "b3lake/top.py, and by `import a as x`"),
        ("from a import X", "from b3lake.base import X", "imports X from b3lake/base.py, which does not define it"),
        ("A = 1", "import b3lake.base", "line 1: `import b3lake.base` names a module of its own"),
        ("A = 1", "from b3lake import base", "b3lake is no module: import names from one"),
        ("A = 1", "from b3lake.base import A as B", "line 1: `from b3lake.base import A as B` must be of the form"),
        ("A = 1", "def f():\n    from b3lake.base import A", "line 2: `from b3lake.base import A` must be of the form"),
        ("A = 1", "from .base import A", "`from .base import A` must be of the form"),
        ("from b3lake.top import B\nA = 1", "from b3lake.base import A\nB = 1", "b3lake.top imports b3lake.base"),
    ],
)
def test_what_a_bundle_could_not_keep_is_refused(tmp_path: Path, base: str, top: str, says: str) -> None:
    with pytest.raises(DevLakeError) as caught:
        bundled(tmp_path, base=base, top=top)
    assert says in str(caught.value)
