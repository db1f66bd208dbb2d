"""A fake host: a folder as its root, with a stub package manager and a stub systemctl, the rest real.

bash, Python's venv, pip, the AWS CLI and the AWS that it talks to are real. The virtualenv of a release sees the
packages that this checkout's `.venvs/tech` has, so that pip checks the pinned versions and fetches none of them.
"""

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devlake import paths

SCRIPT_SECONDS = 120

NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >>"$HOST_BOX/calls"\n'
STUBS = {
    "dnf": NOTE + '[ ! -e "$HOST_BOX/dnf-fails" ]\n',
    # Only the question whether the last update failed has another answer than success.
    "systemctl": NOTE + '[ "$1" != is-failed ] || [ -e "$HOST_BOX/update-failed" ]\n',
    "who": '#!/bin/sh\ncat "$HOST_BOX/logged-in" 2>/dev/null || true\n',
    "pgrep": "#!/bin/sh\nexit 1\n",
    "journalctl": '#!/bin/sh\n[ "$1" = --sync ] || cat "$HOST_BOX/journal"\n',
    # `python3.11 -m venv FOLDER`: with the packages of .venvs/tech, and so with its pip.
    "python3.11": """#!/bin/sh
"$REAL_PYTHON" "$@" --without-pip || exit
echo "$TECH_PACKAGES" >"$3/lib/$(basename "$(ls -d "$3"/lib/python3*)")/site-packages/tech.pth"
""",
}


@dataclass(frozen=True)
class HostBox:
    """One host: `folder` holds its /opt/b3-lake (`root`), its /etc/systemd (`systemd`) and what its stubs wrote."""

    folder: Path
    aws_environment: Mapping[str, str]

    @property
    def root(self) -> Path:
        return self.folder / "opt" / "b3-lake"

    @property
    def systemd(self) -> Path:
        return self.folder / "etc" / "systemd"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def python(self) -> Path:
        """The Python of the release in force."""
        return self.current / ".venvs" / "tech" / "bin" / "python"

    def run(self, *command: str | Path, fails: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the host would; it must succeed, unless `fails`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
        ours = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "HOST_BOX": str(self.folder),
            "B3_LAKE_ROOT": str(self.root),
            "B3_LAKE_SYSTEMD": str(self.systemd),
            "B3_LAKE_RETRY_SECONDS": "0",
            "REAL_PYTHON": str(paths.tool("tech", "python")),
            "TECH_PACKAGES": sysconfig.get_path("purelib"),
        }
        done = subprocess.run(
            command,
            cwd=self.folder,  # not the checkout, whose packages would be found first
            env=kept | dict(self.aws_environment) | ours | environment,
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def update(self, bucket: str, *, fails: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        """Do as the update timer does."""
        return self.run(self.current / "host" / "update_host.sh", bucket, fails=fails, **environment)

    def calls(self) -> list[str]:
        """The calls of the stubs since the last time this was asked."""
        file = self.folder / "calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines


def make_host_box(folder: Path, aws_environment: Mapping[str, str]) -> HostBox:
    """A host that has nothing on it yet."""
    box = HostBox(folder, aws_environment)
    (folder / "bin").mkdir(parents=True)
    for name, text in STUBS.items():
        stub = folder / "bin" / name
        stub.write_text(text, encoding="utf-8")
        stub.chmod(0o755)
    (folder / "bin" / "aws").symlink_to(paths.tool("sam", "aws"))
    return box
