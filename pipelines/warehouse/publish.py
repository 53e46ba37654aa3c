"""From raw tables to what people read: made and checked out of sight, then published at once.

A DuckDB file is the pipeline's own: a copy of it gets the models, and becomes the published file.
In DuckLake and in MotherDuck all of it is one transaction. Elsewhere tables are made aside, and
then their rows are exchanged. So readers see the last good run's tables or this run's, and what
a check objects to is discarded.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import dlt
import duckdb
from dlt import Pipeline
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from warehouse.build import Built, Project, describe_models, make, naming, query_of
from warehouse.comments import Target, describe, raw_words
from warehouse.destination import RAW_DATASET, RAW_STAGING, limit
from warehouse.models import DATASET, INTERNAL
from warehouse.tables import (
    OR_REPLACE,
    Client,
    Name,
    create_table,
    create_view,
    described,
    drop,
    drop_views,
    ensure_dataset,
    has_transactions,
    index_keys,
    views_among,
)

ASIDE: Final[Mapping[str, str]] = {DATASET: f"{DATASET}_next", INTERNAL: f"{INTERNAL}_next"}
"""Where tables are made that take the place of others once they are checked."""

MOST_UNWRITTEN: Final = 64 * 2**20
"""Bytes of a copy's new tables that DuckDB may hold in memory, uncompressed."""

LOCK_TIMEOUT: Final = "set lock_timeout = '1min'"
"""PostgreSQL waits for a lock as long as it takes; a table is made anew only while nobody reads."""


def publish_tables(pipeline: Pipeline, project: Project) -> Built:
    """Makes and checks the models over what is loaded, and publishes them if no check objects.

    Raises `ModelsError`, and leaves what is published as it was.
    """
    words = raw_words(pipeline)
    with pipeline.sql_client() as client:
        if client.capabilities.sqlglot_dialect == "duckdb":
            return _by_transaction(client, project, words)
        with naming("The tables could not be built"):
            for schema in pipeline.schemas.values():
                index_keys(client, schema)
        describe(client, RAW_DATASET, words)
        return _by_exchange(client, project)


def build_copy(pipeline: Pipeline, copy: Path, project: Project, memory: str) -> Built:
    """The same for a copy of the pipeline's DuckDB file, which nobody may have open.

    `memory` is the most that DuckDB holds in memory meanwhile.
    """
    with duckdb.connect(str(copy)) as connection:
        limit(connection, memory)
        connection.execute(f"drop schema if exists {RAW_STAGING} cascade").fetchall()
        with client_of(connection) as client:
            written = partial(_write_out, client)
            built = _by_transaction(client, project, raw_words(pipeline), written)
        connection.execute("checkpoint").fetchall()
    return built


def _write_out(client: Client) -> None:
    """Commits what a copy has got, and writes it to the file, where it takes much memory.

    A commit for each table would write most of them twice: to the log, and to the file.
    """
    held = "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"
    if client.execute_sql(f"select 1 where ({held}) > {MOST_UNWRITTEN}"):
        for statement in ("commit", "checkpoint", "begin transaction"):
            client.execute_sql(statement)


@contextmanager
def client_of(connection: duckdb.DuckDBPyConnection) -> Iterator[Client]:
    """dlt's client for a DuckDB file that is open."""
    # dlt.dataset() gives the same; it would resolve the configuration and make a schema.
    credentials = DuckDbCredentials(connection)
    credentials.resolve()
    capabilities = dlt.destinations.duckdb(credentials).capabilities()
    with DuckDbSqlClient(RAW_DATASET, RAW_STAGING, credentials, capabilities) as client:
        yield client


def _by_transaction(
    client: Client,
    project: Project,
    words: Mapping[Target, str],
    after_each: Callable[[], None] | None = None,
) -> Built:
    with client.begin_transaction():
        with naming("The tables could not be built"):
            drop_views(client, project.places, views_among(client, project.places))
        built = make(client, project, after_each=after_each)
        describe(client, RAW_DATASET, words)
        describe_models(client, project.models)
    return built


