"""The published tables, read without being in a run's way: on every destination, at any time."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from warehouse.destination import duckdb_file, open_warehouse
from warehouse.dialect import transpile
from warehouse.newer_format import NewerFormatError
from warehouse.swap import columns_of
from warehouse.workarounds import is_damaged, is_newer_format

Row = dict[str, Any]
Query = Callable[[str], list[Row]]
"""Asks in DuckDB's SQL; times come back in UTC. No rows where a table is not there yet."""


@contextmanager
def open_published(default_database: Path, snapshot: Path) -> Iterator[Query]:
    """Asks what analysts see: the snapshot where the destination is DuckDB, else its tables.

    DuckDB's own file is the writer's alone, and so are dlt's working files on each destination.
    """
    with TemporaryDirectory() as aside:
        pipeline = open_warehouse(default_database, Path(aside))
        if duckdb_file(pipeline):
            with open_snapshot(snapshot) as query:
                yield query
        else:
            with open_tables(pipeline) as query:
                yield query


def file_trouble(default_database: Path) -> str | None:
    """What is wrong with the file that the pipeline writes, if its destination is DuckDB.

    Nothing where that cannot be seen. To be called while no run is under way.
    """
    with TemporaryDirectory() as aside:
        database = duckdb_file(open_warehouse(default_database, Path(aside)))
    try:
        if database is None or not database.parent.exists():  # another machine's, perhaps
            return None
        if not database.exists():
            return f"{database} is gone"
        with duckdb.connect(str(database), read_only=True):
            return None
    except duckdb.Error as error:
        return f"{database} cannot be read" if is_damaged(error) else None
    except OSError:
        return None


@contextmanager
def open_tables(pipeline: Pipeline) -> Iterator[Query]:
    """Asks the tables of the pipeline's destination, by dlt's own client."""
    with pipeline.sql_client() as client:

        def query(text: str) -> list[Row]:
            try:
                translated = transpile(client, text, columns=partial(columns_of, client))
                with client.execute_query(translated) as cursor:
                    names = [column[0] for column in cursor.description or ()]
                    return [_row(names, values) for values in cursor.fetchall()]
            except DatabaseUndefinedRelation:
                return []

        yield query


@contextmanager
def open_snapshot(snapshot: Path) -> Iterator[Query]:
    """Asks the published file; nothing is there before the first run has published one."""
    if not snapshot.exists():
        yield lambda _: []
        return
    with TemporaryDirectory() as aside, _connect(snapshot, Path(aside)) as connection:
        connection.execute("set timezone = 'UTC'").fetchall()

        def query(text: str) -> list[Row]:
            try:
                cursor = connection.execute(text)
                names = [column[0] for column in cursor.description or ()]
                return [_row(names, values) for values in cursor.fetchall()]
            except duckdb.CatalogException:
                return []

        yield query


def _connect(snapshot: Path, aside: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(snapshot), read_only=True)
    except duckdb.IOException as error:
        if is_newer_format(error):
            raise NewerFormatError(
                f"{snapshot.name} was published by a newer DuckDB: the next run publishes it anew."
            ) from error
        # An analyst has it open for writing, and so for nobody else.
        return duckdb.connect(shutil.copyfile(snapshot, aside / snapshot.name), read_only=True)


def _row(names: list[str], values: tuple[Any, ...]) -> Row:
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
        for name, value in zip(names, values, strict=True)
    }
