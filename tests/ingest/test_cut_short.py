"""A run over a COTAHIST file of which a part is missing writes nothing, and says what is wrong with it."""
# ruff: noqa: F811 - fixtures that are imported

from pathlib import Path

import pytest

from devlake.cotahist_writer import quote, whole_file
from devlake.fake_b3 import zip_of
from tests.ingest.lake_cases import DAYS, TestLake
from tests.ingest.test_from_b3 import from_files
from tests.ingest.test_run import Command, command  # noqa: F401 - fixtures

LINE = 247
SOUND = whole_file([quote(day=20240502, code=f"X{number}3") for number in range(100, 500)])
ZIPPED = zip_of("COTAHIST_D02052024.TXT", SOUND)
CUT = {
    "its text ends early": (SOUND[: LINE * 200 + 100], "it is truncated or damaged"),
    "its text ends after a whole record": (SOUND[: LINE * 200], "it ends after 200 records without a trailer"),
    "its ZIP ends early": (ZIPPED[: len(ZIPPED) // 2], "it is a broken ZIP file"),
    "its ZIP lacks its end alone": (ZIPPED[:-30], "it is a broken ZIP file"),
    "its ZIP is whole, and what is in it is not": (zip_of("one", SOUND[: LINE * 200]), "without a trailer"),
    "records before its trailer are missing": (SOUND[: LINE * 200] + SOUND[-LINE:], "does not fit its 201 records"),
}


@pytest.mark.parametrize("cut", CUT)
def test_a_file_cut_short_is_refused_and_nothing_is_written(
    command: Command, lake: TestLake, tmp_path: Path, cut: str
) -> None:
    content, says = CUT[cut]
    (tmp_path / "COTAHIST_D02052024.ZIP").write_bytes(content)
    assert command(*from_files(tmp_path, DAYS[0], DAYS[0])) == 1
    assert says in command.records()["*"]["cause"]
    assert lake.written("") == {}
