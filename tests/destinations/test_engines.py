"""The same raw rows on DuckDB, PostgreSQL and Google's engine: every model, row by row.

The statements are those that the pipeline sends to each, through its own client of dlt's.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import dlt
import duckdb
import pytest
import sqlglot
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.impl.bigquery.sql_client import BigQuerySqlClient
from dlt.destinations.sql_jobs import SqlMergeFollowupJob
from dlt.extract import DltResource
from sqlglot import exp

from dialect import located
from drift import tables
from report.numbers import find_numbers
from tests.destinations.conftest import Postgres
from tests.destinations.googlesql import Columns, GoogleSQL
from tests.destinations.raw import raw_tables
from tests.destinations.test_postgres import assert_same_rows
from tests.models.conftest import RAW_TABLES, Row, insert
from warehouse.destination import open_demo, open_warehouse
from warehouse.lease import CREATE, READ, TAKE
from warehouse.models import ASIDE, DATASET, Model, build, read_checks, read_models
from warehouse.reading import open_snapshot, open_tables

SQL = Path(__file__).parents[2] / "sql"
MODELS = [model.name for model in read_models(SQL)]
ZONE = {"time_zone": "America/New_York"}
KINDS = {
    "BIGINT": "INT64",
    "BOOLEAN": "BOOL",
    "TEXT": "STRING",
    "TIMESTAMPTZ": "TIMESTAMP",
}


def raw_columns(table: str) -> list[tuple[str, str]]:
    """Names and types of a raw table."""
    parts = (column.split()[:2] for column in RAW_TABLES[table].split(","))
    return [(name, kind) for name, kind in parts]


@pytest.fixture(scope="module")
def raw() -> dict[str, list[Row]]:
    return raw_tables(40, seed=1)


@pytest.fixture
def expected(raw: dict[str, list[Row]], tmp_path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every model's rows, as DuckDB has them."""
    path = tmp_path / "expected.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema drift").fetchall()
        for table, rows in raw.items():
            connection.execute(f"create table {table} ({RAW_TABLES[table]})").fetchall()
            insert(connection, table, rows)
    build(open_demo(path, tmp_path / "duckdb"), SQL, ZONE)
    with duckdb.connect(str(path)) as connection:
        connection.execute("set timezone = 'UTC'").fetchall()
        return {name: connection.execute(f"from bookings.{name}").fetchall() for name in MODELS}


