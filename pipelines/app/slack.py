"""A sentence, to a Slack channel."""

import logging
import platform
import threading
from typing import Final

from dlt.common.runtime.slack import send_slack_message
from requests import RequestException

log = logging.getLogger("meetings")

PATIENCE_SECONDS: Final = 10.0
"""How long a run that has failed already waits for Slack: dlt sets no timeout."""


def tell(hook: str, sentence: str) -> bool:
    """Sends the sentence; whether Slack took it. If not, that is logged, no more."""
    text = f"drift-bookings on {platform.node() or 'this machine'}: {sentence}"
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):  # as Slack asks for
        text = text.replace(mark, written)

    taken: list[bool] = []

    def send() -> None:
        try:
            send_slack_message(hook, text, is_markdown=False)
            taken.append(True)
        except RequestException as fault:  # its words may hold the hook, which is a secret
            status = fault.response.status_code if fault.response is not None else "no answer"
            log.warning(f"Slack could not be told: {status}.")

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sending.join(PATIENCE_SECONDS)
    if sending.is_alive():
        log.warning("Slack could not be told: no answer in time.")
    return bool(taken)
