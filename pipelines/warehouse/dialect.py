"""Queries written in DuckDB's dialect, as the destination understands them.

sqlglot transpiles. What it gets wrong for a destination, and what that destination lacks, is one
rule each in `RULES`, so that no model has to know of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlglot
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

Columns = Callable[[exp.Table], Sequence[str]]
"""The columns of a table that is named as the destination calls it."""

SAME_DATASETS: Final[Mapping[str, str]] = {}


def transpile(
    client: SqlClientBase[Any],
    query: str,
    datasets: Mapping[str, str] = SAME_DATASETS,
    columns: Columns | None = None,
) -> str:
    """The query for the client's destination, each table named in full as it is called there.

    A table stands in the dataset that its schema is mapped to, else in that of its schema's name,
    and in the client's own where the query names no schema. `columns` is asked for those of a star
    that leaves some out: PostgreSQL has none such.
    """
    dialect = client.capabilities.sqlglot_dialect
    if dialect == "duckdb" and all(schema == dataset for schema, dataset in datasets.items()):
        return query
    parsed = sqlglot.parse_one(query, read="duckdb")
    ctes = {cte.alias for cte in parsed.find_all(exp.CTE)}

    def locate(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            return node
        if not node.db and node.name in ctes:
            return node
        dataset = datasets.get(node.db, node.db) if node.db else client.dataset_name
        table = table_in(client, dataset, node.name)
        if isinstance(node.parent, exp.From | exp.Join):
            own_name = exp.TableAlias(this=exp.to_identifier(node.name))
            table.set("alias", node.args.get("alias") or own_name)
        return table

    located = parsed.transform(locate, copy=False)
    for rule in RULES.get(str(dialect), (_elapsed,)):
        located = located.transform(rule, copy=False)
    if columns:
        named = {cte.alias: cte.this.named_selects for cte in located.find_all(exp.CTE)}
        _expand_stars(located, lambda table: named.get(table.name) or columns(table))
    return sql(client, located)


def table_in(client: SqlClientBase[Any], dataset: str, name: str) -> exp.Table:
    """A table's full name at the destination."""
    with client.with_alternative_dataset_name(dataset):
        path = client.make_qualified_table_name_path(name, quote=False)
    parts = [exp.to_identifier(part, quoted=True) for part in path]
    catalog = parts[0] if len(parts) > 2 else None
    return exp.Table(this=parts[-1], db=parts[-2] if len(parts) > 1 else None, catalog=catalog)


def sql(client: SqlClientBase[Any], statement: exp.Expr) -> str:
    """A statement's text in the destination's dialect."""
    return statement.sql(dialect=client.capabilities.sqlglot_dialect, copy=False)


def _expand_stars(query: exp.Expr, columns: Columns) -> None:
    """Names the columns of each `table.* exclude (…)`."""
    for select in query.find_all(exp.Select):
        tables = {table.alias_or_name: table for table in select.find_all(exp.Table)}
        expanded: list[exp.Expr] = []
        for item in select.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            excluded = star.args.get("except_") if isinstance(star, exp.Star) else None
            if not excluded:
                expanded.append(item)
                continue
            left_out = {column.name for column in excluded}
            expanded += [
                exp.column(name, table=item.table)
                for name in columns(tables[item.table])
                if name not in left_out
            ]
        select.set("expressions", expanded)


def _elapsed(node: exp.Expr) -> exp.Expr:
    """DuckDB's `date_sub`, which sqlglot does not know: the whole units between two points in time.

    Of `microsecond` it is the same as `date_diff`, for which DuckDB 1.5 asks a calendar: 1.25 s of
    a million rows instead of 0.01.
    """
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "date_sub":
        return node
    unit, start, end = node.expressions
    return exp.DateDiff(this=end, expression=start, unit=exp.var(unit.name.upper()))


def _elapsed_on_bigquery(node: exp.Expr) -> exp.Expr:
    """BigQuery has `date_diff` for days alone."""
    elapsed = _elapsed(node)
    if elapsed is node:
        return node
    return exp.TimestampDiff(**elapsed.args)


def _filtered(node: exp.Expr) -> exp.Expr:
    """BigQuery has no `filter (where …)`: the aggregate passes over null instead."""
    if not isinstance(node, exp.Filter):
        return node
    aggregate: exp.Expr = node.this
    condition = node.expression.this
    if isinstance(aggregate, exp.Count) and isinstance(aggregate.this, exp.Star):
        return exp.CountIf(this=condition)
    aggregate.set("this", exp.Case().when(condition, aggregate.this))
    return aggregate


def _percentile(node: exp.Expr) -> exp.Expr:
    """BigQuery has no interpolating percentile of a group: the values beside its rank, weighed.

    Among n values in order, from 0, percentile p lies at rank p * (n - 1).
    """
    if not isinstance(node, exp.PercentileCont):
        return node
    value, share = node.this.sql("bigquery"), node.expression.sql("bigquery")
    rank = f"({share} * (count({value}) - 1))"
    ordered = f"array_agg({value} ignore nulls order by {value})"
    low = f"{ordered}[safe_offset(cast(floor{rank} as int64))]"
    high = f"{ordered}[safe_offset(cast(ceil{rank} as int64))]"
    text = f"{low} + ({rank} - floor{rank}) * ({high} - {low})"
    return exp.paren(sqlglot.parse_one(text, read="bigquery"))


def _formatted(node: exp.Expr) -> exp.Expr:
    """sqlglot takes what is written out for a day: BigQuery's `format_date` may know no times."""
    if isinstance(node, exp.TimeToStr):
        node.set("this", exp.TsOrDsToTimestamp(this=node.this))
    return node


def _json_of_text(node: exp.Expr) -> exp.Expr:
    """PostgreSQL takes nothing out of JSON that stands in a column of text."""
    if isinstance(node, exp.JSONExtractScalar):
        node.set("this", exp.cast(node.this, "json"))
    return node


def _any_json_value(node: exp.Expr) -> exp.Expr:
    """BigQuery takes out texts and numbers by one function, lists and objects by another."""
    if not isinstance(node, exp.JSONExtractScalar):
        return node
    inner = exp.JSONExtract(this=node.this.copy(), expression=node.expression.copy())
    return exp.Coalesce(this=node.copy(), expressions=[inner])


RULES: Final[Mapping[str, Sequence[Callable[[exp.Expr], exp.Expr]]]] = {
    "duckdb": (),
    "postgres": (_elapsed, _json_of_text),
    "bigquery": (_elapsed_on_bigquery, _filtered, _percentile, _formatted, _any_json_value),
}
"""What a dialect needs beside sqlglot's own translation; the others need `_elapsed` alone."""
