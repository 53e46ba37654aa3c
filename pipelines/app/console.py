"""What a command says: progress on stderr, its answer on stdout. No secrets, and one line a line.

What Drift sent may stand in any of it: control characters and those that turn the direction of a
text are written as escapes, so that they reach neither a terminal nor a log.
"""

import logging
import re
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

log = logging.getLogger("meetings")

HOOK_KEY: Final = "runtime.slack_incoming_hook"
SECRETS: Final = ("sources.drift.access_token", "sources.drift.personal_data_key", HOOK_KEY)

QUIET_SECONDS: Final = 10.0
"""How often a log file hears of progress within a step."""

REDRAW_SECONDS: Final = 0.1
"""How often a terminal does."""

LONGEST_SENTENCE: Final = 1000
LONGEST_CELL: Final = 60

CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escaped(line: str, longest: int | None = None) -> str:
    """A line without control characters, cut where it is longer than `longest`."""
    whole = CONTROL.sub(lambda found: ascii(found[0])[1:-1], line)
    return whole if longest is None or len(whole) <= longest else f"{whole[:longest]}…"


def presentable(sentence: str) -> str:
    """A sentence that may be shown, logged and kept: without secrets, and of a certain length."""
    return escaped(without_secrets(sentence), LONGEST_SENTENCE)


def without_secrets(text: str) -> str:
    """The text without the token, the hash's key and the hook, wherever they may have got in."""
    for secret in (_setting(key, dlt.secrets) for key in SECRETS):
        if secret and secret.strip():
            text = text.replace(secret, "***")
    return text


def keeps_personal_data() -> bool:
    """Whether what is said may quote what Drift sent."""
    return (_setting("sources.drift.personal_data") or "keep") == "keep"


def hook() -> str | None:
    """The address of the Slack channel that is told, if one is."""
    return _setting(HOOK_KEY, dlt.secrets)


def _setting(key: str, among: Any = dlt.config) -> str | None:
    """A setting of which nothing can be said while the configuration is no TOML.

    Those `among` dlt's secrets leave no trace of their values.
    """
    try:
        value: Any = among.get(key)
    except ConfigProviderException:
        return None
    return str(value) if value else None


class _Lines(logging.Handler):
    """Lines with the time for a log file; on a terminal, progress on one line that is rewritten.

    Records with `passing` set are progress: the next one makes them old.
    """

    def __init__(self) -> None:
        super().__init__()
        self._terminal = sys.stderr.isatty() if sys.stderr else False  # closed: 2>&-
        self._open = False
        self._said = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        passing = getattr(record, "passing", False)
        quiet = REDRAW_SECONDS if self._terminal and not _in_json() else QUIET_SECONDS
        if passing and time.monotonic() - self._said < quiet:
            return
        self._said = time.monotonic()
        words = presentable(record.getMessage())
        if _in_json():
            record.msg, record.args = words, ()
            _print(JSONLogFormatter().format(record))
        elif self._terminal:
            _print(f"\r\033[K{words}", end="" if passing else "\n")
            self._open = passing
        else:
            _print(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {words}")

    def cleared(self) -> str:
        """What takes progress off the terminal, if there is some."""
        was_open, self._open = self._open, False
        return "\r\033[K" if was_open else ""


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
    process.last_words = _last_words


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


def say_failure(sentence: str, code: int, failure: BaseException | None = None) -> None:
    """Says why the command failed; of a `failure` that is given, where, too."""
    _print(_last_words(sentence, code, failure))


def _last_words(sentence: str, code: int, failure: BaseException | None = None) -> str:
    trace = _trace(failure) if failure else ""
    if _in_json():
        extra = {"exit_code": code} | ({"traceback": trace} if trace else {})
        words = presentable(sentence)
        record = log.makeRecord(log.name, logging.ERROR, "", 0, words, (), None, extra=extra)
        return JSONLogFormatter().format(record)
    return _lines.cleared() + "\n".join(filter(None, [trace, sentence]))


def _trace(failure: BaseException) -> str:
    parts = traceback.format_exception(failure)
    if not keeps_personal_data():  # the places, without the words
        parts = traceback.format_tb(failure.__traceback__)
    return "\n".join(map(presentable, "".join(parts).splitlines()))


def answer(lines: Sequence[str]) -> None:
    """What the command answers, on stdout."""
    _print(_lines.cleared(), end="")
    if log.isEnabledFor(logging.INFO):  # not with --quiet
        _print("\n".join(map(escaped, lines)), file=sys.stdout)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows in columns: text to the left, numbers to the right."""
    cells = [list(names)]
    for row in rows:  # an id is a name, not an amount
        texts = [str(v) if n.endswith("_id") else cell(v) for n, v in zip(names, row, strict=True)]
        cells.append(texts)
    lines = [""] * len(cells)
    for i, column in enumerate(zip(*cells, strict=True)):
        width = max(map(len, column))
        sign = ">" if any(isinstance(row[i], int | float) for row in rows) else "<"
        lines = [f"{line}{text:{sign}{width}}  " for line, text in zip(lines, column, strict=True)]
    return [line.rstrip() for line in lines]


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
            return escaped(str(value), LONGEST_CELL)
