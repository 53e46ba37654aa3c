"""Queries written in DuckDB's dialect, as the destination understands them."""

from collections.abc import Mapping
from typing import Any, Final

import sqlglot
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

SCHEMAS_IN_PLACE: Final[Mapping[str, str]] = {}


def located(
    client: SqlClientBase[Any], query: str, datasets: Mapping[str, str] = SCHEMAS_IN_PLACE
) -> str:
    """The query for the client's destination, each table named in full as it is called there.

    A table stands in the dataset that its schema is mapped to, else in that of its schema's name,
    and in the client's own where the query names no schema.
    """
    dialect = client.capabilities.sqlglot_dialect
    if dialect == "duckdb" and all(schema == dataset for schema, dataset in datasets.items()):
        return query
    parsed = sqlglot.parse_one(query, read="duckdb")
    selected = {cte.alias for cte in parsed.find_all(exp.CTE)}

    def locate(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.DateDiff) and node.text("unit") == "MICROSECOND":
            if dialect == "bigquery":  # sqlglot says date_diff, which BigQuery has for days alone
                node = exp.TimestampDiff(this=node.this, expression=node.expression, unit=node.unit)
            return node
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            return node
        if not node.db and node.name in selected:
            return node
        dataset = datasets.get(node.db, node.db) if node.db else client.dataset_name
        table = table_in(client, dataset, node.name)
        if isinstance(node.parent, exp.From | exp.Join):
            own_name = exp.TableAlias(this=exp.to_identifier(node.name))
            table.set("alias", node.args.get("alias") or own_name)
        return table

    return sql(client, parsed.transform(locate))


def table_in(client: SqlClientBase[Any], dataset: str, name: str) -> exp.Table:
    """A table's full name at the destination."""
    with client.with_alternative_dataset_name(dataset):
        path = client.make_qualified_table_name_path(name, quote=False)
    parts = [exp.to_identifier(part, quoted=True) for part in path]
    catalog = parts[0] if len(parts) > 2 else None
    return exp.Table(this=parts[-1], db=parts[-2] if len(parts) > 1 else None, catalog=catalog)


def sql(client: SqlClientBase[Any], statement: exp.Expr) -> str:
    """A statement's text in the destination's dialect."""
    return statement.sql(dialect=client.capabilities.sqlglot_dialect)
