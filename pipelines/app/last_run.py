"""The record of the last run on this machine: a run that failed leaves nothing in the warehouse.

`started_at`, `finished_at`, `exit_code` and `message`; the last three are null for a run that is
under way, or was killed. Beside them, `alarms`: see there. No run fails for want of its record.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from app.errors import explain
from app.process import INTERRUPTED, at_signal


@contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Keeps in `path` that a run has begun, then how it ended: its exit code and its sentence."""
    writing = Lock()
    started_at = _now()

    def write(code: int | None, message: str | None = None) -> None:
        finished_at = None if code is None else _now()
        write_record(
            path, started_at=started_at, finished_at=finished_at, exit_code=code, message=message
        )

    def interrupt(code: int) -> None:
        writing.acquire()  # and kept: of a process that is ending, nothing else is said
        write(code, INTERRUPTED)

    with at_signal(interrupt):
        with writing:
            write(None)
        try:
            yield
        except BaseException as failure:
            sentence, code = explain(failure)
            with writing:
                write(code, sentence)
            raise
        with writing:
            write(0)


def read_record(path: Path) -> dict[str, Any]:
    """What is on record, with times in UTC; empty where that is nothing, or cannot be read."""
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for key in {"started_at", "finished_at"} & record.keys():
            record[key] = record[key] and datetime.fromisoformat(record[key]).astimezone(UTC)
    except (OSError, ValueError, TypeError, AttributeError):  # lost, or no record
        return {}
    return record


def write_record(path: Path, **changes: object) -> None:
    """Changes some of what is on record."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".next")  # one that is left is the next one's
        text = json.dumps(read_record(path) | changes, default=datetime.isoformat)
        aside.write_text(text, "utf-8")
        aside.replace(path)


def _now() -> datetime:
    return datetime.now(UTC)
