"""One run at a time on this machine."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from warehouse.errors import WarehouseError


class LockedError(WarehouseError):
    """Another run is under way, and was still when the time to wait was over."""

    exit_code = 3


@contextmanager
def run_lock(path: Path, *, wait_seconds: float) -> Iterator[None]:
    """Holds `path` locked; the system lets go of it however the process ends.

    Raises `LockedError` when another process still holds it after `wait_seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        # Not at once: somebody who asks whether it is held takes it for a moment.
        deadline = time.monotonic() + max(wait_seconds, 0.1)
        while not _take(file):
            if time.monotonic() >= deadline:
                file.seek(0)
                raise LockedError(
                    f"Another run is under way (process {file.read().strip() or 'unknown'}); "
                    f"this one waited {wait_seconds:g} seconds and left everything to it."
                )
            time.sleep(0.2)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether a run is under way."""
    if not path.exists():
        return False
    with path.open("a+") as file:
        return not _take(file)


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[str]) -> bool:
        try:
            file.seek(1 << 30)  # a byte beyond the text, which others may then read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: IO[str]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
