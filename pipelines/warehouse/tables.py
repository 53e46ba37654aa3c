"""Tables and views as a destination makes them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from warehouse import bigquery
from warehouse.dialect import sql, table_in

Client = SqlClientBase[Any]

OR_REPLACE: Final = ("bigquery", "clickhouse", "databricks", "duckdb", "snowflake")
"""Dialects that put one table into another's place in a single statement."""


class Name(NamedTuple):
    """A table or view of a dataset."""

    dataset: str
    table: str

    def at(self, client: Client) -> exp.Table:
        """As the destination calls it."""
        return table_in(client, self.dataset, self.table)

    def sql(self, client: Client) -> str:
        """The same in a statement."""
        with client.with_alternative_dataset_name(self.dataset):
            return client.make_qualified_table_name(self.table)


def ensure_dataset(client: Client, dataset: str) -> None:
    """Creates a dataset, unless it is there."""
    with client.with_alternative_dataset_name(dataset):
        if not client.has_dataset():
            client.create_dataset()


def create_table(client: Client, name: Name, query: str, keys: Sequence[str] = ()) -> None:
    """Builds a table from a query, in place of the one that had its name.

    `keys` are the columns by which it is looked up: indexes, or what it is clustered by.
    """
    dialect, table = client.capabilities.sqlglot_dialect, name.sql(client)
    columns = [*map(client.escape_column_name, keys)]
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
    client.execute_sql(f"create or replace view {name.sql(client)} as {query}")


def rows_of(client: Client, name: Name) -> int:
    """How many rows a table has."""
    if client.capabilities.sqlglot_dialect == "bigquery":
        return int(bigquery.table_at(client, *name).num_rows)
    ((rows,),) = client.execute_sql(f"select count(*) from {name.sql(client)}") or ((0,),)
    return int(rows)


def drop(client: Client, names: Sequence[Name], *, are_views: bool) -> None:
    """Removes the tables or views that are there."""
    kind = "view" if are_views else "table"
    client.execute_many([f"drop {kind} if exists {name.sql(client)}" for name in names])


def views_among(client: Client, places: Mapping[Name, bool]) -> dict[Name, bool]:
    """Which of these names are there, and whether as a view.

    `places` says whether each is to be one. Where a destination does not tell, all are as they are
    to be.
    """
    if client.capabilities.sqlglot_dialect not in ("duckdb", "postgres"):
        return dict(places)
    rows = client.execute_sql(
        "select table_schema, table_name, table_type from information_schema.tables"
        " where table_catalog = current_database()"
    )
    found = {Name(dataset, table): kind == "VIEW" for dataset, table, kind in rows or ()}
    return {name: found[name] for name in places if name in found}


def drop_views(client: Client, places: Mapping[Name, bool], there: Mapping[Name, bool]) -> None:
    """Removes all views, and each table where a view is to be, in the other order of `places`."""
    names = list(there)[::-1]
    drop(client, [name for name in names if there[name]], are_views=True)
    drop(client, [name for name in names if places[name] and not there[name]], are_views=False)


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
            at = Name(client.dataset_name, name).sql(client)
            index = client.escape_column_name(f"{name}_key")
            names = ", ".join(map(client.escape_column_name, keys))
            client.execute_sql(f"create index if not exists {index} on {at} ({names})")


def columns_of(client: Client, table: exp.Table) -> list[str]:
    """The names of a table's columns, in their order; none where there is no such table."""
    return [name for name, _ in described(client, table) or ()]


def described(client: Client, table: exp.Table) -> list[tuple[str, str]] | None:
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


def has_transactions(client: Client) -> bool:
    """Whether several tables can change at once. dlt says nothing where they can."""
    return client.capabilities.supports_transactions is not False
