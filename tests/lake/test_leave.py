"""How a process ends: what is said of output that cannot be written, and what Ctrl-C does meanwhile."""

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from b3lake.lake.interrupts import end_at_once, end_in_order
from b3lake.lake.leave import closed_output, flush_output, trouble_of_output


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF])
def test_output_that_cannot_be_written_is_named(number: int) -> None:
    assert trouble_of_output(OSError(number, "the cause")) == (
        "What it printed cannot be written (the cause): make room, or let it print elsewhere."
    )


@pytest.mark.parametrize(
    "error", [OSError(errno.EPIPE, "x"), OSError(errno.ENOENT, "x"), OSError(errno.ENOSPC, "x", "a.parquet"), OSError()]
)
def test_an_error_of_anything_else_is_none_of_the_output(error: OSError) -> None:
    assert trouble_of_output(error) == ""


class _Failing(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BrokenPipeError(errno.EPIPE, "x"), ""),
        (
            OSError(errno.EIO, "broken"),
            "What it printed cannot be written (broken): make room, or let it print elsewhere.",
        ),
    ],
)
def test_a_reader_that_has_read_enough_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    monkeypatch.setattr(sys, "stdout", _Failing(error))
    assert flush_output() == said


def test_what_was_printed_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    print("a row")
    assert raw.getvalue() == b""
    assert flush_output() == ""
    assert raw.getvalue() == b"a row\n"


def test_there_is_nowhere_to_print(monkeypatch: pytest.MonkeyPatch) -> None:
    assert closed_output() == ""
    monkeypatch.setattr(sys, "stdout", None)
    assert closed_output() == "Standard output is closed: let it print somewhere, to /dev/null if need be."


@pytest.mark.parametrize(
    ("before", "after", "printed"),
    [
        ("", "", b"a row"),
        ("sys.stdout = None", "", b""),
        ("", "sys.stdout.close()", b"a row"),
        ("", "sys.stderr.close()", b"a row"),
        ("", "sys.stdout.close(); sys.stderr.close()", b"a row"),
    ],
)
def test_a_process_leaves_with_its_code_and_all_that_it_printed(before: str, after: str, printed: bytes) -> None:
    program = (
        "import atexit, sys\nfrom b3lake.lake.leave import leave\natexit.register(print, 'taken down')\n"
        f"{before}\nprint('a row', end='')\n{after}\nleave(3)\n"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run([sys.executable, "-c", program], env=buffered, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (3, printed, b"")


@pytest.fixture
def _own_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_own_handler")
def test_an_interrupt_ends_at_once_and_later_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_at_once("x: stopped")
    end_at_once("y: stopped")  # the later line counts
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGINT)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert capfd.readouterr() == ("", "y: stopped\n")
    end_in_order()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("_own_handler")
def test_an_ignored_interrupt_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_at_once("x: stopped")
    end_in_order()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
