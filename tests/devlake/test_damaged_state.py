"""An emulator does not begin with a file of a kept lake that it cannot read; it says which, and changes nothing."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from devlake import emulator, paths
from devlake.errors import DamagedLakeError
from devlake.refused_state import refusal_of, refused_file

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "cut short": lambda body: body[: len(body) // 2],
    "garbage": lambda _: b"\xff\xfe\x00garbage",
    "no JSON": lambda body: body.replace(b"{", b"[", 1),
    "another's JSON": lambda _: b"{}",
    "of a future version": lambda body: json.dumps(json.loads(body) | {"__ministack_format__": 99}).encode(),
    "without what was saved": lambda _: b'{"__ministack_format__": 2, "payload": null}',
    "of another shape": lambda _: b'{"__ministack_format__": 2, "payload": [1]}',
}
# Restores a folder's state once for each file and damage, in a process each, since what was restored stays.
PROGRAM = """
import json, os, sys
from pathlib import Path
from devlake import emulator_state

cases, said, services = json.loads(sys.stdin.read()), [], emulator_state.app._state_map
emulator_state.load_state()
for name, body in cases:
    emulator_state.app._state_map = {name[:-5]: services[name[:-5]]}
    child = os.fork()
    if not child:
        file = Path(os.environ["STATE_DIR"], name)
        file.write_bytes(bytes.fromhex(body)) if body is not None else (file.unlink(), file.mkdir())
        try:
            emulator_state.load_state()
        except emulator_state.DamagedStateError as error:
            os._exit(7 if str(error) == f"state/{name}" else 8)
        os._exit(0)
    said.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    fresh = Path(sys.argv[1], name)
    file = Path(os.environ["STATE_DIR"], name)
    file.rmdir() if file.is_dir() else None
    file.write_bytes(fresh.read_bytes())
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a kept lake that has ended, with something of each service that a lake uses."""
    folder = tmp_path_factory.mktemp("kept")
    aws = emulator.start(folder, keep=True)
    try:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        s3.delete_object(Bucket="kept", Key="gone")
        for key in ("gone/below", "raw/one", "raw/two"):
            s3.put_object(Bucket="kept", Key=key, Body=b"of " + key.encode())
        aws.client("glue").create_database(DatabaseInput={"Name": "kept"})
        aws.client("sqs").create_queue(QueueName="kept")
        for service, call in [("iam", "list_roles"), ("lambda", "list_functions"), ("athena", "list_work_groups")]:
            getattr(aws.client(service), call)()
    finally:
        emulator.stop(aws)
    return folder


@pytest.mark.slow
def test_every_file_of_the_state_is_read_whole_or_refused(kept: Path, tmp_path: Path) -> None:
    whole, state = kept / "state", tmp_path / "state"
    shutil.copytree(whole, state)
    files = sorted(file.name for file in whole.glob("*.json"))
    assert {"s3.json", "glue.json", "sqs.json", "iam.json"} <= set(files)
    cases = [(name, damage((whole / name).read_bytes()).hex()) for name in files for damage in DAMAGES.values()]
    cases += [(name, None) for name in files]
    environment = emulator._environment(1, tmp_path, tmp_path, "k" * 43, "", enforce_iam=False)
    done = subprocess.run(
        [paths.tool("ministack", "python"), "-c", PROGRAM, whole],
        input=json.dumps(cases),
        env=environment | {"PYTHONPATH": str(paths.ROOT)},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    codes = json.loads(done.stdout.splitlines()[-1])
    refused = [7] * len(cases)
    assert [(case, code) for case, code, wanted in zip(cases, codes, refused, strict=True) if code != wanted] == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "body"), [("state/glue.json", b"{"), ("state", b""), ("objects", b"")])
def test_it_does_not_start_and_leaves_everything_as_it_was(kept: Path, tmp_path: Path, name: str, body: bytes) -> None:
    folder = tmp_path / "kept"
    shutil.copytree(kept, folder)
    file = folder / name
    if file.is_dir():
        shutil.rmtree(file)
    file.write_bytes(body)
    before = {one: one.read_bytes() for one in folder.glob("state/*.json")}
    with pytest.raises(DamagedLakeError, match=f"{name} cannot be read, and nothing was changed: put a whole copy of "):
        emulator.start(folder, keep=True)
    assert {one: one.read_bytes() for one in folder.glob("state/*.json")} == before
    assert file.read_bytes() == body


def _is_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "unpacked").write_bytes(b"x")


OBJECT = f"objects/{emulator.ACCOUNT_ID}/kept/raw/one"
LOSSES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a folder in its place": (OBJECT, _is_a_folder),
    "what is known of it is another's JSON": (f"{OBJECT}.meta.json", lambda file: file.write_bytes(b"[1]")),
}


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_an_object_that_cannot_be_read_is_named_and_nothing_is_changed(kept: Path, tmp_path: Path, loss: str) -> None:
    folder = tmp_path / "kept"
    shutil.copytree(kept, folder)
    name, damage = LOSSES[loss]
    damage(folder / name)
    before = _files(folder)
    with pytest.raises(DamagedLakeError, match=f"^{folder / name} cannot be read, and nothing was changed: put a"):
        emulator.start(folder, keep=True)
    assert _files(folder) == before


@pytest.mark.slow
def test_a_folder_in_the_place_of_a_deleted_object_is_of_a_key_below_it(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / "kept")
    assert (kept / "objects" / emulator.ACCOUNT_ID / "kept" / "gone").is_dir()
    aws = emulator.start(tmp_path / "kept", keep=True)
    try:
        listed = aws.client("s3").list_objects_v2(Bucket="kept")["Contents"]
        assert [one["Key"] for one in listed] == ["gone/below", "raw/one", "raw/two"]
    finally:
        emulator.stop(aws)


def _files(folder: Path) -> dict[Path, bytes]:
    files = [file for name in ("state", "objects") for file in (folder / name).rglob("*")]
    return {file: file.read_bytes() for file in files if file.is_file()}


def test_the_log_names_the_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(f"\xff begins\n{refusal_of('state/s3.json')}\nends\n".encode("latin-1"))
    assert refused_file(log) == "state/s3.json"
    log.write_text("begins\nends\n")
    assert refused_file(log) == ""
