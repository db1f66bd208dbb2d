"""How the host follows releases (terraform/host/update_host.sh): new, unchanged, broken and old ones."""

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devlake import paths
from devlake.emulator import Emulator
from tests.terraform.host_box import HostBox, make_host_box

pytestmark = pytest.mark.slow

BUCKET = "host-of-releases"
TIMER = "systemd/system/b3-update.timer"
LAUNCHER = "ec2/fetch_b3_data.py"
PACKAGE = "b3lake/__init__.py"
REQUIREMENTS = "requirements/ingest.txt"
WHERE = "import b3lake, os.path; print(os.path.realpath(b3lake.__file__), hasattr(b3lake, 'CHANGED'))"


def shipped() -> dict[str, bytes]:
    """A release as Terraform makes it, less what it renders from templates."""
    module = paths.ROOT / "terraform"
    inside = [file for folder in ("host", "systemd") for file in (module / folder).rglob("*.*") if file.is_file()]
    files = {str(file.relative_to(module)): file.read_bytes() for file in inside if file.suffix != ".pyc"}
    folders = [file for name in ("b3lake", "ec2", "queries") for file in (paths.ROOT / name).rglob("*.*")]
    outside = [file for file in folders if file.is_file() and file.suffix != ".pyc"]
    outside += [paths.ROOT / name for name in ("pyproject.toml", "requirements/ingest.txt")]
    files |= {str(file.relative_to(paths.ROOT)): file.read_bytes() for file in outside}
    return files | {"ingestion.env": b""}


@dataclass
class Publisher:
    """Publishes releases to the host bucket as Terraform does."""

    s3: Any
    files: dict[str, bytes] = field(default_factory=shipped)

    def publish(self, changed: Mapping[str, bytes] | None = None) -> str:
        """Publish the files, those in `changed` with that content; returns the release's name."""
        files = self.files | dict(changed or {})
        manifest = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files.items()).encode()
        release = hashlib.sha256(manifest).hexdigest()[:16]
        for name, body in (files | {"MANIFEST": manifest}).items():
            self.put(f"releases/{release}/{name}", body)
        self.put("release", release.encode())
        return release

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


@pytest.fixture(scope="module")
def publisher(emulator: Emulator) -> Publisher:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return Publisher(s3)


@pytest.fixture(scope="module")
def box(publisher, emulator: Emulator, tmp_path_factory) -> HostBox:
    """A host that follows the first release."""
    environment = {name: value for name, value in emulator.environment().items() if name.startswith("AWS_")}
    box = make_host_box(tmp_path_factory.mktemp("host"), environment)
    release = publisher.publish()
    box.run(paths.ROOT / "terraform/host/update_host.sh", BUCKET)
    assert box.current.resolve().name == release
    box.calls()
    return box


def test_nothing_new_is_no_update(box):
    before = box.current.resolve()
    assert box.update(BUCKET).stdout == ""
    assert (box.current.resolve(), box.calls()) == (before, [])


def make_wheel(folder: Path, name: str) -> None:
    """A package of version 1 that holds nothing."""
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as wheel:
        inside = f"{name}-1.dist-info"
        wheel.writestr(f"{inside}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{inside}/RECORD", f"{inside}/METADATA,,\n{inside}/WHEEL,,\n{inside}/RECORD,,\n")


def spoil_a_file(publisher: Publisher) -> None:
    release = publisher.publish({LAUNCHER: b"# other\n"})
    publisher.put(f"releases/{release}/{LAUNCHER}", b"# spoilt\n")


def spoil_the_manifest(publisher: Publisher) -> None:
    release = publisher.publish({LAUNCHER: b"# another\n"})
    publisher.put(f"releases/{release}/MANIFEST", b"")


def require_what_is_not_there(publisher: Publisher) -> None:
    publisher.publish({REQUIREMENTS: f"no-such-package==1 --hash=sha256:{'0' * 64}\n".encode()})


def require_what_the_index_has_changed(publisher: Publisher) -> None:
    publisher.publish({REQUIREMENTS: f"exchanged==1 --hash=sha256:{'0' * 64}\n".encode()})


def require_without_a_hash(publisher: Publisher) -> None:
    publisher.publish({REQUIREMENTS: b"exchanged==1\n"})


def point_elsewhere(publisher: Publisher) -> None:
    publisher.put("release", b"../../etc")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_a_file, "is not whole"),
        (spoil_the_manifest, "is not whole"),
        (require_what_is_not_there, "no-such-package"),
        (require_what_the_index_has_changed, "DO NOT MATCH THE HASHES"),
        (require_without_a_hash, "Hashes are required"),
        (point_elsewhere, "names no release"),
    ],
)
def test_a_release_that_cannot_be_used_changes_nothing(
    box, publisher, tmp_path: Path, spoil: Callable[[Publisher], None], words: str
):
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    make_wheel(tmp_path, "exchanged")
    before = box.current.resolve()
    spoil(publisher)
    assert words in box.update(BUCKET, fails=True, **index).stderr
    assert (box.current.resolve(), box.calls()) == (before, [])
    assert not (box.current / LAUNCHER).read_text(encoding="utf-8").startswith("#")


def test_a_changed_file_of_the_package_is_installed_anew(box, publisher):
    before = box.run(box.python, "-c", WHERE).stdout.split()
    publisher.publish({PACKAGE: publisher.files[PACKAGE] + b"CHANGED = True\n"})
    box.update(BUCKET)
    after = box.run(box.python, "-c", WHERE).stdout.split()
    assert (before[1], after[1]) == ("False", "True")
    for file in (before[0], after[0]):
        assert file.startswith(f"{box.root}/venvs/")
    assert before[0] != after[0]


def test_older_releases_and_virtualenvs_go_and_changed_units_are_loaded(box, publisher):
    changed = {REQUIREMENTS: publisher.files[REQUIREMENTS] + b"# changed\n"}
    first = publisher.publish(changed)
    assert f"now follows release {first}" in box.update(BUCKET).stdout
    assert box.calls() == []
    second = publisher.publish(changed | {TIMER: publisher.files[TIMER] + b"# changed\n"})
    assert f"now follows release {second}" in box.update(BUCKET).stdout
    assert box.calls() == [
        "systemctl daemon-reload",
        "systemctl enable b3-update.timer",
        "systemctl restart b3-update.timer",
    ]
    assert {folder.name for folder in (box.root / "releases").iterdir()} == {first, second}
    assert len(list((box.root / "venvs").iterdir())) == 1
    assert (box.current / ".venvs/tech/bin/python").exists()
