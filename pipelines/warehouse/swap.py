"""Tables and views as a destination makes them, and how new ones take the place of the last ones.

Who reads is never kept waiting, and keeps nobody waiting: where a table has the columns that it
had, its rows are exchanged in a transaction, which readers do not notice, however long they have
been reading, and which keeps rights, views and indexes. Only a table that is new, or has other
columns, is made anew.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from warehouse import bigquery
from warehouse.dialect import sql, table_in

Client = SqlClientBase[Any]

OR_REPLACE: Final = ("bigquery", "clickhouse", "databricks", "duckdb", "snowflake")
"""Dialects that put one table into another's place in a single statement."""

COMMENT_ON: Final = ("duckdb", "postgres", "redshift", "snowflake")
"""Dialects that take `comment on`."""

LOCK_TIMEOUT: Final = "set lock_timeout = '1min'"
"""PostgreSQL waits for a lock as long as it takes; a table is made anew only while nobody reads."""


class Name(NamedTuple):
    """A table or view of a dataset."""

    dataset: str
    table: str

    def at(self, client: Client) -> exp.Table:
        """As the destination calls it."""
        return table_in(client, self.dataset, self.table)


def ensure_dataset(client: Client, dataset: str) -> None:
    """Creates a dataset, unless it is there."""
    with client.with_alternative_dataset_name(dataset):
        if not client.has_dataset():
            client.create_dataset()


def create_table(client: Client, name: Name, query: str, keys: Sequence[str] = ()) -> None:
    """Builds a table from a query, in place of the one that had its name.

    `keys` are the columns by which it is looked up: indexes, or what it is clustered by.
    """
    dialect = client.capabilities.sqlglot_dialect
    table = sql(client, name.at(client))
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


def create_view(client: Client, name: Name, query: str) -> None:
    """Makes a view of a query, in place of the one that had its name."""
    client.execute_sql(f"create or replace view {sql(client, name.at(client))} as {query}")


def rows_of(client: Client, name: Name) -> int:
    """How many rows a table has."""
    if client.capabilities.sqlglot_dialect == "bigquery":
        return int(bigquery.table_at(client, *name).num_rows)
    ((rows,),) = client.execute_sql(f"select count(*) from {sql(client, name.at(client))}") or (
        (0,),
    )
    return int(rows)


def remove_strangers(client: Client, places: Mapping[Name, bool]) -> None:
    """Removes what is in a model's place and of the other kind, and helpers that no model makes.

    `places` says of each table or view that there is to be whether it is a view. Among the tables
    of analysts only those are removed that helpers once were: the others may be the analysts' own.
    """
    for dataset in dict.fromkeys(name.dataset for name in places):
        for table, is_view in _existing(client, dataset).items():
            name = Name(dataset, table)
            wanted = places.get(name)
            helper = table.startswith(("stg_", "int_", "report_")) or table == "settings"
            if is_view != wanted and (wanted is not None or helper):
                drop(client, [name], are_views=is_view)


def drop(client: Client, names: Sequence[Name], *, are_views: bool) -> None:
    """Removes the tables or views that are there."""
    kind = "view" if are_views else "table"
    client.execute_many([f"drop {kind} if exists {sql(client, name.at(client))}" for name in names])


