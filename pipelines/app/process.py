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
        yield
    finally:
        _at_signal.remove(call)


def _write(sentence: str, _: int) -> None:
    os.write(2, f"{sentence}\n".encode())


last_words: Callable[[str, int], None] = _write
"""Says on stderr why the process ends, and its exit code. `console` puts its own in its place."""


def _wait_for(signals: set[signal.Signals]) -> None:
    code = 128 + signal.sigwait(signals)
    _is_ending.set()
    threading.Timer(PATIENCE_SECONDS, os._exit, [code]).start()
    for call in _at_signal[::-1]:
        with suppress(Exception):
            call(code)
    with suppress(Exception):
        last_words(INTERRUPTED, code)
    os._exit(code)


def begin(project: Path, *, verbose: bool) -> None:
    """Sets up the process of a command, before anything large is imported."""
    # Imports leave tens of thousands of objects that stay: the collector need not look at them.
    gc.disable()
    if sys.platform == "linux":  # where Arrow has it: its first choice keeps some 70 MB more
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    if verbose:  # dlt reads its settings from the environment first
        os.environ["RUNTIME__LOG_LEVEL"] = "INFO"
    # Google's client reads by REST where its faster way is not installed.
    warnings.filterwarnings("ignore", "Cannot create BigQuery Storage client")
    # What is written may hold personal data: others read it where the operator lets them alone.
    os.umask(os.umask(0o077) | 0o077)
    for name in ("stdin", "stdout", "stderr"):  # one that is closed; its number is not for files
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "w"))
    for stream in (sys.stdout, sys.stderr):  # not every terminal, or pipe, takes every letter
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    os.chdir(project)  # dlt looks for .dlt, and for files with relative paths, where it runs


def imported() -> None:
    """Turns the collector on, for what is made after the imports. To be called by long commands."""
    gc.freeze()
    gc.enable()


def leave(code: int) -> NoReturn:
    """Ends the process at once, once all is closed."""
    if _is_ending.is_set():  # by the thread that was told so
        threading.Event().wait(2 * PATIENCE_SECONDS)
    with suppress(OSError):  # nobody listens any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # taking down the interpreter would cost a quarter second
