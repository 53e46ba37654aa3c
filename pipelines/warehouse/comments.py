"""What tables and columns hold, as comments in the destination."""

from collections.abc import Mapping, Sequence
from typing import Final

from dlt import Pipeline
from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient

from warehouse import bigquery
from warehouse.tables import Client, Name

Target = tuple[str, str | None]
"""A table, or a table and one of its columns."""

STORED: Final[Mapping[str, str]] = {
    "duckdb": """
        select table_name, null as column_name, comment
        from duckdb_tables()
        where database_name = current_database() and schema_name = {dataset}
        union all
        select view_name, null, comment
        from duckdb_views()
        where database_name = current_database() and schema_name = {dataset}
        union all
        select table_name, column_name, comment
        from duckdb_columns()
        where database_name = current_database() and schema_name = {dataset}
    """,
    "postgres": """
        select tables.relname, null as attname, obj_description(tables.oid, 'pg_class')
        from pg_catalog.pg_class as tables
        where tables.relnamespace = to_regnamespace({dataset})
        union all
        select tables.relname, columns.attname, col_description(tables.oid, columns.attnum)
        from pg_catalog.pg_class as tables
        inner join pg_catalog.pg_attribute as columns on tables.oid = columns.attrelid
        where tables.relnamespace = to_regnamespace({dataset}) and columns.attnum > 0
    """,
}
"""Every table, view and column of a dataset with its comment, by dialect.

BigQuery tells them by its API; elsewhere dlt writes those of raw tables.
"""

OTHERS: Final[dict[Target, str]] = {
    ("run_lease", None): "Which run is under way, where several machines could start one.",
    ("run_lease", "owner"): "The run; empty between runs.",
    ("run_lease", "expires_at"): "Until when it is under way, unless it says so again.",
    # dlt 1.31's schema describes its other tables and columns.
    ("_dlt_pipeline_state", None): "Created by DLT. Tracks the pipeline's state",
    ("_dlt_pipeline_state", "_dlt_id"): "Unique identifier of the row",
}
"""What dlt's schema says nothing of."""


def raw_words(pipeline: Pipeline) -> dict[Target, str]:
    """What dlt's schemas say of each raw table and column."""
    found: dict[Target, str | None] = {}
    for schema in pipeline.schemas.values():
        for name, table in schema.tables.items():
            found[name, None] = table.get("description")
            for column, hints in table["columns"].items():
                found[name, column] = hints.get("description")
    return OTHERS | {target: text for target, text in found.items() if text}


def describe(
    client: Client, dataset: str, words: Mapping[Target, str], views: Sequence[str] = ()
) -> None:
    """Writes these words to a dataset, all at once; of its tables, those that are there.

    Only what differs from what the destination has.
    """
    dialect = str(client.capabilities.sqlglot_dialect)
    if dialect == "bigquery":
        for name in {name for name, _ in words}:
            if table := bigquery.table_at(client, dataset, name):
                columns = {c: text for (t, c), text in words.items() if t == name and c}
                bigquery.describe(client, table, words.get((name, None)), columns)
        return
    if dialect not in STORED:
        return
    rows = client.execute_sql(STORED[dialect].format(dataset=f"'{dataset}'")) or ()
    stored = {(table, column): text for table, column, text in rows}
    statements = [
        _comment(client, dataset, target, text, is_view=target[0] in views)
        for target, text in words.items()
        if target in stored
        and stored[target] != text
        # DuckLake 1.5 has comments on views, and none on their columns.
        and not (target[1] and target[0] in views and isinstance(client, DuckLakeSqlClient))
    ]
    if statements:
        client.execute_many(statements)


def _comment(client: Client, dataset: str, target: Target, text: str, *, is_view: bool) -> str:
    name, column = target
    table = Name(dataset, name).sql(client)
    what = f"{'view' if is_view else 'table'} {table}"
    if column is not None:
        what = f"column {table}.{client.escape_column_name(column)}"
    return f"comment on {what} is {client.capabilities.escape_literal(text)}"
