"""Tables as a destination makes them, and how those built aside take the place of the last ones.

Who reads is never kept waiting, and keeps nobody waiting: where a table has the columns that it
had, its rows are exchanged in a transaction, which readers do not notice, however long they have
been reading, and which keeps rights, views and indexes. Only a table that is new, or has other
columns, is made anew.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from dialect import sql, table_in

Client = SqlClientBase[Any]

OR_REPLACE: Final = ("bigquery", "clickhouse", "databricks", "snowflake")
"""Dialects that put one table into another's place in a single statement."""

COMMENT_ON: Final = ("duckdb", "postgres", "redshift", "snowflake")
"""Dialects that take `comment on`."""

LOCK_TIMEOUT: Final = "set lock_timeout = '1min'"
"""PostgreSQL waits for a lock as long as it takes; a table is made anew only while nobody reads."""


def ensure_dataset(client: Client, dataset: str) -> None:
    """Creates a dataset, unless it is there."""
    with client.with_alternative_dataset_name(dataset):
        if not client.has_dataset():
            client.create_dataset()


def create(client: Client, dataset: str, name: str, query: str, keys: Sequence[str] = ()) -> int:
    """Builds a table from a query, in place of what had its name; the number of its rows.

    `keys` are the columns by which it is looked up: indexes, or what it is clustered by.
    """
    dialect = client.capabilities.sqlglot_dialect
    table = _name(client, dataset, name)
    columns = [_quoted(client, key) for key in keys]
    if dialect in OR_REPLACE:
        clustered = f" cluster by {', '.join(columns)}" if columns and dialect == "bigquery" else ""
        client.execute_sql(f"create or replace table {table}{clustered} as {query}")
    else:
        client.execute_sql(f"drop table if exists {table}")
        client.execute_sql(f"create table {table} as {query}")
    if dialect == "postgres":
        for column in columns:
            client.execute_sql(f"create index on {table} ({column})")
        client.execute_sql(f"analyze {table}")  # what the next model is planned by
    ((rows,),) = client.execute_sql(f"select count(*) from {table}") or ((0,),)
    return int(rows)


def promote(client: Client, aside: str, dataset: str, keys: Mapping[str, Sequence[str]]) -> None:
    """Publishes tables built aside, all of them at once where the destination can.

    `keys` has, for each table, the columns by which it is looked up. Where a destination cannot
    roll back the creation of a table (BigQuery), tables with new columns change one by one before
    the others; where it has no transactions at all, all of them do.
    """
    capabilities = client.capabilities
    columns = {name: _columns(client, aside, name) for name in keys}
    fresh = [
        name
        for name in keys
        if not has_transactions(client) or columns[name] != _columns(client, dataset, name)
    ]
    if capabilities.sqlglot_dialect == "postgres":
        client.execute_sql(LOCK_TIMEOUT)
    once = capabilities.supports_ddl_transactions and capabilities.sqlglot_dialect not in OR_REPLACE
    with _transaction(client, wanted=once):
        for name in fresh:
            query = f"select * from {_name(client, aside, name)}"
            create(client, dataset, name, query, keys[name])
        with _transaction(client, wanted=not once and has_transactions(client)):
            for name in keys.keys() - set(fresh):
                names = ", ".join(_quoted(client, column) for column, _ in columns[name] or ())
                table = _name(client, dataset, name)
                rows = f"select {names} from {_name(client, aside, name)}"
                client.execute_sql(f"delete from {table} where true")
                client.execute_sql(f"insert into {table} ({names}) {rows}")
    for name in keys:
        client.execute_sql(f"drop table {_name(client, aside, name)}")


def index_keys(client: Client, schema: Schema) -> None:
    """Indexes the raw tables by their keys, where the destination finds rows by indexes.

    dlt keeps a key as a hint, and makes no index of it.
    """
    if client.capabilities.sqlglot_dialect != "postgres":
        return
    for name, table in schema.tables.items():
        columns = table["columns"]
        keys = [key for key in columns if columns[key].get("primary_key")]
        if keys and "data_type" in columns[keys[0]]:
            index, place = _quoted(client, f"{name}_key"), _name(client, client.dataset_name, name)
            names = ", ".join(_quoted(client, key) for key in keys)
            client.execute_sql(f"create index if not exists {index} on {place} ({names})")


def comment(
    client: Client, dataset: str, name: str, description: str, columns: Mapping[str, str]
) -> None:
    """Writes what a table and its columns hold to the destination, where it takes comments."""
    if client.capabilities.sqlglot_dialect not in COMMENT_ON:
        return
    table = _name(client, dataset, name)
    comments = {f"table {table}": description}
    comments |= {
        f"column {table}.{_quoted(client, column)}": text for column, text in columns.items()
    }
    client.execute_many(
        [f"comment on {what} is {_literal(client, text)}" for what, text in comments.items()]
    )


def _columns(client: Client, dataset: str, name: str) -> list[tuple[str, str]] | None:
    """Names and types, as the destination's driver tells them; nothing where there is no table."""
    try:
        with client.execute_query(
            f"select * from {_name(client, dataset, name)} where 1 = 0"
        ) as cursor:
            found = [(str(column[0]), str(column[1])) for column in cursor.description or ()]
            cursor.fetchall()
    except DatabaseUndefinedRelation:
        return None
    return found


def has_transactions(client: Client) -> bool:
    """Whether several tables can change at once. dlt says nothing where they can."""
    return client.capabilities.supports_transactions is not False


def _transaction(client: Client, *, wanted: bool) -> AbstractContextManager[Any]:
    return client.begin_transaction() if wanted else nullcontext()


def _name(client: Client, dataset: str, name: str) -> str:
    return sql(client, table_in(client, dataset, name))


def _quoted(client: Client, column: str) -> str:
    return sql(client, exp.to_identifier(column, quoted=True))


def _literal(client: Client, text: str) -> str:
    return sql(client, exp.Literal.string(text))
