"""A pytest plugin that records which lines of the program each test runs, and how long it takes.

    pytest -p tests.mutation.cover --lines-to lines.json tests/lake/test_keys.py

writes `{"seconds": {test: seconds}, "tests": {file: {line: [test, …]}}}`, with files as they lie in the checkout. Lines
that run while a module is imported belong to no test; nor do those of processes that a test starts.
"""

import json
import time
from collections.abc import Generator
from pathlib import Path

import coverage
import pytest

PROGRAM = ("b3lake", "functions")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lines-to", type=Path, required=True, help="the file to write")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Recorder(config.rootpath, config.getoption("--lines-to")))


class _Recorder:
    def __init__(self, root: Path, written: Path) -> None:
        self._root, self._written = root, written
        self._seconds: dict[str, float] = {}
        # The configuration of a machine's own is not read, and nothing is kept between runs.
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{root / folder}/*" for folder in PROGRAM]
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        started = time.monotonic()
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context("")
            self._seconds[item.nodeid] = time.monotonic() - started

    def pytest_unconfigure(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        tests = {
            str(Path(file).relative_to(self._root)): {
                line: sorted(set(contexts) - {""}) for line, contexts in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        self._written.write_text(json.dumps({"seconds": self._seconds, "tests": tests}), "utf-8")
