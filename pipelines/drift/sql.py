"""Queries in DuckDB's SQL, as the destination understands them.

dlt's `pipeline.dataset()` does the same; with it, a query takes some 20 ms more on every
destination, and a run asks about eight.
"""

from datetime import UTC, datetime
from typing import Any

from dlt.destinations.sql_client import SqlClientBase


def transpile(client: SqlClientBase[Any], query: str) -> str:
    """The query in the destination's dialect, its tables named in full, in the client's dataset."""
    dialect = client.capabilities.sqlglot_dialect
    if dialect == "duckdb":
        return query
    import sqlglot  # noqa: PLC0415 - DuckDB needs none of it
    from sqlglot import exp  # noqa: PLC0415

    parsed = sqlglot.parse_one(query, read="duckdb")
    for table in list(parsed.find_all(exp.Table)):
        parts = client.make_qualified_table_name_path(table.name, quote=False)
        names = [exp.to_identifier(part, quoted=True) for part in parts]
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
        full = exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))
        full.set("alias", alias)
        table.replace(full)
    return parsed.sql(dialect=dialect)


def timestamp_literal(moment: datetime) -> str:
    """A moment in a query."""
    return f"cast('{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00' as timestamptz)"
