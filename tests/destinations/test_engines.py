"""The same raw rows on DuckDB, PostgreSQL and Google's engine: every model, row by row.

The statements are those that the pipeline sends to each, through its own client of dlt's.
"""

import json
import operator
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import dlt
import duckdb
import pyarrow as pa
import pytest
import sqlglot
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.impl.bigquery.sql_client import BigQuerySqlClient
from dlt.destinations.sql_jobs import SqlMergeFollowupJob
from dlt.extract import DltResource
from google.api_core.exceptions import NotFound
from google.cloud.bigquery import SchemaField
from sqlglot import exp

from drift import known_state, tables
from drift.privacy import PrivacyPolicy
from drift.redact import statements_of
from report.numbers import find_numbers
from tests.destinations.conftest import Postgres
from tests.destinations.googlesql import Columns, GoogleSQL
from tests.destinations.places import assert_same_rows
from tests.models.invent import invent
from tests.models.raw_tables import RAW_TABLES
from tests.models.test_against_an_independent_computation import load
from warehouse.build import Project, make
from warehouse.destination import configured_warehouse
from warehouse.dialect import transpile
from warehouse.lease import CREATE, READ, TAKE
from warehouse.models import Model, read_checks, read_models
from warehouse.publish import ASIDE, client_of, publish_tables
from warehouse.reading import open_snapshot, open_tables

SQL = Path(__file__).parents[2] / "sql"
MODELS = [f"{model.dataset}.{model.name}" for model in read_models(SQL)]
ZONE = {"time_zone": "America/New_York"}
KINDS = {
    "bigint": ("bigint", "INT64"),
    "bool": ("boolean", "BOOL"),
    "text": ("text", "STRING"),
    "timestamp": ("timestamptz", "TIMESTAMP"),
}
"""dlt's types, as PostgreSQL and Google's engine call them."""

Raw = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def raw() -> Raw:
    """Rows of every raw table, by its name: some of the invented meetings, since Google's engine
    is made to be right, not fast."""
    rows = invent(1, ZONE["time_zone"])
    versions, now = rows["meeting_versions"], max(row["started_at"] for row in rows["syncs"])
    slugs = sorted({row["slug"] for row in versions})[::8]
    slugs += [  # ahead in one calendar or in none, and of visitors who book again
        row["slug"]
        for row in versions
        if (row["agent_id"] in (103, None) and row["slot_start"] and row["slot_start"] > now)
        or row["scheduler_id"] in (5102, 5103)
    ]
    for table in ("meeting_versions", "meeting_listings"):
        rows[table] = [row for row in rows[table] if row["slug"] in slugs]
    return rows


