"""Nothing secret, and nothing of one machine or account, is in the repository; no check is switched off as a whole."""

import re
import subprocess
from pathlib import Path

import pytest
import tomllib

from devlake import paths

PLACEHOLDERS = {"123456789012", "000000000000", "111111111111", "111122223333", "999999999999"}
SECRETS = {
    "an AWS access key": r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",
    "an AWS secret key": r"(?i)aws_?secret_?access_?key[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}\b",
    "an AWS session token": r"\b(?:IQoJ|FwoG)[A-Za-z0-9/+=]{40,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    "a password in an address": r"\b[a-z]+://[^\s/:@\"'{}<>$]+:[^\s/:@\"'{}<>$]+@",
    "the address of a package index": r"(?i)python[h]osted|pypi\.org|https?://\S+/simple\b|\bindex-url\s*[=:]?\s*http",
    "a path of one machine": r"(?<![\w.$~/])/(?:home|Users|root|work)/[a-z]\w*",
}
ACCOUNT = re.compile(r"(?<![\w.-])\d{12}(?![\w.-])|(?<=:)\d{12}(?=:)|(?<=-)\d{12}(?![\w.])")


def tracked() -> list[Path]:
    """Every file that is in the repository, or would be with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout: what is tracked is not known here")
    return [paths.ROOT / name for name in listed.split("\0") if name and (paths.ROOT / name).is_file()]


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="replace")


@pytest.mark.parametrize("what", SECRETS)
def test_no_secret_is_in_the_repository(what: str) -> None:
    pattern = re.compile(SECRETS[what])
    found = [f"{file.name}: {hit[0]}" for file in tracked() for hit in pattern.finditer(text_of(file))]
    assert found == []


def test_no_real_account_is_in_the_repository() -> None:
    """Twelve digits stand for an account only as a placeholder; in UUIDs of events a dash and zeros go before them."""
    found = {hit[0] for file in tracked() for hit in ACCOUNT.finditer(text_of(file))}
    assert {number for number in found if not number.startswith("00000000")} <= PLACEHOLDERS


EXAMPLES = {
    "an AWS access key": "key = " + "AKIA" + "QRSTUVWX23456789",
    "an AWS secret key": "AWS_SECRET_ACCESS" + "_KEY=" + "a1B2" * 10,
    "an AWS session token": "token = " + "IQoJ" + "b3JpZ2luX2Vj" * 5,
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a GitHub token": "token: " + "ghp_" + "a1B2c3" * 6,
    "a password in an address": "https://anna:" + "sesame@example.com",
    "the address of a package index": "https://" + "pypi" + ".org/",
    "a path of one machine": "cd /" + "home/anna",
}


@pytest.mark.parametrize("what", SECRETS)
def test_the_patterns_find_what_they_are_for(what: str) -> None:
    assert re.search(SECRETS[what], EXAMPLES[what])


def test_accounts_are_found() -> None:
    number = "2109" + "87654321"
    for text in (f"arn:aws:iam::{number}:role/x", f"tech-challenge2-dev-raw-{number}", f"account {number}"):
        assert ACCOUNT.search(text), text


def test_security_rules_are_switched_off_nowhere_but_in_tests() -> None:
    """Ruff's S rules are bandit's. Two are off, which flag every subprocess; single lines say why they are exempt."""
    lint = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)] == ["S603", "S607"]
    off = {
        place
        for place, rules in lint.get("per-file-ignores", {}).items()
        if any(re.fullmatch(r"S\d*", r) for r in rules)
    }
    assert off == {"tests/**"}
    # A file may switch off rules by name, for itself, but not all of them and none of S.
    lines = re.compile(r"^# ruff: noqa(?!: (?!S\d)[A-Z]+\d+(?:, (?!S\d)[A-Z]+\d+)*(?: - |$)).*", re.M)
    whole_files = [file.name for file in tracked() if file.suffix == ".py" and lines.search(text_of(file))]
    assert whole_files == []
    assert all(lines.search(f"# ruff: noqa{off}") for off in ("", ": S101", ": F811, S101", ": E501,"))
    assert not lines.search("# ruff: noqa: F811, SIM102 - fixtures that are imported")
    bare = [file.name for file in tracked() if file.suffix == ".py" and re.search(r"#\s*noqa\s*$", text_of(file), re.M)]
    assert bare == []
