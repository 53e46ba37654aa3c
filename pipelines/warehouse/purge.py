"""What was written before stays in places that no query shows: packages, free blocks, older copies.

Where it must not, these are removed. A destination's own backups are out of reach.
"""

import shutil
from pathlib import Path

import duckdb
from dlt import Pipeline

from warehouse.destination import RAW_STAGING
from warehouse.workarounds import packages


def forget_packages(pipeline: Pipeline) -> None:
    """Removes the files of packages that dlt has loaded, and what killed runs left of theirs.

    To be called when nothing waits to be loaded.
    """
    for package in list(packages(pipeline)):
        shutil.rmtree(package) if package.is_dir() else package.unlink()


def rewrite_file(database: Path, memory: str) -> None:
    """Makes a DuckDB file anew, without dlt's staging tables and the blocks of what was deleted.

    The new file is complete before it takes the old one's place. No process may have it open. What
    does not fit into `memory` goes to disk.
    """
    aside = database.with_name(f".{database.name}.rewritten")
    for left in (aside, aside.with_name(f"{aside.name}.wal")):
        left.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute("set global memory_limit = ?", [memory]).fetchall()
        connection.execute(f'drop schema if exists "{RAW_STAGING}" cascade').fetchall()
        connection.execute("checkpoint").fetchall()
        ((name,),) = connection.execute("select current_database()").fetchall()
        path = str(aside).replace("'", "''")
        connection.execute(f"attach '{path}' as rewritten").fetchall()
        connection.execute(f'copy from database "{name}" to rewritten').fetchall()
        connection.execute("checkpoint rewritten").fetchall()
    aside.replace(database)
