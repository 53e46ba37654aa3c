"""What the channel behind dlt's `runtime.slack_incoming_hook` is told, and that it is told once.

A run tells that it failed, and the first good one after it that all is well again. That the data
are stale is told by `--status`: what keeps runs from starting keeps them from telling anything.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.console import hook
from app.slack import tell
from app.status import Status, age

STATES: Final = {
    "stale": "The data are stale",
    "gap": "The data are stale, and what took place since is leaving Drift's reach",
    "fresh": "The data are fresh again",
}


class Alarms:
    """An episode: what was told since the last good run, kept in a file as digests."""

    def __init__(self, project: Path) -> None:
        self._path = project / ".dlt" / ".var" / "alarms.json"
        self._told: set[str] = set()
        with suppress(OSError, ValueError, TypeError):  # lost or torn
            self._told = set(json.loads(self._path.read_text("utf-8")))

    def failed(self, sentence: str) -> None:
        """Tells of a failure. One that differs in numbers alone, such as attempts, is the same."""
        self._tell_once(re.sub(r"\d+", "", sentence), sentence)

    def looked(self, status: Status) -> None:
        """Tells that the data are stale; or fresh again, where no run here has told it before."""
        if status.newest_sync_at is None:
            return  # a project that has not run yet
        sentence = f"{STATES[status.state]}: the newest read began {age(status)}."
        if (status.data_age_hours or 0) > status.stale_after_hours:
            self._tell_once(status.state, sentence)
        elif self._told and self._told <= {_digest("stale"), _digest("gap")}:
            self._end(f"{STATES['fresh']}: the newest read began {age(status)}.")

    def succeeded(self, summary: Sequence[str]) -> None:
        """Tells that a run was good, if it ends an episode; and what is lost for good, if anything
        is."""
        again = ["All is well again: this run succeeded."] if self._told else []
        lost = [line.partition(" ")[2].strip() for line in summary if line.startswith("gap ")]
        if again or lost:
            self._end("\n".join([*again, *lost]))

    def _tell_once(self, key: str, sentence: str) -> None:
        if _digest(key) not in self._told and _tell(sentence):
            self._keep(self._told | {_digest(key)})

    def _end(self, sentence: str) -> None:
        if _tell(sentence):
            self._keep(set())

    def _keep(self, told: set[str]) -> None:
        self._told = told
        with suppress(OSError):  # rather told twice than never
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(sorted(told)), "utf-8")


def _tell(sentence: str) -> bool:
    address = hook()
    return bool(address) and tell(str(address), sentence)


def _digest(key: str) -> str:
    # A sentence may quote a record, or a path, with what is no UTF-8.
    return hashlib.sha256(key.encode(errors="backslashreplace")).hexdigest()
