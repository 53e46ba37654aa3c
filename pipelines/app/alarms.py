"""What the Slack channel behind `runtime.slack_incoming_hook` hears, and that it hears it once.

A run says that it failed, and the first good one after it that all is well again. That the data are
stale is said by `--status`: what keeps runs from starting keeps them from saying anything.
"""

import html
import logging
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import requests

from app.console import hook
from app.last_run import read_record, write_record
from app.status import Status, age

log = logging.getLogger("meetings")

PATIENCE_SECONDS: Final = 10.0
"""How long a run that has failed already waits for Slack."""

STATES: Final = {
    "stale": "The data are stale",
    "gap": "The data are stale, and what took place since is leaving Drift's reach",
    "fresh": "The data are fresh again",
}


class Alarms:
    """An episode: what was said since the last good run, kept in the last run's record."""

    def __init__(self, record: Path) -> None:
        self._record = record
        alarms = read_record(record).get("alarms")
        self._alarms: set[str] = set(map(str, alarms)) if isinstance(alarms, list) else set()

    def failed(self, sentence: str) -> None:
        """Says that a run failed. What differs in numbers alone, such as attempts, is the same."""
        self._say_once(re.sub(r"\d+", "", sentence), sentence)

    def looked(self, status: Status) -> None:
        """Says that the data are stale; or fresh again, where no run here has said so before."""
        if status.newest_sync_at is None:
            return  # a project that has not run yet
        if (status.data_age_hours or 0) > status.stale_after_hours:
            self._say_once(status.state, f"{STATES[status.state]}: {age(status)}.")
        elif self._alarms and self._alarms <= set(STATES):
            self._end(f"{STATES['fresh']}: {age(status)}.")

    def succeeded(self, summary: Sequence[str]) -> None:
        """Says that a run was good, if that ends an episode; and what, if anything, is lost."""
        again = ["All is well again: this run succeeded."] if self._alarms else []
        lost = [line.partition(" ")[2].strip() for line in summary if line.startswith("gap ")]
        if again or lost:
            self._end("\n".join([*again, *lost]))

    def _say_once(self, alarm: str, sentence: str) -> None:
        if alarm not in self._alarms and send(sentence):
            self._keep(self._alarms | {alarm})

    def _end(self, sentence: str) -> None:
        if send(sentence):
            self._keep(set())

    def _keep(self, alarms: set[str]) -> None:
        self._alarms = alarms
        write_record(self._record, alarms=sorted(alarms))


def send(sentence: str) -> bool:
    """Sends the sentence to the channel, if there is one; whether Slack took it.

    If not, that is logged, no more.
    """
    if not (address := hook()):
        return False
    text = html.escape(f"drift-bookings on {platform.node()}: {sentence}", quote=False)
    try:
        # Not by dlt's own function, which sets no timeout.
        message = {"text": text, "mrkdwn": False}
        requests.post(address, json=message, timeout=PATIENCE_SECONDS).raise_for_status()
    except requests.RequestException as fault:  # its words may hold the hook, which is a secret
        status = fault.response.status_code if fault.response is not None else "no answer"
        log.warning(f"Slack did not take what it was sent: {status}.")
        return False
    return True
