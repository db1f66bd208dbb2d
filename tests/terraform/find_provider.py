"""Finds a copy of Terraform's AWS provider on this disk, so that the tests need no registry."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")
# Terraform's own implied mirrors, and the places under which machines keep what was installed by hand.
CONVENTIONAL = ("~/.terraform.d/plugins", "~/.local/share/terraform/plugins", "/usr/local/share/terraform/plugins",
                "/usr/share/terraform/plugins")  # fmt: skip
SCANNED = ("/opt", "/srv", "/var/lib", "/usr/local/lib", "/usr/local/share")
SCANNED_DEPTH = 2


def find_mirror(environment: Mapping[str, str]) -> Path | None:
    """The folder of a filesystem mirror that holds the AWS provider: the one that TF_PLUGIN_MIRROR names, a
    conventional one, or one at most SCANNED_DEPTH folders below a usual place; None when there is none."""
    named = environment.get("TF_PLUGIN_MIRROR")
    candidates = [Path(named)] if named else [Path(text).expanduser() for text in CONVENTIONAL]
    candidates += [] if named else [folder for top in SCANNED for folder in _folders(Path(top), SCANNED_DEPTH)]
    return next((folder for folder in candidates if (folder / PROVIDER).is_dir()), None)


def _folders(top: Path, depth: int) -> Iterator[Path]:
    """`top` and the folders below it, at most `depth` deep, those that may not be read left out."""
    yield top
    if depth == 0:
        return
    try:
        below = sorted(entry.path for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for folder in below:
        yield from _folders(Path(folder), depth - 1)


def write_cli_config(mirror: Path | None, file: Path) -> None:
    """Write a Terraform CLI configuration that takes the provider from `mirror`, or from wherever Terraform would."""
    text = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n' if mirror else ""
    file.write_text(f"disable_checkpoint = true\n{text}", encoding="utf-8")
