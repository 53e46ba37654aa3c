"""Builds the models, checks them, and publishes them if no check objects.

A DuckDB file is the pipeline's own, and what people read is a copy of it: there the tables are
built in place, and copied only if the checks pass. In MotherDuck and DuckLake all of it is one
transaction. Elsewhere the tables are built and checked aside, and then take the place of the last
ones. So readers see the last good run's tables or this run's.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from warehouse.destination import duckdb_file
from warehouse.dialect import sql, transpile
from warehouse.errors import words_of
from warehouse.models import (
    DATASET,
    INTERNAL,
    SETTINGS,
    Model,
    ModelsError,
    all_columns,
    read_checks,
    read_models,
    rules,
)
from warehouse.swap import (
    Name,
    columns_of,
    comment,
    create_table,
    create_view,
    drop,
    ensure_dataset,
    index_keys,
    remove_strangers,
    rows_of,
    swap,
)

Client = SqlClientBase[Any]

ASIDE: Final = "bookings_staging"
"""Where tables are built and checked, unless one transaction hides them while they are."""

SAMPLE_ROWS: Final = 5

DIGEST: Final = "models_digest"
"""A column of the settings: which models made the tables."""


@dataclass(frozen=True)
class Finding:
    """Rows that a check found: how many at least, and the first of them."""

    check: Model
    rows: Sequence[Mapping[str, Any]]
    more: bool

    def __str__(self) -> str:
        rows = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in self.rows)
        return f"{self.check.name.replace('_', ' ')}: {rows}{'; …' if self.more else ''}"


@dataclass(frozen=True)
class Built:
    """What a build made: rows of each table, seconds of each model, and warnings."""

    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    warnings: Sequence[Finding]


def build(pipeline: Pipeline, folder: Path, settings: Mapping[str, str]) -> Built:
    """Builds every model, and publishes them all if no check objects.

    Raises `ModelsError`, naming the model or check, and leaves the tables as they were.
    """
    models, checks = read_models(folder), read_checks(folder)
    with pipeline.sql_client() as client:
        if client.capabilities.sqlglot_dialect == "duckdb":
            is_file = duckdb_file(pipeline) is not None
            if is_file:
                # dlt lets the write-ahead log grow. What it loaded need not stay in memory, and
                # what is written here goes to the file at once.
                client.execute_sql("set global checkpoint_threshold = '16MB'")
                client.execute_sql("checkpoint")
                # Nobody reads the pipeline's own file: what people open is a copy, made once all
                # checks have passed. Within a transaction DuckDB 1.5 reads new tables with one
                # thread, which doubles the time.
                return _build_in_place(client, models, checks, settings)
            # Who reads sees the old tables until all is done, and never waits.
            with client.begin_transaction():
                return _build_in_place(client, models, checks, settings, keeps_tables=False)
        return _build_aside(client, pipeline, models, checks, settings)


def _build_in_place(
    client: Client,
    models: Sequence[Model],
    checks: Sequence[Model],
    settings: Mapping[str, str],
    *,
    keeps_tables: bool = True,
) -> Built:
    with _naming("The tables could not be built"):
        for dataset in (DATASET, INTERNAL):
            ensure_dataset(client, dataset)
        digest = _digest(models)
        is_same = keeps_tables and _published_digest(client) == digest
        if not is_same:
            remove_strangers(client, _places(models))
    # Without a digest until all is made: a run that is killed leaves tables of two runs behind.
    built = _make(client, {}, models, checks, {**settings, DIGEST: ""}, is_same=is_same)
    with client.begin_transaction() if keeps_tables else nullcontext():
        # One by one, each would be written to disk at once.
        _describe(client, [model for model in models if not (model.is_view and is_same)], models)
        at = sql(client, Name(INTERNAL, SETTINGS).at(client))
        client.execute_sql(f"update {at} set {DIGEST} = '{digest}'")
    return built


def _build_aside(
    client: Client,
    pipeline: Pipeline,
    models: Sequence[Model],
    checks: Sequence[Model],
    settings: Mapping[str, str],
) -> Built:
    with _naming("The tables could not be built"):
        for dataset in (DATASET, INTERNAL, ASIDE):
            ensure_dataset(client, dataset)
        for schema in pipeline.schemas.values():
            index_keys(client, schema)
    settings = {**settings, DIGEST: _digest(models)}
    is_same = _published_digest(client) == settings[DIGEST]
    with _naming("The tables could not be built"):
        aside = {Name(ASIDE, name.table): is_view for name, is_view in _places(models).items()}
        remove_strangers(client, aside)  # what a killed run, or a former version, left behind
        drop(client, [name for name, is_view in aside.items() if is_view][::-1], are_views=True)
        if not is_same:
            remove_strangers(client, _places(models))
    built = _make(client, dict.fromkeys((DATASET, INTERNAL), ASIDE), models, checks, settings)
    tables = {Name(INTERNAL, SETTINGS): ()} | {
        Name(model.dataset, model.name): model.keys for model in models if not model.is_view
    }
    views = {
        Name(model.dataset, model.name): _query(client, model, {})
        for model in models
        if model.is_view
    }
    with _naming("The tables could not be published"):
        swap(client, ASIDE, tables, views, keeps_views=is_same)
        if not is_same:
            _describe(client, models, models)
    return built


def _make(
    client: Client,
    datasets: Mapping[str, str],
    models: Sequence[Model],
    checks: Sequence[Model],
    settings: Mapping[str, str],
    *,
    is_same: bool = False,
) -> Built:
    """Builds the models in the datasets that theirs are mapped to, and checks them there.

    With `is_same`, the views are there already, as these models made them, and stay.
    """
    rows, seconds = {}, {}
    literals = sql(client, exp.select(*_literals(settings)))
    create_table(client, Name(datasets.get(INTERNAL, INTERNAL), SETTINGS), literals)
    for model in models:
        began = monotonic()
        name = Name(datasets.get(model.dataset, model.dataset), model.name)
        with _naming(f"The model {model.name} could not be built"):
            query = _query(client, model, datasets)
            if model.is_view and not is_same:
                create_view(client, name, query)
            elif not model.is_view:
                create_table(client, name, query)
                rows[model.name] = rows_of(client, name)
        seconds[model.name] = monotonic() - began
    began = monotonic()
    findings = _audit(client, datasets, [*rules(models), *checks])
    seconds["checks"] = monotonic() - began
    if failed := [finding for finding in findings if not finding.check.is_warning]:
        found = " ".join(f"{finding}." for finding in failed)
        raise ModelsError(f"The new tables were not published: a check found rows. {found}")
    return Built(rows, seconds, findings)


def _query(client: Client, model: Model, datasets: Mapping[str, str]) -> str:
    return transpile(client, model.text, datasets, lambda table: columns_of(client, table))


def _audit(client: Client, datasets: Mapping[str, str], checks: Sequence[Model]) -> list[Finding]:
    findings = []
    queries = [transpile(client, check.text, datasets) for check in checks]
    for number in _finding(client, queries):
        check = checks[number]
        with _naming(f"The check {check.name} could not be made"):
            with client.execute_query(queries[number]) as cursor:
                names = [column[0] for column in cursor.description or ()]
                found = cursor.fetchmany(SAMPLE_ROWS + 1)
                rows = [dict(zip(names, row, strict=True)) for row in found]
                cursor.fetchall()
            if rows:
                findings.append(Finding(check, rows[:SAMPLE_ROWS], more=len(rows) > SAMPLE_ROWS))
    return findings


def _finding(client: Client, queries: Sequence[str]) -> Sequence[int]:
    """The numbers of the queries that find rows; of all where that cannot be asked at once.

    One by one, each would be a journey to the destination, and would have a price on BigQuery.
    """
    if client.capabilities.sqlglot_dialect != "duckdb":
        asked = (
            f"select {number} as number, exists (select 1 from ({query}) as found) as finds"
            for number, query in enumerate(queries)
        )
        with _naming("The checks could not be made"):
            try:
                rows = client.execute_sql(" union all ".join(asked)) or ()
            except DatabaseException:  # which one it is about is said when it is asked alone
                if client.native_connection is None:  # the line broke, and there is no other
                    raise
            else:
                return sorted(number for number, finds in rows if finds)
    return range(len(queries))


def _describe(client: Client, described: Sequence[Model], models: Sequence[Model]) -> None:
    by_name = {model.name: model for model in models}
    for model in described:
        words = all_columns(model, by_name)
        comment(client, Name(model.dataset, model.name), model.description, words, model.is_view)


def _places(models: Sequence[Model]) -> dict[Name, bool]:
    """Every table and view that there is to be, and whether it is a view."""
    return {Name(INTERNAL, SETTINGS): False} | {
        Name(model.dataset, model.name): model.is_view for model in models
    }


def _digest(models: Sequence[Model]) -> str:
    texts = "\n".join(f"{model.dataset}.{model.name} {model.text}" for model in models)
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def _published_digest(client: Client) -> str | None:
    """The digest of the models that made what is there. With the same ones, no view need be made
    again."""
    place = Name(INTERNAL, SETTINGS).at(client)
    if DIGEST not in columns_of(client, place):
        return None
    rows = client.execute_sql(f"select {DIGEST} from {sql(client, place)}")
    return next((str(row[0]) for row in rows or ()), None)


def _literals(settings: Mapping[str, str]) -> list[exp.Expr]:
    return [
        exp.alias_(exp.cast(exp.Literal.string(value), "text"), name)
        for name, value in settings.items()
    ]


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Turns a destination's error into a sentence that says what failed."""
    try:
        yield
    except DatabaseException as error:
        raise ModelsError(f"{what}: {words_of(error.dbapi_exception)}") from error
