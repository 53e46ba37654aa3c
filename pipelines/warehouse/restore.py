"""The pipeline's own DuckDB file, lost or damaged: restored from what it had published.

Drift shows 30 days, so what was read before is in these files alone. A published copy holds every
raw table and dlt's state; it lacks dlt's staging tables alone.
"""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb

from warehouse.destination import RAW_DATASET
from warehouse.errors import WarehouseError
from warehouse.newer_format import connect
from warehouse.snapshot import published_copies
from warehouse.workarounds import forget_state, is_damaged

LOADS: Final = "_dlt_loads"
DAMAGED: Final = "could not be read"
EMPTY: Final = "was empty"

log = logging.getLogger(__name__)

Keys = Mapping[str, Sequence[Sequence[str]]]
"""By raw table, sets of columns: a row is known by each of them. The first table is history."""


class LostFileError(WarehouseError):
    """The pipeline's file is lost or damaged, and no published copy can take its place."""


def restore(
    database: Path, snapshot: Path, keys: Keys, working_folder: Path, *, is_rewritten: bool = False
) -> list[str]:
    """Brings back what published copies alone have. What was done, in a line, if anything.

    Of a file that is being rewritten, tables may be empty until the load that was interrupted is
    completed: their rows are not brought back then. A file that cannot be read is set aside under a
    name of its own. Where a copy takes its place, dlt's state in the working folder is forgotten,
    for the copy's. Raises `LostFileError` where none can, and `duckdb.Error` where another process
    has the file open.
    """
    history, copies, said = next(iter(keys)), published_copies(snapshot), []
    if _is_as_published(database, copies):
        return []
    if fault := file_fault(database, history):
        aside = database.with_name(f".{database.name}.restored")
        copy = next((one for one in copies if _is_whole(one, aside, history)), None)
        if not copy and (copies or fault.startswith(DAMAGED)):
            aside.unlink(missing_ok=True)
            raise LostFileError(
                f"The pipeline's own file {database} {fault}, and there is no published copy to "
                f"restore it from. To begin anew, move it and {snapshot} with its copies away."
            )
        kept = _set_aside(database) if copy or fault == EMPTY else ""
        if copy:
            aside.replace(database)
            forget_state(working_folder)
            kept = f" (kept as {kept})" if kept else ""
            said = [f"the pipeline's own file, which {fault}{kept}, from copy {copy.parent.name}"]
    if database.exists() and not is_rewritten and (rows := _add_missing(database, copies, keys)):
        said.append(f"{rows:,} rows that only published copies had")
    for line in said:
        log.warning(f"restored {line}")
    return [f"restored   {line}" for line in said]


def note_published(database: Path, snapshot: Path) -> None:
    """Notes, until the next run begins, that the file holds all that published copies do.

    No run fails for want of the note: the next one reads the file then.
    """
    with suppress(OSError):
        _note(database).write_bytes(_seen(database, published_copies(snapshot)))


def _is_as_published(database: Path, copies: Sequence[Path]) -> bool:
    """Whether nobody has touched any of these files since they were noted.

    Only then need they not be read. The note is gone once a run has begun, so that what fails that
    run is looked for at the beginning of the next.
    """
    try:
        noted = _note(database).read_bytes()
        _note(database).unlink()
    except OSError:
        return False
    return noted == _seen(database, copies)


def _note(database: Path) -> Path:
    return database.with_name(f"{database.name}.published")


def _seen(database: Path, copies: Sequence[Path]) -> bytes:
    files = [database, database.with_name(f"{database.name}.wal"), *copies]
    found = [(file.name, file.parent.name, file.stat()) for file in files if file.exists()]
    seen = [(*names, stat.st_size, stat.st_mtime_ns) for *names, stat in found]
    return json.dumps(seen).encode()


