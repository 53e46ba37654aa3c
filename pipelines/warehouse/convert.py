"""Writes a DuckDB file anew, in the format that every DuckDB since 1.0 reads; keeps the old one.

uv run --isolated --no-project --with 'duckdb>=2' python pipelines/warehouse/convert.py FILE

It needs DuckDB alone, the one that wrote the file or a newer one. Run by hand, or by the pipeline
(see `newer_format`).
"""

import os
import sys
from pathlib import Path

import duckdb

STORAGE = "v1.0.0"
TABLES = """
    select schema_name, table_name from duckdb_tables() where database_name = ? order by all
"""


def convert(database: Path) -> str:
    """Puts an equal file of the older format in the file's place; says what was done.

    The new file is complete, and its tables have been counted against the old one's, before it
    takes the old one's place in one step. Raises `duckdb.Error`, and leaves the old file as it was.
    """
    aside = database.with_name(f".{database.name}.converted")
    for left in (aside, aside.with_name(f"{aside.name}.wal")):
        left.unlink(missing_ok=True)
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {_text(database)} as old").fetchall()
        connection.execute("checkpoint old").fetchall()  # nothing is left in a log beside it
        connection.execute(f"attach {_text(aside)} as new (storage_version '{STORAGE}')").fetchall()
        connection.execute("copy from database old to new").fetchall()
        rows = _rows(connection, "old")
        if rows != _rows(connection, "new"):
            raise duckdb.DataError("the converted file has other rows than the old one")
        connection.execute("checkpoint new").fetchall()
        connection.execute("detach new").fetchall()
        connection.execute("detach old").fetchall()
    kept = _free(database)
    os.link(database, kept)
    aside.replace(database)
    return (
        f"{database.name} was in the format of a newer DuckDB: made anew with all of its "
        f"{len(rows)} tables and {sum(rows.values()):,} rows; the old file is kept as {kept.name}"
    )


def _rows(connection: duckdb.DuckDBPyConnection, database: str) -> dict[tuple[str, str], int]:
    counted = {}
    for schema, table in connection.execute(TABLES, [database]).fetchall():
        query = f'select count(*) from {database}."{schema}"."{table}"'
        ((rows,),) = connection.execute(query).fetchall()
        counted[schema, table] = int(rows)
    return counted


def _free(database: Path) -> Path:
    """A name beside the file that nothing has yet."""
    number = 1
    while (kept := database.with_name(f"{database.name}.newer-{number}")).exists():
        number += 1
    return kept


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


if __name__ == "__main__":
    print(convert(Path(sys.argv[1]).resolve()))
