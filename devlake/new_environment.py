"""`make environment LAKE_ENV=test`: adds an environment to samconfig.toml, so that every command of SAM's knows it.

A stack, its uploads and its tags are named after the environment in five places; one that is forgotten deploys into
another environment's stack, or uploads a script that the refine job's role may not read.
"""

import os
import sys
from pathlib import Path

import tomllib

from b3lake.lake.errors import B3LakeError
from b3lake.lake.names import DEFAULT_ENV, Names
from b3lake.lake.settings import read_env
from b3lake.texts.told import told
from devlake import paths
from devlake.errors import DevLakeError
from devlake.terminal import console, fail

SAMCONFIG = paths.ROOT / "samconfig.toml"


def add_environment(file: Path, env: str, like: str) -> None:
    """Add `env` to samconfig.toml in `file`, as a copy of `like` under names of its own. Raises DevLakeError."""
    text = file.read_text(encoding="utf-8")
    known = [name for name in tomllib.loads(text) if name != "version"]
    if env in known:
        raise DevLakeError(f"{file.name} has the environment {env} already: sam deploy --config-env {env}.")
    if like not in known:
        raise DevLakeError(f"{file.name} has no environment {like} to copy: LIKE is one of {', '.join(known)}.")
    section = text.partition(f"[{like}.global.parameters]\n")[2].split("\n\n")[0]
    old, new = Names(like), Names(env)
    for word, other in ((old.prefix, new.prefix), (f"Env={like}", f"Env={env}"), (f"env={like}", f"env={env}")):
        section = section.replace(word, other)
    header = f"\n# `sam deploy --config-env {env}`: as {like}.\n[{env}.global.parameters]\n"
    file.write_text(f"{text.rstrip()}\n{header}{section.rstrip()}\n", encoding="utf-8")


def main() -> int:
    """Add the environment LAKE_ENV as a copy of LIKE (dev), and say how it is deployed."""
    try:
        env = read_env(os.environ)
        like = os.environ.get("LIKE") or DEFAULT_ENV
        add_environment(SAMCONFIG, env, like)
    except B3LakeError as error:
        fail(str(error))
        return error.exit_code
    console.print(told(f"samconfig.toml has the environment {env}, as {like}. Deploy it:"), soft_wrap=True)
    console.print(f"  sam build && sam deploy --config-env {env}", soft_wrap=True)
    console.print(
        f"  cd terraform && terraform init && terraform workspace new {env} && terraform apply -var env={env}",
        soft_wrap=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