def file_fault(database: Path, history: str) -> str:
    """Why a run cannot go on from the file; nothing if it can. Every raw table is read."""
    if not database.exists():
        return "was gone"
    if not database.stat().st_size:
        return EMPTY
    try:
        with connect(database) as connection:
            tables = _raw_tables(connection)
            for table in tables.values():
                connection.execute(f"select max(hash(t)) from {table} as t").fetchall()
    except duckdb.Error as error:
        if not is_damaged(error):
            raise
        return f"{DAMAGED}: {str(error).splitlines()[0]}"
    return "" if history in tables else "held nothing"


def _is_whole(copy: Path, aside: Path, history: str) -> bool:
    """Copies it aside, and says whether a run can go on from it."""
    shutil.copyfile(copy, aside)
    return not file_fault(aside, history)


def _set_aside(database: Path) -> str:
    """Gives the file, and the log beside it, a name that nothing has yet; which."""
    number = 1
    while (kept := database.with_name(f"{database.name}.broken-{number}")).exists():
        number += 1
    for suffix in (".wal", ""):
        path = database.with_name(database.name + suffix)
        if path.exists():
            path.rename(kept.with_name(kept.name + suffix))
    return kept.name if kept.exists() else ""


def _add_missing(database: Path, copies: Sequence[Path], keys: Keys) -> int:
    """Adds the rows of all raw tables that copies alone have; how many."""
    added = 0
    with duckdb.connect(str(database)) as mine, TemporaryDirectory() as folder:
        for number, copy in enumerate(copies):
            try:
                _attach(mine, copy)
            except duckdb.Error:  # an analyst has it open for writing, and so for nobody else
                try:
                    _attach(mine, shutil.copyfile(copy, Path(folder, f"{number}.duckdb")))
                except duckdb.Error as error:
                    log.warning(f"copy {copy.parent.name} was passed over: {error}")
                    continue
            mine.begin()
            try:
                added += _add_from(mine, keys)
            except duckdb.Error as error:  # an analyst gave a column another type
                mine.rollback()
                log.warning(f"copy {copy.parent.name} was passed over: {error}")
            else:
                mine.commit()
            mine.execute("detach theirs").fetchall()
    return added


def _add_from(mine: duckdb.DuckDBPyConnection, keys: Keys) -> int:
    history = next(iter(keys))
    keys = {**keys, LOADS: [["load_id"]]}
    ours, theirs = _raw_tables(mine), _raw_tables(mine, "theirs")
    if not {history, LOADS} <= theirs.keys():
        return 0

    def unknown(table: str) -> str:
        known = [" and ".join(f"m.{c} = t.{c}" for c in columns) for columns in keys[table]]
        lacks = [f"not exists (from {ours[table]} as m where {same})" for same in known]
        return f"{theirs[table]} as t where {' and '.join(lacks)}"

    def count(rows: str) -> int:
        return int(mine.execute(f"select count(*) from {rows}").fetchall()[0][0])

    # Whoever has all loads of a copy has its rows, unless some were removed: two counts tell.
    has_fewer = count(ours[history]) < count(theirs[history])
    if not (count(unknown(LOADS)) or (has_fewer and count(unknown(history)))):
        return 0
    added = 0
    for table in sorted(theirs.keys() & keys.keys() & ours.keys()):
        both = (mine.execute(f"describe {one[table]}").fetchall() for one in (ours, theirs))
        columns, stored = ({f'"{name}"' for name, *_ in rows} for rows in both)
        names = ", ".join(columns & stored)
        insert = f"insert into {ours[table]} ({names}) select {names} from {unknown(table)}"
        ((rows,),) = mine.execute(insert).fetchall()
        added += 0 if table == LOADS else rows
    return added


def _raw_tables(connection: duckdb.DuckDBPyConnection, catalog: str = "") -> dict[str, str]:
    """Where each raw table of a file is, by its name."""
    ((current,),) = connection.execute("select current_database()").fetchall()
    rows = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = ?",
        [catalog or current, RAW_DATASET],
    ).fetchall()
    return {name: f'"{catalog or current}"."{RAW_DATASET}"."{name}"' for (name,) in rows}


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    path = str(file).replace("'", "''")
    connection.execute(f"attach '{path}' as theirs (read_only)").fetchall()
