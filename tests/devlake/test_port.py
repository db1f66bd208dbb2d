"""The values that LAKE_PORT takes and refuses."""

import pytest

from devlake import lake_commands
from devlake.errors import DevLakeError


@pytest.mark.parametrize(
    "text",
    ["nonsense", "0", "1023", "65536", "-1", "5000.5", " 5000", "500\u00b2", "\u0665" * 4, "9" * 5000, "1" + "0" * 20],
)
def test_what_is_no_port_of_programs_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PORT", text)
    with pytest.raises(DevLakeError, match="give a port number from 1024 to 65535, or leave it out"):
        lake_commands._port()


@pytest.mark.parametrize(("text", "port"), [("", None), ("1024", 1024), ("65535", 65535)])
def test_a_port_is_taken(text: str, port: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PORT", text)
    assert lake_commands._port() == port
