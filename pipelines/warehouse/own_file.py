"""The pipeline's own DuckDB file, which holds the raw tables, and what takes a lost one's place.

Drift shows 30 days, so what was read before is in this file and in the published copies alone.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from warehouse.copies import published_copies, was_published
from warehouse.destination import RAW_DATASET, RAW_STAGING
from warehouse.errors import WarehouseError
from warehouse.models import DATASET, INTERNAL

log = logging.getLogger(__name__)

HEADER_BYTES: Final = 3 * 4096
"""What stands before the blocks of a DuckDB file."""

NOT_ITS_FAULT: Final = (
    "set lock",
    "Permission denied",
    "No space left",
    "has been invalidated",
    "Out of Memory",
)
"""Words of DuckDB's for what says nothing of the file itself: it has no errors of their own."""


GONE: Final = "was gone"
EMPTY: Final = "held nothing"


class LostFileError(WarehouseError):
    """The pipeline's file is lost or cannot be read."""


def bring_back(database: Path, snapshot: Path, folder: Path) -> list[str]:
    """Puts the newest published copy in the place of a file that is lost, or cannot be read.

    The copy is prepared in `folder`. What was done, in a line, if anything; a file that cannot be
    read is kept beside it. Raises `LostFileError` where there is no such copy, though one was
    published, and `duckdb.Error` where the file is locked.
    """
    fault = file_fault(database)
    copies = published_copies(snapshot)  # they may be there where the link is gone
    if not fault or (fault in (GONE, EMPTY) and not (copies or was_published(snapshot))):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    for copy in copies:
        aside = Path(shutil.copyfile(copy, folder / database.name))
        if file_fault(aside, reads_all=True):
            continue
        with duckdb.connect(str(aside)) as connection:
            for dataset in (DATASET, INTERNAL):
                connection.execute(f"drop schema if exists {dataset} cascade").fetchall()
            connection.execute("checkpoint").fetchall()
        kept = f" (kept as {kept.name})" if (kept := set_aside(database)) else ""
        aside.replace(database)
        line = f"the pipeline's own file, which {fault}{kept}, from copy {copy.parent.name}"
        log.warning(f"restored {line}")
        return [f"restored   {line}"]
    raise LostFileError(
        f"The pipeline's own file {database} {fault}, and there is no published copy to restore it "
        f"from. To begin anew, move it and {snapshot} with its copies away."
    )


def file_fault(database: Path, *, reads_all: bool = False) -> str:
    """Why a run cannot go on from the file; nothing if it can. A look changes nothing: a log that
    lies beside the file is read with it, and stays.

    With `reads_all`, every raw table is read, and so it is where the file is shorter than it says.
    """
    if not database.exists():
        return GONE
    if database.stat().st_size == 0:  # whoever made it was killed
        return EMPTY
    try:
        # A run that failed may have it open for writing; DuckDB then opens it in no other way.
        with duckdb.connect(str(database), read_only=not reads_all) as connection:
            tables = connection.execute(
                "select table_name from duckdb_tables()"
                f" where database_name = current_database() and schema_name = '{RAW_DATASET}'"
            ).fetchall()
            size = "select block_size * total_blocks from pragma_database_size()"
            ((blocks,),) = connection.execute(size).fetchall()
            # Blocks are missing at its end: a full disk leaves out free ones, which nobody misses.
            reads_all |= database.stat().st_size < HEADER_BYTES + blocks
            for (table,) in tables if reads_all else ():
                query = f'select max(hash(t)) from {RAW_DATASET}."{table}" as t'
                connection.execute(query).fetchall()
    except duckdb.Error as error:
        if any(words in str(error) for words in NOT_ITS_FAULT):
            raise
        return f"could not be read ({str(error).splitlines()[0]})"
    return "" if tables else EMPTY


@contextmanager
def watched(database: Path) -> Iterator[None]:
    """Looks whether the file can be read to its end where a command that uses it fails.

    If not, sets it aside, so that the next run brings back a copy, and raises `LostFileError`.
    """
    try:
        yield
    except Exception as failure:
        try:
            fault = file_fault(database, reads_all=True)
        except duckdb.Error:
            fault = ""
        if fault in ("", GONE, EMPTY):
            raise
        set_aside(database)
        raise LostFileError(
            f"The pipeline's own file {database} could not be read (kept as {database.name}.broken)"
            ": the next run goes on from the newest published copy."
        ) from failure


def set_aside(database: Path) -> Path | None:
    """Gives the file, and the log beside it, a name beside it; nothing where it is not there."""
    kept = database.with_name(f"{database.name}.broken")
    for suffix in (".wal", ""):
        path = database.with_name(database.name + suffix)
        if path.exists():
            path.replace(kept.with_name(kept.name + suffix))
    return kept if kept.exists() else None


def rewrite_file(database: Path, folder: Path, memory: str) -> None:
    """Makes the file anew, without the blocks of what was deleted; removes one that was set aside.

    The new file is complete before it takes the old one's place. No process may have it open. It is
    made in `folder`; what does not fit into `memory` goes to disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / database.name
    aside.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"set global memory_limit = '{memory}'").fetchall()
        connection.execute(f"drop schema if exists {RAW_STAGING} cascade").fetchall()
        ((name,),) = connection.execute("select current_database()").fetchall()
        name_of_aside = str(aside).replace("'", "''")
        connection.execute(f"attach '{name_of_aside}' as rewritten").fetchall()
        connection.execute(f'copy from database "{name}" to rewritten').fetchall()
        connection.execute("checkpoint rewritten").fetchall()
    aside.replace(database)
    kept = database.with_name(f"{database.name}.broken")
    kept.unlink(missing_ok=True)
    kept.with_name(f"{kept.name}.wal").unlink(missing_ok=True)
