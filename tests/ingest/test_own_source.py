"""docs/own-source.md: its example is a source, and brings a file's rows into a lake."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

from devlake import paths
from tests.ingest.lake_cases import DATABASE, TestLake

PAGE = (paths.ROOT / "docs" / "own-source.md").read_text(encoding="utf-8")
QUOTES = """day,ticker,open,high,low,close,volume
2024-05-02,PETR4,41.1,42.3,40.9,42.0,1000
2024-05-03,PETR4,42.0,42.5,41.5,,1000
2024-05-02,VALE3,62.0,63.0,61.0,62.5,500
2024-05-09,PETR4,42.0,42.5,41.5,42.2,1000
"""


def _page_run(folder: Path, lake: TestLake, **environ: str) -> "subprocess.CompletedProcess[str]":
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    command = re.search(r"^\.venvs/tech/bin/python (my_source\.py .*)$", PAGE, re.MULTILINE)
    assert example
    assert command
    (folder / "my_source.py").write_text(example[1], "utf-8")
    (folder / "quotes.csv").write_text(QUOTES, "utf-8")
    return subprocess.run(
        [sys.executable, *command[1].split()],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(paths.ROOT), "RAW_BUCKET": lake.bucket, "GLUE_DATABASE": DATABASE}
        | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_example_says_in_a_sentence_what_is_wrong(tmp_path: Path, lake: TestLake) -> None:
    done = _page_run(tmp_path, lake, RAW_BUCKET="no-such-bucket")
    assert done.returncode == 1
    assert re.fullmatch(r"my_source: .*no-such-bucket.*\n", done.stderr)


def test_the_example_brings_what_is_wanted_and_right(tmp_path: Path, lake: TestLake) -> None:
    page_run = _page_run(tmp_path, lake)
    assert list(lake.written()) == ["raw/b3/dt=2024-05-02/ticker=PETR4/data.parquet"]
    assert (page_run.returncode, page_run.stderr) == (0, "quotes.csv: 1 bar\n")
    assert "1 bar refused: null price (2024-05-03)" in page_run.stdout
    body = lake.s3.get_object(Bucket=lake.bucket, Key="raw/b3/dt=2024-05-02/ticker=PETR4/data.parquet")["Body"].read()
    (row,) = pq.read_table(io.BytesIO(body)).to_pylist()
    assert (row["close"], row["volume"], row["dividends"], row["source"]) == (42.0, 1000, None, "my-csv")