def _by_exchange(client: Client, project: Project) -> Built:
    """Who reads is never kept waiting, and keeps nobody waiting.

    Where a table has the columns that it had, its rows are exchanged in a transaction, which
    readers do not notice, and which keeps rights, views and indexes. Only a table that is new, or
    has other columns, is made anew, and so is a view that says something else than before.
    """
    with naming("The tables could not be built"):
        for dataset in (*ASIDE, *ASIDE.values()):
            ensure_dataset(client, dataset)
        for dataset in ASIDE.values():
            _remove_leftovers(client, dataset)
    built = make(client, project, ASIDE)
    with naming("The tables could not be published"):
        _exchange(client, project)
        describe_models(client, project.models)
        _drop_aside(client, project)
    return built


def _exchange(client: Client, project: Project) -> None:
    """Publishes what was made aside, all of it at once where the destination can.

    Where a destination cannot roll back the creation of a table (BigQuery), tables with new columns
    change one by one before the others; where it has no transactions at all, all of them do.
    """
    capabilities = client.capabilities
    keys = {Name(model.dataset, model.name): model.keys for model in project.models}
    views = {Name(m.dataset, m.name): query_of(client, m) for m in project.models if m.is_view}
    tables = [name for name, is_view in project.places.items() if not is_view]
    columns = {name: described(client, _aside(name).at(client)) for name in tables}
    there = views_among(client, project.places)
    fresh = [
        name
        for name in tables
        if not has_transactions(client)
        or there.get(name)
        or columns[name] != described(client, name.at(client))
    ]
    keeps_views = not fresh and _has_same_views(client)
    if capabilities.sqlglot_dialect == "postgres":
        client.execute_sql(LOCK_TIMEOUT)
    once = capabilities.supports_ddl_transactions and capabilities.sqlglot_dialect not in OR_REPLACE
    with _transaction(client, wanted=once):
        if not keeps_views:  # what a view reads cannot be made anew beneath it
            drop_views(client, project.places, there)
        for name in fresh:
            query = f"select * from {_aside(name).sql(client)}"
            create_table(client, name, query, keys.get(name, ()))
        filled: list[str] = []
        for name in tables:
            if name not in fresh:
                names = ", ".join(client.escape_column_name(c) for c, _ in columns[name] or ())
                rows = f"select {names} from {_aside(name).sql(client)}"
                table = name.sql(client)
                filled += f"delete from {table} where true", f"insert into {table} ({names}) {rows}"
        with _transaction(client, wanted=not once and has_transactions(client)):
            client.execute_many(filled)
        if not keeps_views:
            for name, query in views.items():
                create_view(client, name, query)


def _has_same_views(client: Client) -> bool:
    """Whether the published views say what those made aside do; only PostgreSQL tells."""
    if client.capabilities.sqlglot_dialect != "postgres":
        return False
    listed = ", ".join(f"'{dataset}'" for dataset in (*ASIDE, *ASIDE.values()))
    changed = client.execute_sql(
        "select table_name, replace(view_definition, '_next', '') from information_schema.views"
        f" where table_schema in ({listed}) group by 1, 2 having count(*) <> 2"
    )
    return not changed


def _aside(name: Name) -> Name:
    return Name(ASIDE[name.dataset], name.table)


def _remove_leftovers(client: Client, dataset: str) -> None:
    """Removes what a killed run left in a dataset, where that could be in the way."""
    if client.capabilities.sqlglot_dialect in OR_REPLACE:
        return
    rows = client.execute_sql(
        "select table_name, table_type from information_schema.tables"
        f" where table_schema = '{dataset}'"
    )
    for table, kind in rows or ():
        what = "view" if kind == "VIEW" else "table"
        name = Name(dataset, str(table)).sql(client)
        client.execute_sql(f"drop {what} if exists {name} cascade")


def _drop_aside(client: Client, project: Project) -> None:
    for are_views in (True, False):
        names = [_aside(n) for n, is_view in project.places.items() if is_view == are_views]
        drop(client, names[::-1], are_views=are_views)


def _transaction(client: Client, *, wanted: bool) -> AbstractContextManager[Any]:
    return client.begin_transaction() if wanted else nullcontext()
