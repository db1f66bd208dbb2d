"""How far a run is: a bar on a terminal, a line a step elsewhere, and the waits of the sources on both."""

import logging
import re

import pytest

from b3lake.ingest import sources
from b3lake.ingest.progress import progress

LONG = f"A [b]line[/b] of {'x' * 200} 2024-05-02"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Standard error as a terminal of 80 columns, which knows colours, in the language that the test names."""
    settings = {"TTY_COMPATIBLE": "1", "COLUMNS": "80", "TERM": "xterm-256color", "LC_ALL": request.param}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def wait(line: str) -> None:
    logging.getLogger(f"{sources.__name__}.yahoo").warning(line)


def test_elsewhere_than_on_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("tickers", 2) as steps:
        steps.advance("PETR4: 5 bars")
        wait("It is asked again in 2 seconds.")
        steps.tell(LONG)
    wait("It is asked again in 3 seconds.")
    assert capsys.readouterr() == ("", f"PETR4: 5 bars\nIt is asked again in 2 seconds.\n{LONG}\n")


def test_waits_are_told_no_more_after_a_run_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"^why$"), progress("tickers", 2):
        raise ValueError("why")
    wait("It is asked again in 3 seconds.")
    assert capsys.readouterr() == ("", "")


def plain(text: str) -> str:
    """`text` without what moves the cursor or colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize(
    ("terminal", "label", "total", "shown"),
    [
        ("C", "tickers and files", 5, r"tickers and files ━+╺?━* 3/5 0:00:\d\d"),
        ("pt_BR.UTF-8", "tickers and files", 5, r"tickers e arquivos ━+╺?━* 3/5 0:00:\d\d"),
        ("C", "objects", None, r"objects ━+ 3/\? 0:00:\d\d"),
    ],
    indirect=["terminal"],
)
def test_on_a_terminal_a_bar_moves_and_goes_at_the_end(
    terminal: None, capsys: pytest.CaptureFixture[str], label: str, total: int | None, shown: str
) -> None:
    with progress(label, total) as steps:
        steps.advance("PETR4: 5 bars")
        steps.advance("VALE3: 5 bars", 2)
        steps.tell(LONG)
        wait("It is asked again in 2 seconds.")
    wait("It is asked again in 3 seconds.")
    out, err = capsys.readouterr()
    assert out == ""
    assert "bars" not in err, "a step has no line of its own"
    assert "It is asked again in 2 seconds.\n" in err
    assert "in 3 seconds" not in err
    assert f"{LONG}\n" in err, "without marks, colours and breaks of its own"
    *_, last = filter(None, plain(err).splitlines())
    assert re.fullmatch(shown, last)
    assert err.endswith("\x1b[1A\x1b[2K"), "its line is cleared"
