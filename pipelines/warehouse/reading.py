"""The published tables, read without being in a run's way: on every destination, at any time."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dlt
import duckdb
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from warehouse.destination import RAW_DATASET, Warehouse
from warehouse.dialect import transpile
from warehouse.tables import Client, columns_of

Row = dict[str, Any]
Query = Callable[[str], list[Row]]
"""Asks in DuckDB's SQL; times come back in UTC. No rows where a table is not there yet."""


@contextmanager
def open_published(warehouse: Warehouse, snapshot: Path, folder: Path) -> Iterator[Query]:
    """Asks what analysts see: the snapshot where the destination is DuckDB, else its tables.

    Temporary files lie in `folder`, which each run makes anew.
    """
    if warehouse.file:
        with open_snapshot(snapshot, folder) as query:
            yield query
    else:
        dataset: Any = dlt.dataset(warehouse.destination, RAW_DATASET)
        with open_tables(dataset.destination_client.sql_client) as query:
            yield query


@contextmanager
def open_tables(client: Client) -> Iterator[Query]:
    """Asks the tables of a destination, by dlt's own client."""
    with client:

        def query(text: str) -> list[Row]:
            try:
                translated = transpile(client, text, columns=partial(columns_of, client))
                with client.execute_query(translated) as cursor:
                    return _rows(cursor)
            except DatabaseUndefinedRelation:
                return []

        yield query


@contextmanager
def open_snapshot(snapshot: Path, folder: Path | None = None) -> Iterator[Query]:
    """Asks the published file; nothing is there before the first run has published one."""
    if not snapshot.exists():
        yield lambda _: []
        return
    with open_file(snapshot, folder) as connection:
        connection.execute("set timezone = 'UTC'").fetchall()

        def query(text: str) -> list[Row]:
            try:
                return _rows(connection.execute(text))
            except duckdb.CatalogException:
                return []

        yield query


@contextmanager
def open_file(snapshot: Path, folder: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, opened to be read; a copy of it where somebody is writing to it."""
    try:
        connection = duckdb.connect(str(snapshot), read_only=True)
    except duckdb.IOException:
        # An analyst has it open for writing, and so for nobody else.
        if folder:
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
        where = folder if folder and os.access(folder, os.W_OK) else None  # of one who only reads
        with TemporaryDirectory(dir=where) as aside:
            copy = shutil.copyfile(snapshot, Path(aside, snapshot.name))
            with duckdb.connect(str(copy), read_only=True) as connection:
                yield connection
    else:
        with connection:
            yield connection


def _rows(cursor: Any) -> list[Row]:
    """All that a cursor has, times in UTC."""
    names = [column[0] for column in cursor.description or ()]
    return [
        {
            name: value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
            for name, value in zip(names, values, strict=True)
        }
        for values in cursor.fetchall()
    ]
