"""A client of the AWS emulator takes nothing from its caller's own AWS settings."""

from pathlib import Path

import pytest

from devlake.emulator import Emulator


@pytest.mark.parametrize("name", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_broken_file_and_a_missing_profile_do_not_matter(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "config"
    broken.write_text("no section\nregion")
    monkeypatch.setenv(name, str(broken))
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    client = Emulator(f"http://127.0.0.1:9/{name}", 1, tmp_path / "log", "key").client("s3")
    assert (client.meta.endpoint_url, client.meta.region_name) == (f"http://127.0.0.1:9/{name}", "us-east-1")