@pytest.fixture
def expected(raw: Raw, tmp_path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every model's rows, as DuckDB has them."""
    path = tmp_path / "expected.duckdb"
    with duckdb.connect(str(path)) as connection:
        load(connection, raw)
    with duckdb.connect(str(path)) as connection, client_of(connection) as client:
        make(client, Project.read(SQL, ZONE))
        connection.execute("set timezone = 'UTC'").fetchall()
        found = {name: connection.execute(f"from {name}").fetchall() for name in MODELS}
    assert [name for name, held in found.items() if not held] == [], "nothing would be compared"
    return found


def test_postgres_has_the_rows_of_duckdb_in_every_model(
    raw: Raw,
    expected: dict[str, list[tuple[Any, ...]]],
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in postgres.settings.items():
        monkeypatch.setenv(name, value)
    postgres.query("create schema drift")
    with postgres.connect() as connection, connection.cursor() as cursor:
        for table, kinds in RAW_TABLES.items():
            columns = [f"{name} {KINDS[kind][0]}" for name, kind in kinds.items()]
            cursor.execute(f"create table drift.{table} ({', '.join(columns)})")
            marks = ", ".join("%s" for _ in columns)
            values = [[row.get(name) for name in kinds] for row in raw[table]]
            cursor.executemany(f"insert into drift.{table} values ({marks})", values)
    pipeline = configured_warehouse(tmp_path / "unused").open(tmp_path / "postgres")
    for _ in range(2):  # built, and filled again
        publish_tables(pipeline, Project.read(SQL, ZONE))
        for name, held in expected.items():
            assert_same_rows(name, held, postgres.query(f"table {name}"))


class Tables:
    """What the API tells of tables, and keeps of their descriptions."""

    def __init__(self, engine: GoogleSQL) -> None:
        self._engine = engine

    def get_table(self, path: str) -> Any:
        name = "__".join(path.split(".")[1:])
        if name not in self._engine.tables:
            raise NotFound(path)  # type: ignore[no-untyped-call]
        fields = [SchemaField(column, kind) for column, kind in self._engine.tables[name]]
        rows = len(self._engine.rows[name])
        return SimpleNamespace(schema=fields, num_rows=rows, description=None)

    def update_table(self, table: Any, _: Sequence[str]) -> None:
        assert all(field.description for field in table.schema)


class Engine(BigQuerySqlClient):
    """dlt's client for BigQuery, whose statements Google's engine understands and executes."""

    def __init__(self, like: BigQuerySqlClient) -> None:
        super().__init__(
            like.dataset_name, like.staging_dataset_name, like.credentials, like.capabilities
        )
        self.engine = GoogleSQL()
        self._client = Tables(self.engine)  # type: ignore[assignment]  # what is asked of one
        self.in_transaction = False
        self._columns: Columns = []
        self._answers: dict[str, tuple[list[Any], list[tuple[Any, ...]]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def has_dataset(self) -> bool:
        return self.dataset_name in ("drift", *ASIDE, *ASIDE.values())

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
        for statement in flat(str(query)).removesuffix(";").split(";\n"):
            rows = self._execute(statement)
        yield Answer(rows, self._columns)

    def _execute(self, text: str) -> list[tuple[Any, ...]]:
        engine, self._columns = self.engine, []
        made = re.match(
            r"create or replace (?:table|view) (\w+)(?: cluster by [^(]+?)? as (.*)", text, re.S
        )
        filled = re.match(r"insert into (\w+) \((.*?)\) (select .*)", text, re.S)
        if made:
            assert not self.in_transaction, "BigQuery creates no tables in a transaction"
            if not text.startswith(
                "create or replace view"
            ):  # the engine knows no statement for one
                engine.analyze(text)
            columns = engine.analyze(made[2])
            engine.table(made[1], columns, self._rows(made[2]))
        elif filled:
            engine.analyze(text)
            assert self.in_transaction
            engine.table(filled[1], engine.tables[filled[1]], self._rows(filled[3]))
        elif dropped := re.match(r"drop (?:table|view) if exists (\w+)", text):
            engine.tables.pop(dropped[1], None)
            engine.rows.pop(dropped[1], None)
        elif text.startswith("delete"):
            engine.analyze(text)
        else:
            missing = set(re.findall(r"\b(?:drift|bookings(?:_internal)?(?:_next)?)__\w+", text))
            if missing - engine.tables.keys():
                raise DatabaseUndefinedRelation(ValueError(f"no {missing}"))
            self._columns = engine.analyze(text)
            return self._rows(text)
        return []

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; those of last time where nothing that it reads has changed."""
        reading = set(re.findall(r"\b\w+__\w+", query)) & self.engine.tables.keys()
        tables = [self.engine.rows[name] for name in sorted(reading)]
        before, rows = self._answers.get(query, (None, []))
        if before is None or not all(map(operator.is_, before, tables)):
            rows = self.engine.query(query, reading)
            self._answers[query] = tables, rows
        return rows


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
    return configured_warehouse(tmp_path / "unused").open(tmp_path / "bigquery")


@pytest.mark.long
def test_googlesql_has_the_rows_of_duckdb_in_every_model(
    raw: Raw,
    expected: dict[str, list[tuple[Any, ...]]],
    bigquery: Pipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = bigquery.sql_client()
    assert isinstance(client, BigQuerySqlClient)
    engine = Engine(client)
    monkeypatch.setattr(bigquery, "sql_client", lambda: engine)
    for table, kinds in RAW_TABLES.items():
        columns = [(name, KINDS[kind][1]) for name, kind in kinds.items()]
        values = [[row.get(name) for name, _ in columns] for row in raw[table]]
        engine.engine.table(f"drift__{table}", columns, values)
    for _ in range(2):  # built, and filled again
        publish_tables(bigquery, Project.read(SQL, ZONE))
        for name, held in expected.items():
            found = engine.engine.rows[name.replace(".", "__")]
            assert_same_rows(name, held, [tuple(row) for row in found])
    left = {name.partition("__")[0] for name in engine.engine.tables}
    assert not left & set(ASIDE.values())
    with open_snapshot(tmp_path / "expected.duckdb") as ask, open_tables(engine) as ask_bigquery:
        assert find_numbers(ask_bigquery, SQL) == find_numbers(ask, SQL)


def test_an_attribute_out_of_json_is_the_same_on_every_engine(
    postgres: Postgres, bigquery: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = [5, 4.5, True, 'five \u00fc "stars"', [1, 2], {"of": "5"}, None]
    texts = [json.dumps({"a b": 1, "meetingRating": value}) for value in values]
    texts = [text.replace(", ", ",").replace(": ", ":") for text in texts]
    query = (
        "select meeting_notes, json_extract_string(other_attributes, '$.meetingRating') as one,"
        " v.other_attributes ->> '$.meetingRating' as other,"
        " cast(other_attributes ->> '$.\"a b\"' as bigint) as third,"
        " other_attributes ->> '$.nobody' as none"
        " from drift.meeting_versions as v order by meeting_notes"
    )
    rows = [(str(number), text) for number, text in enumerate([*texts, None])]
    written = ["5", "4.5", "true", 'five ü "stars"', "[1,2]", '{"of":"5"}', None]
    expected: list[tuple[Any, ...]] = [
        (str(number), text, text, 1, None) for number, text in enumerate(written)
    ] + [(str(len(written)), None, None, None, None)]

    with duckdb.connect() as connection:
        connection.execute("create schema drift").fetchall()
        made = "create table drift.meeting_versions (meeting_notes varchar, other_attributes text)"
        connection.execute(made).fetchall()
        connection.executemany("insert into drift.meeting_versions values (?, ?)", rows)
        assert connection.execute(query).fetchall() == expected

    engine = GoogleSQL()
    columns = [("meeting_notes", "STRING"), ("other_attributes", "STRING")]
    engine.table("drift__meeting_versions", columns, rows)
    text = flat(transpile(bigquery.sql_client(), query))
    assert engine.query(text, ["drift__meeting_versions"]) == expected

    for name, value in postgres.settings.items():
        monkeypatch.setenv(name, value)
    postgres.query("create schema drift")
    postgres.query(made)
    with postgres.connect() as opened, opened.cursor() as cursor:
        cursor.executemany("insert into drift.meeting_versions values (%s, %s)", rows)
    pipeline = configured_warehouse(tmp_path / "unused").open(tmp_path / "postgres")
    with pipeline.sql_client() as client:
        assert client.execute_sql(transpile(client, query)) == expected


@dlt.source(name="drift", max_table_nesting=0)
def one_row_each() -> DltResource:
    """A row for every raw table, but for one that stays empty."""
    now = datetime.now(UTC)

    @dlt.resource(name="meetings")
    def rows() -> Iterator[Any]:
        key = {"slug": "m1", "updated_at": now, "sync_id": "s1", "content_hash": 1}
        yield tables.VERSIONS.rows([key])
        yield tables.LISTING.rows([{"slug": "m1", "sync_id": "s1", "is_listed": True}])
        yield tables.REJECTED.rows([])
        yield tables.SYNC.rows([{"sync_id": "s1"}])
        yield tables.IMPORT.rows([{"sync_id": "0-1"}])
        yield tables.ATTRIBUTE.rows([{"name": "conferenceType", "sync_id": "s1"}])
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
    filled = {
        table.name
        for table in tables.ALL
        if table is not tables.REJECTED and not table.has_load_id  # dlt adds it to rows alone
    }
    assert {name for name, kind in kinds.items() if kind == ".parquet"} == filled

    client: Any = bigquery.destination_client()
    engine = GoogleSQL()
    for table in tables.ALL:
        columns = list(bigquery.default_schema.get_table_columns(table.name).values())
        (create,) = client._get_table_update_sql(table.name, columns, False)
        # Partitions and clusters are BigQuery's own; the language knows the table before them.
        definition, partition, cluster, _ = re.fullmatch(
            r"(.+?\))(\nPARTITION BY \S+)?(\nCLUSTER BY \S+)?(\nOPTIONS .+)?", flat(create), re.S
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
        text = flat(transpile(client, statement))
        engine.analyze(text)
        engine.table("drift__run_lease", [("owner", "STRING"), ("expires_at", "TIMESTAMP")])


def test_what_has_to_go_goes_by_words_that_google_understands(bigquery: Pipeline) -> None:
    client, engine = bigquery.sql_client(), GoogleSQL()
    for table in tables.ALL:
        columns = [(name, KINDS[kind][1]) for name, (kind, _) in table.columns.items()]
        engine.table(f"drift__{table.name}", columns)

    def values(query: str) -> list[str]:
        engine.analyze(flat(known_state.transpile(client, query)))
        return ['["o\'ne\\\\il"]']

    def read(query: str, columns: pa.Schema) -> pa.Table:
        row = dict.fromkeys(columns.names, *values(query))
        return pa.Table.from_pylist([row], schema=columns)

    policy = PrivacyPolicy("hash", "a key", forgotten=frozenset({"1", "2"}))
    stored: Any = SimpleNamespace(table=read, values=values)
    statements = list(statements_of(stored, policy, tables.CONTACTS))
    assert {statement.split()[0] for statement in statements} == {"update", "delete"}
    for statement in statements:
        engine.analyze(flat(known_state.transpile(client, statement)))


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
