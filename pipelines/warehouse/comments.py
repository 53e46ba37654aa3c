"""What raw tables and columns hold, as comments in the destination: written where they differ."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dlt import Pipeline
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from warehouse import bigquery
from warehouse.dialect import sql, table_in
from warehouse.workarounds import DLT_DESCRIPTIONS

Target = tuple[str, str | None]
"""A table, or a table and one of its columns."""

STORED: Final[Mapping[str, str]] = {
    "duckdb": """
        select table_name, null as column_name, comment
        from duckdb_tables()
        where database_name = current_database() and schema_name = {dataset}
        union all
        select table_name, column_name, comment
        from duckdb_columns()
        where database_name = current_database() and schema_name = {dataset}
    """,
    "postgres": """
        select tables.relname, null as attname, obj_description(tables.oid, 'pg_class')
        from pg_catalog.pg_class as tables
        where tables.relnamespace = to_regnamespace({dataset}) and tables.relkind in ('r', 'p')
        union all
        select tables.relname, columns.attname, col_description(tables.oid, columns.attnum)
        from pg_catalog.pg_class as tables
        inner join pg_catalog.pg_attribute as columns on tables.oid = columns.attrelid
        where
            tables.relnamespace = to_regnamespace({dataset})
            and tables.relkind in ('r', 'p')
            and columns.attnum > 0
            and not columns.attisdropped
    """,
}
"""The tables and columns of a dataset with the comments that they have, by dialect.

BigQuery tells them by its API; Snowflake is told by dlt, when it creates a table or a column.
"""

OTHERS: Final[dict[Target, str]] = {
    ("run_lease", None): "Which run is under way, where several machines could start one.",
    ("run_lease", "owner"): "The run; empty between runs.",
    ("run_lease", "expires_at"): "Until when it is under way, unless it says so again.",
    **DLT_DESCRIPTIONS,
}
"""What dlt's schema says nothing of."""


def describe_raw(pipeline: Pipeline) -> int:
    """Writes the descriptions that raw tables and columns lack, or have otherwise; their number.

    With nothing to write, that is one question to the destination, on BigQuery one for each table.
    """
    wanted = OTHERS | dict(_descriptions(pipeline))
    with pipeline.sql_client() as client:
        if client.capabilities.sqlglot_dialect == "bigquery":
            changed = 0
            for name in {name for name, _ in wanted}:
                if table := bigquery.table_at(client, client.dataset_name, name):
                    columns = {c: text for (t, c), text in wanted.items() if t == name and c}
                    changed += bigquery.describe(client, table, wanted.get((name, None)), columns)
            return changed
        query = STORED.get(str(client.capabilities.sqlglot_dialect))
        if query is None:
            return 0
        dataset = sql(client, exp.Literal.string(client.dataset_name))
        rows = client.execute_sql(query.format(dataset=dataset)) or []
        stored: dict[Target, str | None] = {(table, column): held for table, column, held in rows}
        differing = {
            target: text
            for target, text in wanted.items()
            if target in stored and stored[target] != text
        }
        if differing:
            with client.begin_transaction():
                for target, text in differing.items():
                    client.execute_sql(_comment(client, target, text))
        return len(differing)


def _descriptions(pipeline: Pipeline) -> Iterator[tuple[Target, str]]:
    """What dlt's schemas say of each table and column."""
    for schema in pipeline.schemas.values():
        for name, table in schema.tables.items():
            if text := table.get("description"):
                yield (name, None), text
            for column, hints in table["columns"].items():
                if text := hints.get("description"):
                    yield (name, column), text


def _comment(client: SqlClientBase[Any], target: Target, text: str) -> str:
    name, column = target
    table = sql(client, table_in(client, client.dataset_name, name))
    what = f"table {table}"
    if column is not None:
        what = f"column {table}.{sql(client, exp.to_identifier(column, quoted=True))}"
    return f"comment on {what} is {sql(client, exp.Literal.string(text))}"
