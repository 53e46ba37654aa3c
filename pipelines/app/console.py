"""What a run says: progress on stderr, the summary on stdout, failures in a sentence."""

import logging
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from typing import Any, Final, TextIO

import dlt
from dlt.common.configuration.exceptions import ConfigProviderException
from dlt.common.logger import is_json_logging
from dlt.common.runtime.json_logging import JSONLogFormatter

from app import process
from app.errors import explain, keeps_personal_data

log = logging.getLogger("meetings")


HOOK_KEY: Final = "runtime.slack_incoming_hook"
SECRETS: Final = ("sources.drift.access_token", "sources.drift.personal_data_key", HOOK_KEY)

QUIET_SECONDS: Final = 10.0
"""How often a log file hears of progress within a step."""

REDRAW_SECONDS: Final = 0.1
"""How often a terminal does."""


class _Lines(logging.Handler):
    """Lines with the time for a log file; on a terminal, progress on one line that is rewritten.

    Records with `passing` set are progress: the next one makes them old.
    """

    def __init__(self) -> None:
        super().__init__()
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._said = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        passing = getattr(record, "passing", False)
        quiet = REDRAW_SECONDS if self._terminal and not _in_json() else QUIET_SECONDS
        if passing and time.monotonic() - self._said < quiet:
            return
        self._said = time.monotonic()
        words = without_secrets(record.getMessage())
        if _in_json():
            record.msg, record.args = words, ()
            _print(JSONLogFormatter().format(record))
        elif self._terminal:
            _print(f"\r\033[K{words}", end="" if passing else "\n")
            self._open = passing
        else:
            _print(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {words}")

    def end(self) -> None:
        if self._open:
            _print("\r\033[K", end="")
            self._open = False


def _print(text: str, *, end: str = "\n", file: TextIO | None = None) -> None:
    """Writes to stderr, or elsewhere. No run fails because nobody listens any more."""
    with suppress(OSError):
        print(text, end=end, file=file or sys.stderr, flush=True)


_lines = _Lines()


@cache
def _in_json() -> bool:
    """Whether dlt is set to log as JSON: then so is all that goes to stderr."""
    return is_json_logging(_setting("runtime.log_format") or "")


def start(*, quiet: bool) -> None:
    """Lets the pipeline's own modules report progress; other loggers stay as they are.

    With `quiet`, nothing but a failure is said.
    """
    for name in ("meetings", "drift", "warehouse"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.ERROR if quiet else logging.INFO)
        logger.handlers = [_lines]
        logger.propagate = False
    process.last_words = _say


class Steps:
    """Seconds that each step of a run took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        log.info(name)
        began = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began


def fail(failure: BaseException, *, verbose: bool) -> tuple[str, int]:
    """Says why the run failed; the sentence, and the exit code."""
    sentence, code = explain(failure)
    sentence, trace = without_secrets(sentence), ""
    if verbose:
        lines = traceback.format_exception(failure)
        if not keeps_personal_data():  # the places, without the words
            lines = traceback.format_tb(failure.__traceback__)
        trace = without_secrets("".join(lines))
    _say(sentence, code, trace)
    return sentence, code


def _say(sentence: str, code: int, trace: str = "") -> None:
    _lines.end()
    if _in_json():
        log.error(sentence, extra={"exit_code": code} | ({"traceback": trace} if trace else {}))
    else:
        _print("\n".join(filter(None, [trace, sentence])))


def without_secrets(text: str) -> str:
    """The text without the token, the hash's key and the hook, wherever they may have got in."""
    for secret in filter(None, map(_setting, SECRETS)):
        text = text.replace(secret, "***")
    return text


def hook() -> str | None:
    """The address of the Slack channel that is told, if one is."""
    return _setting(HOOK_KEY)


def _setting(key: str) -> str | None:
    """A setting of which nothing can be said while the configuration is no TOML."""
    try:
        value: Any = dlt.secrets.get(key)
    except ConfigProviderException:
        return None
    return str(value) if value else None


def summary(parts: Sequence[str]) -> None:
    """What the command answers, on stdout."""
    _lines.end()
    if not log.isEnabledFor(logging.INFO):  # --quiet
        return
    _print("\n".join(parts), file=sys.stdout)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows in columns: text to the left, numbers to the right."""
    cells = [list(names)]
    for row in rows:  # an id is a name, not an amount
        texts = [str(v) if n.endswith("_id") else cell(v) for n, v in zip(names, row, strict=True)]
        cells.append(texts)
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    right = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(names))]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]


def cell(value: Any) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)
