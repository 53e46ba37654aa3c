"""The record of the last run on this machine: a run that failed leaves nothing in the warehouse."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from app.console import without_secrets
from app.errors import explain
from app.process import INTERRUPTED, at_signal


@contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Keeps in `path` that a run has begun, then how it ended: its exit code and its sentence.

    A run that was killed leaves a record without an end. No run fails for want of its record.
    """
    started_at, writing = datetime.now(UTC), Lock()

    def write(code: int | None, message: str | None = None) -> None:
        with writing:
            _write(path, started_at, code, message)

    def interrupt(code: int) -> None:
        writing.acquire()  # and kept: of a process that is ending, nothing else is said
        _write(path, started_at, code, INTERRUPTED)

    with at_signal(interrupt):
        write(None)
        try:
            yield
        except BaseException as failure:
            sentence, code = explain(failure)
            write(code, without_secrets(sentence))
            raise
        write(0)


def read_record(path: Path) -> dict[str, Any] | None:
    """`started_at`, `finished_at`, `exit_code` and `message` of the last run, if one is on record.

    The last three are null for a run that is under way, or was killed.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
        read = {key: record[key] for key in ("exit_code", "message")}
        for key in ("started_at", "finished_at"):
            read[key] = record[key] and datetime.fromisoformat(record[key]).astimezone(UTC)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return read


def _write(path: Path, started_at: datetime, exit_code: int | None, message: str | None) -> None:
    ended = exit_code is not None
    record = {
        "started_at": started_at.isoformat(),
        "finished_at": datetime.now(UTC).isoformat() if ended else None,
        "exit_code": exit_code,
        "message": message,
    }
    with suppress(OSError):
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(json.dumps(record), "utf-8")
        aside.replace(path)
