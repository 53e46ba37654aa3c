"""One run at a time on this machine."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import lock_descriptor

from warehouse.errors import WarehouseError

OWNER_AT = 1
"""Where the file names its owner: Windows lets nobody else read the first byte while it is held."""


class LockedError(WarehouseError):
    """Another run is under way, and was still when the time to wait was over."""

    exit_code = 3


@contextmanager
def run_lock(path: Path, *, wait_seconds: float) -> Iterator[None]:
    """Holds `path` locked; the system lets go of it however the process ends.

    Raises `LockedError` when another process still holds it after `wait_seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Opened here, and not by filelock's FileLock: the file says who holds it.
    with path.open("a+") as file:
        # Not at once: somebody who asks whether it is held takes it for a moment.
        deadline = time.monotonic() + max(wait_seconds, 0.1)
        while not lock_descriptor(file.fileno(), blocking=False):
            if time.monotonic() >= deadline:
                file.seek(OWNER_AT)
                raise LockedError(
                    f"Another run is under way (process {file.read().strip() or 'unknown'}); "
                    f"this one waited {wait_seconds:g} seconds and left everything to it."
                )
            time.sleep(0.2)
        file.truncate(0)
        file.write(" " * OWNER_AT + str(os.getpid()))
        file.flush()
        yield


@contextmanager
def no_run_meanwhile(path: Path) -> Iterator[bool]:
    """Whether no run is under way, and none begins meanwhile; reading the file is enough."""
    with ExitStack() as opened:
        try:
            file = opened.enter_context(path.open())
        except OSError:  # no run was ever here, or it is not for whoever asks to know
            yield True
        else:
            yield lock_descriptor(file.fileno(), blocking=False)
