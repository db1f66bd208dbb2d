"""Reads what the emulator of a kept lake has saved: all of it, or the emulator does not start.

ministack goes on without a file that it cannot read, and writes another one in its place when it ends: a catalog that
was damaged would be lost for good. Here a process that finds such a file says which it is and ends, before it serves
anybody, and has changed nothing.

It runs in the virtualenv of the emulator: the standard library and ministack alone.
"""

import os
from pathlib import Path

from ministack import app
from ministack.core import persistence

from devlake.emulator_files import load_objects
from devlake.refused_state import DamagedStateError, refusal_of

_BEGINS = '{"__ministack_format__": '


def load_state() -> None:
    """Restore every service that has a file. Raises DamagedStateError."""
    for service, module in app._state_map.items():
        file = Path(persistence.STATE_DIR, f"{service}.json")
        if not os.path.lexists(file):
            continue
        try:
            with file.open(encoding="utf-8") as text:
                begins = text.read(len(_BEGINS))
            data = app.load_state(service)  # None of a file of a later version, and of what is no JSON
            restored = begins == _BEGINS and isinstance(data, dict)
            if restored:
                app._get_module(module).load_persisted_state(data)
        except Exception:  # noqa: BLE001 - each service fails in its own way over what it did not write
            restored = False
        if not restored:
            raise DamagedStateError(f"{file.parent.name}/{file.name}")


def _load_or_end() -> None:
    try:
        load_objects()
        load_state()
    except DamagedStateError as error:
        print(f"\n{refusal_of(str(error))}", flush=True)
        os._exit(os.EX_DATAERR)


def install() -> None:
    """Put this in the place of ministack's."""
    app._load_persisted_state = _load_or_end
