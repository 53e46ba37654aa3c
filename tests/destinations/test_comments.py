"""Raw tables and columns say in the destination what they hold."""

from typing import Any

import pytest

from drift import tables
from tests.conftest import Project, Serve, meeting
from tests.destinations.conftest import Postgres

pytestmark = pytest.mark.process

DUCKDB = (
    "select table_name, null, comment from duckdb_tables() where schema_name = 'drift'"
    " union all select table_name, column_name, comment from duckdb_columns()"
    " where schema_name = 'drift'"
)
POSTGRES = """
    select relname, null, obj_description(oid, 'pg_class') from pg_class
    where relnamespace = 'drift'::regnamespace and relkind = 'r'
    union all
    select relname, attname, col_description(oid, attnum)
    from pg_class join pg_attribute on oid = attrelid
    where relnamespace = 'drift'::regnamespace and relkind = 'r' and attnum > 0
"""


def as_declared(table: tables.RawTable) -> dict[tuple[str, str | None], str]:
    declared: dict[tuple[str, str | None], str] = {(table.name, None): table.description}
    for name, (_, text) in table.columns.items():
        declared[table.name, name] = text
    return declared


def assert_described(rows: list[tuple[Any, ...]]) -> None:
    found = {(table, column): comment for table, column, comment in rows}
    for table in tables.ALL:
        for place, text in as_declared(table).items():
            assert found[place] == text
    bare = [place for place, comment in found.items() if not comment]
    assert [column for _, column in bare if not (column or "").startswith("_dlt")] == []


def test_on_duckdb_each_raw_table_and_column_is_described(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    project.run()
    assert_described(project.query(DUCKDB))


def test_on_postgresql_too_and_a_run_writes_only_what_has_changed(
    project: Project, serve: Serve, on_postgres: Postgres
) -> None:
    serve([meeting("m1")])
    project.run()
    assert_described(on_postgres.query(POSTGRES))
    changed = "select xmin::text from pg_description where objoid = 'drift.users'::regclass"
    written = on_postgres.query(changed)
    project.run()
    assert on_postgres.query(changed) == written
    on_postgres.query("comment on column drift.users.id is 'something else'")
    on_postgres.query("comment on table drift.users is null")
    others = "select xmin::text from pg_description where objoid = 'drift.teams'::regclass"
    before = on_postgres.query(others)
    project.run()
    assert_described(on_postgres.query(POSTGRES))
    assert on_postgres.query(others) == before


def test_bigquery_is_told_by_dlt() -> None:
    """As its adapter would tell it: dlt writes both when it creates a table."""
    from dlt.destinations.adapters import bigquery_adapter  # noqa: PLC0415

    told = bigquery_adapter([{"id": 1}], table_description=tables.USER.description)
    hint = told.compute_table_schema()
    for table in tables.ALL:
        additional = table.hints(is_arrow=False)["additional_table_hints"] or {}
        assert additional["x-bigquery-table-description"] == table.description
    assert hint["x-bigquery-table-description"] == tables.USER.description  # type: ignore[typeddict-item]
