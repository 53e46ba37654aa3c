"""What this process sets for itself as a whole. Nothing else in the project touches these."""

import gc
import os
import sys
from pathlib import Path
from typing import NoReturn


def begin(project: Path, *, verbose: bool) -> None:
    """Sets up the process of a command, before anything large is imported."""
    # Imports leave tens of thousands of objects that stay: the collector need not look at them.
    gc.disable()
    if sys.platform == "linux":  # where Arrow has it: its first choice keeps some 70 MB more
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    if verbose:  # dlt reads its settings from the environment first
        os.environ["RUNTIME__LOG_LEVEL"] = "INFO"
    os.chdir(project)  # dlt looks for .dlt, and for files with relative paths, where it runs


def imported() -> None:
    """Turns the collector on, for what is made after the imports. To be called by long commands."""
    gc.freeze()
    gc.enable()


def leave(code: int) -> NoReturn:
    """Ends the process at once, once all is closed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking down the interpreter would cost a quarter second
