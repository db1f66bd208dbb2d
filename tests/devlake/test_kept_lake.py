"""A kept lake ends by itself after its hours, with all that it holds, and is given the time to save it."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from devlake import emulator
from devlake.supervise import end_tree

pytestmark = pytest.mark.slow

# Asked to end, it takes longer than others are given.
SLOW_TO_SAVE = """
import signal, sys, time

def save(*_):
    time.sleep(1.5)
    open(sys.argv[1], "w").write("saved")
    sys.exit(0)

signal.signal(signal.SIGTERM, save)
open(sys.argv[1] + ".ready", "w").close()
time.sleep(60)
"""


def test_a_forgotten_lake_ends_by_itself_and_its_data_is_there_again(tmp_path: Path) -> None:
    aws = emulator.start(tmp_path, seconds=15, with_parent=False, keep=True)
    aws.client("s3").create_bucket(Bucket="kept-lake")
    aws.client("s3").put_object(Bucket="kept-lake", Key="raw/one", Body=b"row")
    aws.client("glue").create_database(DatabaseInput={"Name": "kept"})
    _, alive = psutil.wait_procs([psutil.Process(aws.supervisor_pid)], timeout=60)
    assert not alive
    assert not emulator.answers(aws.endpoint_url)
    again = emulator.start(tmp_path, keep=True)
    try:
        assert again.client("s3").get_object(Bucket="kept-lake", Key="raw/one")["Body"].read() == b"row"
        assert [one["Name"] for one in again.client("glue").get_databases()["DatabaseList"]] == ["kept"]
    finally:
        emulator.stop(again)


@pytest.mark.parametrize(("grace", "is_saved"), [(20.0, True), (0.2, False)])
def test_who_saves_has_its_grace(tmp_path: Path, grace: float, is_saved: bool) -> None:
    program, saved = tmp_path / "slow.py", tmp_path / "saved"
    program.write_text(SLOW_TO_SAVE)
    child = subprocess.Popen([sys.executable, program, saved])
    while not saved.with_name("saved.ready").exists():
        time.sleep(0.05)
    end_tree(child.pid, grace)
    assert saved.exists() == is_saved
    child.wait()
