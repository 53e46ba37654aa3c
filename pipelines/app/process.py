"""What this process sets for itself as a whole. Nothing else in the project touches these."""

import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final, NoReturn

INTERRUPTED: Final = "Interrupted: nothing is lost, the next run goes on from here."
PATIENCE_SECONDS: Final = 5.0
"""How long a process that was told to end takes to say so, at most."""

_at_signal: list[Callable[[int], None]] = []
_is_ending = threading.Event()


def heed_signals() -> None:
    """Has SIGINT and SIGTERM end the process in one line, whatever it is at, with 130 or 143.

    A thread waits for them. Handlers would run in the main thread: late, in the place of dlt's own,
    and what they raise is caught, wrapped or printed by whoever is under way. The next run goes on
    from here as it does after a kill.
    """
    if hasattr(signal, "pthread_sigmask"):
        signals = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        threading.Thread(target=_wait_for, args=(signals,), daemon=True).start()


@contextmanager
def at_signal(call: Callable[[int], None]) -> Iterator[None]:
    """What else is to be done, in here, before a signal ends the process; given the exit code."""
    _at_signal.append(call)
    try:
        _await_end_if_ending()  # it may no longer ask who is to be called
        yield
    finally:
        _at_signal.remove(call)


def _plain(sentence: str, _: int) -> str:
    return sentence


last_words: Callable[[str, int], str] = _plain
"""What is said of why the process ends, given its exit code. `console` has words of its own."""


def _wait_for(signals: set[signal.Signals]) -> None:
    code = 128 + signal.sigwait(signals)
    threading.Timer(PATIENCE_SECONDS, _end, [code]).start()
    _is_ending.set()
    for call in _at_signal[::-1]:
        with suppress(Exception):
            call(code)
    try:
        _end(code, last_words(INTERRUPTED, code))
    except Exception:  # noqa: BLE001 - the settings that it reads are being read elsewhere
        _end(code)


def _end(code: int, words: str = INTERRUPTED) -> NoReturn:
    """Ends the process. `sys.stderr` may be another one for now: dlt redirects it at its start."""
    with suppress(OSError):  # nobody listens any more
        os.write(2, f"{words}\n".encode(errors="backslashreplace"))
    os._exit(code)


def _await_end_if_ending() -> None:
    """Does not return where another thread was told to end the process."""
    if _is_ending.is_set():
        threading.Event().wait()


def begin(project: Path, *, verbose: bool) -> None:
    """Sets up the process of a command, before anything large is imported."""
    gc.disable()  # imports leave tens of thousands of objects that stay: see `imported`
    if verbose:  # dlt reads its settings from the environment first
        os.environ["RUNTIME__LOG_LEVEL"] = "INFO"
    # Google's client reads by REST where its faster way is not installed.
    warnings.filterwarnings("ignore", "Cannot create BigQuery Storage client")
    os.umask(0o077)  # what is written may hold personal data
    for stream in (sys.stdout, sys.stderr):  # not every terminal, or pipe, takes every letter
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    os.chdir(project)  # dlt looks for .dlt, and for files with relative paths, where it runs


def imported() -> None:
    """Turns the collector on, for what is made after the imports. To be called by long commands."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # a page is some 20,000 objects, none of them in a circle
    gc.enable()


def leave(code: int) -> NoReturn:
    """Ends the process at once, once all is closed: the interpreter would take 0.25 s to end."""
    _await_end_if_ending()
    with suppress(OSError):  # nobody listens any more
        print(end="", flush=True)
    os._exit(code)
