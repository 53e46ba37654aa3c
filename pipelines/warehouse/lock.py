"""One run at a time on this machine."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

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
    # Not at once: somebody who asks whether it is held takes it for a moment.
    try:
        held = FileLock(path, timeout=max(wait_seconds, 0.1)).acquire()
    except Timeout as timeout:
        raise LockedError(
            f"Another run is under way; this one waited {wait_seconds:g} seconds and left "
            "everything to it."
        ) from timeout
    with held:
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