def test_postgres_has_the_rows_of_duckdb_in_every_model(
    raw: dict[str, list[Row]],
    expected: dict[str, list[tuple[Any, ...]]],
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in postgres.settings.items():
        monkeypatch.setenv(name, value)
    postgres.query("create schema drift")
    with postgres.connect() as connection, connection.cursor() as cursor:
        for table, rows in raw.items():
            cursor.execute(f"create table {table} ({RAW_TABLES[table]})")
            marks = ", ".join("%s" for _ in rows[0])
            names = ", ".join(rows[0])
            cursor.executemany(
                f"insert into {table} ({names}) values ({marks})", [list(r.values()) for r in rows]
            )
    pipeline = open_warehouse(tmp_path / "unused", tmp_path / "postgres")
    for _ in range(2):  # built, and filled again
        build(pipeline, SQL, ZONE)
        for name, held in expected.items():
            assert_same_rows(name, held, postgres.query(f"table bookings.{name}"))


class Engine(BigQuerySqlClient):
    """dlt's client for BigQuery, whose statements Google's engine understands and executes."""

    def __init__(self, like: BigQuerySqlClient) -> None:
        super().__init__(
            like.dataset_name, like.staging_dataset_name, like.credentials, like.capabilities
        )
        self.engine = GoogleSQL()
        self.in_transaction = False
        self._columns: Columns = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def has_dataset(self) -> bool:
        return self.dataset_name in ("drift", DATASET, ASIDE)

    @contextmanager
    def begin_transaction(self) -> Iterator[Any]:
        self.in_transaction = True
        yield self
        self.in_transaction = False

    def execute_sql(self, sql: Any, *args: Any, **kwargs: Any) -> Sequence[Sequence[Any]] | None:
        with self.execute_query(sql) as cursor:
            return list(cursor.fetchall())

    @contextmanager
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        yield Answer(self._execute(flat(str(query))), self._columns)

    def _execute(self, text: str) -> list[tuple[Any, ...]]:
        engine, self._columns = self.engine, []
        made = re.match(r"create or replace table (\w+)(?: cluster by [^(]+?)? as (.*)", text, re.S)
        filled = re.match(r"insert into (\w+) \((.*?)\) (select .*)", text, re.S)
        if made:
            assert not self.in_transaction, "BigQuery creates no tables in a transaction"
            engine.analyze(text)
            columns = engine.analyze(made[2])
            engine.table(made[1], columns, self._rows(made[2]))
        elif filled:
            engine.analyze(text)
            assert self.in_transaction
            engine.table(filled[1], engine.tables[filled[1]], self._rows(filled[3]))
        elif dropped := re.match(r"drop table (\w+)", text):
            del engine.tables[dropped[1]], engine.rows[dropped[1]]
        elif text.startswith("delete"):
            engine.analyze(text)
        else:
            missing = set(re.findall(r"\b(?:drift|bookings|bookings_staging)__\w+", text))
            if missing - engine.tables.keys():
                raise DatabaseUndefinedRelation(ValueError(f"no {missing}"))
            self._columns = engine.analyze(text)
            return self._rows(text)
        return []

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        reading = set(re.findall(r"\b\w+__\w+", query)) & self.engine.tables.keys()
        return self.engine.query(query, reading)


class Answer:
    """A cursor over rows that are there."""

    def __init__(self, rows: list[tuple[Any, ...]], columns: Columns) -> None:
        self._rows = rows
        self.description = columns

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows


@pytest.fixture(scope="session")
def private_key() -> str:
    """A key that opens nothing: without one, dlt's client for BigQuery cannot be made."""
    key = rsa.generate_private_key(65537, 2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(*pem, serialization.NoEncryption()).decode()


@pytest.fixture
def bigquery(monkeypatch: pytest.MonkeyPatch, private_key: str, tmp_path: Path) -> Pipeline:
    """The pipeline as configured for BigQuery."""
    credentials = {
        "project_id": "synthetic-project",
        "private_key": private_key,
        "client_email": "loader@synthetic-project.example.com",
    }
    monkeypatch.setenv("DESTINATION__WAREHOUSE__DESTINATION_TYPE", "bigquery")
    monkeypatch.setenv("DESTINATION__WAREHOUSE__CREDENTIALS", json.dumps(credentials))
    return open_warehouse(tmp_path / "unused", tmp_path / "bigquery")


def test_googlesql_has_the_rows_of_duckdb_in_every_model(
    raw: dict[str, list[Row]],
    expected: dict[str, list[tuple[Any, ...]]],
    bigquery: Pipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = bigquery.sql_client()
    assert isinstance(client, BigQuerySqlClient)
    engine = Engine(client)
    monkeypatch.setattr(bigquery, "sql_client", lambda: engine)
    for table, rows in raw.items():
        columns = [(name, KINDS[kind.upper()]) for name, kind in raw_columns(table)]
        values = [[row[name] for name, _ in columns] for row in rows]
        engine.engine.table(table.replace(".", "__"), columns, values)
    for _ in range(2):  # built, and filled again
        build(bigquery, SQL, ZONE)
        for name, held in expected.items():
            found = engine.engine.rows[f"bookings__{name}"]
            assert_same_rows(name, held, [tuple(row) for row in found])
    assert not any(name.startswith(ASIDE) for name in engine.engine.tables)
    with open_snapshot(tmp_path / "expected.duckdb") as ask, open_tables(bigquery) as ask_bigquery:
        assert find_numbers(ask_bigquery, SQL) == find_numbers(ask, SQL)


@dlt.source(name="drift", max_table_nesting=0)
def one_row_each() -> DltResource:
    """A row for every raw table, but for one that stays empty."""
    now = datetime.now(UTC)

    @dlt.resource(name="meetings")
    def rows() -> Iterator[Any]:
        key = {"slug": "m1", "updated_at": now, "sync_id": "s1", "content_hash": 1}
        yield tables.VERSIONS.rows([key])
        yield tables.LISTED.rows([{"slug": "m1"}])
        yield tables.UNLISTED.rows([{"slug": "m2", "sync_id": "s1"}])
        yield tables.REJECTED.rows([])
        yield tables.SYNC.rows([{"sync_id": "s1"}])
        for table in tables.RELATED:
            yield table.rows([dict.fromkeys(table.primary_key, 1)])

    return rows()


def test_bigquery_is_sent_parquet_and_statements_that_google_understands(
    bigquery: Pipeline,
) -> None:
    bigquery.extract(one_row_each())
    bigquery.normalize()
    (package,) = bigquery.list_normalized_load_packages()
    jobs = Path(bigquery.working_dir, "load", "normalized", package, "new_jobs").iterdir()
    kinds = {job.name.split(".")[0]: job.suffix for job in jobs if job.stat().st_size}
    filled = {table.name for table in tables.ALL if table is not tables.REJECTED}
    assert {name for name, kind in kinds.items() if kind == ".parquet"} == filled

    client: Any = bigquery.destination_client()
    engine = GoogleSQL()
    for table in tables.ALL:
        columns = list(bigquery.default_schema.get_table_columns(table.name).values())
        (create,) = client._get_table_update_sql(table.name, columns, False)
        # Partitions and clusters are BigQuery's own; the language knows the table before them.
        definition, partition, cluster = re.fullmatch(
            r"(.+?\))(\nPARTITION BY \S+)?(\nCLUSTER BY \S+)?", flat(create), re.S
        ).groups()  # type: ignore[union-attr]  # it always matches
        engine.analyze(definition)
        engine.table(f"drift__{table.name}", kinds_of(definition))
        engine.table(f"drift_staging__{table.name}", kinds_of(definition))
        wanted = table is tables.VERSIONS
        assert (partition, cluster) == (
            ("\nPARTITION BY DATE(`updated_at`)", "\nCLUSTER BY `slug`") if wanted else (None, None)
        )
        if table.primary_key:
            load = client.prepare_load_table(table.name)
            merge = SqlMergeFollowupJob.generate_sql([load], client.sql_client)
            assert [statement.split()[0] for statement in merge] == ["DELETE", "INSERT"]
            for statement in merge:
                engine.analyze(flat(statement))


def test_the_lease_is_in_words_that_google_understands(bigquery: Pipeline) -> None:
    client = bigquery.sql_client()
    engine = GoogleSQL()
    for statement in (CREATE, TAKE.format(owner="me", minutes=10), READ):
        text = flat(located(client, statement))
        engine.analyze(text)
        engine.table("drift__run_lease", [("owner", "STRING"), ("expires_at", "TIMESTAMP")])


def flat(statement: str) -> str:
    """With names of one part: the engine's catalog has no projects."""
    return re.sub(r"`synthetic-project`\.`(\w+)`\.`(\w+)`", r"\1__\2", statement)


def kinds_of(definition: str) -> Columns:
    """Names and types, as a `create table` has them."""
    return [
        (name, {"FLOAT64": "DOUBLE"}.get(kind, kind))
        for name, kind in re.findall(r"^`(\w+)` (\w+)", definition, re.M)
    ]


@pytest.mark.parametrize("dialect", ["clickhouse", "databricks", "redshift", "snowflake"])
@pytest.mark.parametrize("model", read_models(SQL) + read_checks(SQL), ids=lambda m: m.name)
def test_other_dialects_can_at_least_be_parsed(model: Model, dialect: str) -> None:
    strict = sqlglot.ErrorLevel.RAISE
    (text,) = sqlglot.transpile(model.text, "duckdb", dialect, unsupported_level=strict)
    assert sqlglot.parse_one(text, read=dialect).find(exp.Select)
