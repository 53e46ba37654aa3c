"""A DuckDB file in the format of a newer DuckDB, which the one that is installed cannot read.

An earlier version of the project ran on DuckDB 2. What such a file holds can be read from nowhere
else, since Drift shows 30 days, so it is converted by the newer DuckDB, which is brought for that
alone and not installed: `convert.py` does it, here or by hand.
"""

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb

from warehouse.errors import WarehouseError
from warehouse.workarounds import is_newer_format

log = logging.getLogger(__name__)

NEWER: Final = "duckdb>=2"
CONVERT: Final = Path(__file__).with_name("convert.py")


class NewerFormatError(WarehouseError):
    """The file cannot be read by this DuckDB, nor converted here; the message says what to do."""


def connect(database: Path) -> duckdb.DuckDBPyConnection:
    """Opens the file for writing; one in the format of a newer DuckDB is converted first.

    The newer file is kept beside it. Raises `NewerFormatError` where it cannot be converted here,
    and leaves it as it was then.
    """
    try:
        return duckdb.connect(str(database))
    except duckdb.IOException as error:
        if not is_newer_format(error):
            raise
    if not (said := _convert(database)):
        raise NewerFormatError(
            f"{database} is in the format of a newer DuckDB, which DuckDB {duckdb.__version__} "
            "cannot read, and it could not be converted here. Nothing is lost: convert it with "
            f"uv run --isolated --no-project --with '{NEWER}' python {CONVERT} {database}"
        )
    log.warning(said)
    return duckdb.connect(str(database))


def _convert(database: Path) -> str:
    """Converts the file by a DuckDB that is brought for it. What was done; nothing if it failed."""
    with TemporaryDirectory() as brought:
        for installer in _installers():
            done = subprocess.run(  # noqa: S603 - a command of this module's own
                [*installer, "--quiet", "--target", brought, NEWER],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                log.warning(f"{NEWER} could not be fetched: {done.stderr.strip()[-200:]}")
                continue
            done = subprocess.run(  # noqa: S603 - a command of this module's own
                [sys.executable, str(CONVERT), str(database)],
                env=os.environ | {"PYTHONPATH": brought},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return done.stdout.strip()
            log.warning(f"converting failed: {done.stderr.strip()[-200:]}")
    return ""


def _installers() -> list[list[str]]:
    """What can fetch a package into a folder, of what is there."""
    uv = shutil.which("uv")
    found = [[uv, "pip", "install", "--python", sys.executable]] if uv else []
    if importlib.util.find_spec("pip"):
        found.append([sys.executable, "-m", "pip", "install", "--no-deps"])
    return found