def swap(
    client: Client,
    aside: str,
    tables: Mapping[Name, Sequence[str]],
    views: Mapping[Name, str],
    *,
    keeps_views: bool,
) -> None:
    """Publishes tables built aside, all of them at once where the destination can.

    `tables` has, for each, the columns by which it is looked up; `views` the query of each, in the
    order in which they can be made. With `keeps_views`, views that are there stay as they are.
    Where a destination cannot roll back the creation of a table (BigQuery), tables with new columns
    change one by one before the others; where it has no transactions at all, all of them do.
    """
    capabilities = client.capabilities
    built = {name: Name(aside, name.table) for name in tables}
    columns = {name: _columns(client, built[name]) for name in tables}
    fresh = [
        name
        for name in tables
        if not has_transactions(client) or columns[name] != _columns(client, name)
    ]
    keeps_views = keeps_views and not fresh
    if capabilities.sqlglot_dialect == "postgres":
        client.execute_sql(LOCK_TIMEOUT)
    once = capabilities.supports_ddl_transactions and capabilities.sqlglot_dialect not in OR_REPLACE
    with _transaction(client, wanted=once):
        if not keeps_views:  # what a view reads cannot be made anew beneath it
            drop(client, list(views)[::-1], are_views=True)
        for name in fresh:
            query = f"select * from {sql(client, built[name].at(client))}"
            create_table(client, name, query, tables[name])
        filled: list[str] = []
        for name in tables.keys() - set(fresh):
            names = ", ".join(_quoted(client, column) for column, _ in columns[name] or ())
            table = sql(client, name.at(client))
            rows = f"select {names} from {sql(client, built[name].at(client))}"
            filled += f"delete from {table} where true", f"insert into {table} ({names}) {rows}"
        with _transaction(client, wanted=not once and has_transactions(client)):
            client.execute_many(filled)
        if not keeps_views:
            for name, query in views.items():
                create_view(client, name, query)
    drop(client, [Name(aside, name.table) for name in reversed(list(views))], are_views=True)
    drop(client, list(built.values()), are_views=False)


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
            at = sql(client, Name(client.dataset_name, name).at(client))
            index = _quoted(client, f"{name}_key")
            names = ", ".join(_quoted(client, key) for key in keys)
            client.execute_sql(f"create index if not exists {index} on {at} ({names})")


def comment(
    client: Client, name: Name, description: str, columns: Mapping[str, str], is_view: bool
) -> None:
    """Writes what a table and its columns hold to the destination, where it takes comments."""
    if client.capabilities.sqlglot_dialect == "bigquery":
        table = bigquery.table_at(client, *name)
        bigquery.describe(client, table, description, columns)
        return
    if client.capabilities.sqlglot_dialect not in COMMENT_ON:
        return
    if is_view and isinstance(client, DuckLakeSqlClient):
        columns = {}  # DuckLake 1.5 has comments on views, and none on their columns
    table = sql(client, name.at(client))
    comments = {f"{'view' if is_view else 'table'} {table}": description}
    comments |= {
        f"column {table}.{_quoted(client, column)}": text for column, text in columns.items()
    }
    client.execute_many(
        [f"comment on {what} is {_literal(client, text)}" for what, text in comments.items()]
    )


def columns_of(client: Client, table: exp.Table) -> list[str]:
    """The names of a table's columns, in their order; none where there is no such table."""
    return [name for name, _ in _described(client, table) or ()]


def has_transactions(client: Client) -> bool:
    """Whether several tables can change at once. dlt says nothing where they can."""
    return client.capabilities.supports_transactions is not False


def _columns(client: Client, name: Name) -> list[tuple[str, str]] | None:
    return _described(client, name.at(client))


def _described(client: Client, table: exp.Table) -> list[tuple[str, str]] | None:
    """Names and types, as the destination's driver tells them; nothing where there is no table."""
    if client.capabilities.sqlglot_dialect == "bigquery":
        there = bigquery.table_at(client, table.db, table.name)
        return there and [(field.name, field.field_type) for field in there.schema]
    bare = exp.Table(this=table.this, db=table.args.get("db"), catalog=table.args.get("catalog"))
    try:
        with client.execute_query(f"select * from {sql(client, bare)} where 1 = 0") as cursor:
            found = [(str(column[0]), str(column[1])) for column in cursor.description or ()]
            cursor.fetchall()
    except DatabaseUndefinedRelation:
        return None
    return found


def _existing(client: Client, dataset: str) -> dict[str, bool]:
    """The tables of a dataset, and whether each is a view, where the destination tells simply."""
    dialect = client.capabilities.sqlglot_dialect
    if dialect not in ("duckdb", "postgres"):
        return {}
    rows = client.execute_sql(
        "select table_name, table_type from information_schema.tables"
        f" where table_schema = '{dataset}' and table_catalog = current_database()"
    )
    return {str(name): kind == "VIEW" for name, kind in rows or ()}


def _transaction(client: Client, *, wanted: bool) -> AbstractContextManager[Any]:
    return client.begin_transaction() if wanted else nullcontext()


def _quoted(client: Client, column: str) -> str:
    return sql(client, exp.to_identifier(column, quoted=True))


def _literal(client: Client, text: str) -> str:
    return sql(client, exp.Literal.string(text))
