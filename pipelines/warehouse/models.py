"""`sql/` → tables: read, ordered by their references, transpiled, built, checked, promoted.

A model is a file of one `select` in DuckDB's dialect; its stem is the table's name. A check is a
query for rows that must not exist. In DuckDB all of it takes place in one transaction; elsewhere
the tables are built and checked aside, and then exchanged. Readers see the last good run's tables
or this run's.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from time import monotonic
from typing import Any, Final

import duckdb
from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from dialect import located, sql
from warehouse.destination import duckdb_file
from warehouse.promote import comment, create, ensure_dataset, index_keys, promote

DATASET: Final = "bookings"
ASIDE: Final = "bookings_staging"
"""Where tables are built and checked, unless one transaction hides them while they are."""

SETTINGS: Final = "settings"
"""A table of one row: what the models need to know of the configuration."""

SAMPLE_ROWS: Final = 5


class ModelsError(Exception):
    """The models could not be built, or a check found rows. Nothing was published."""


@dataclass(frozen=True)
class Model:
    """A file of one `select`, with its header's words."""

    name: str
    folder: str
    text: str

    @cached_property
    def references(self) -> set[str]:
        """The models it reads."""
        try:
            tables = duckdb.get_table_names(self.text, qualified=True)  # "schema.table AS alias"
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise ModelsError(f"{self.folder}/{self.name}.sql is no query: {said}") from error
        found = (re.match(rf'{DATASET}\."?(\w+)', table) for table in tables)
        return {match[1] for match in found if match}

    @property
    def description(self) -> str:
        """The header's words above its columns, on one line."""
        header = re.split(r"^(?!--)|^-- (?:grain|columns|severity):", self.text, flags=re.M)
        lines = next(part for part in header if part).splitlines()
        return " ".join(line.removeprefix("--").strip() for line in lines)

    @property
    def grain(self) -> str:
        """What a row is."""
        found = re.search(r"^-- grain: (.+)$", self.text, flags=re.M)
        return found[1] if found else ""

    @property
    def columns(self) -> dict[str, str]:
        """What each column holds, as the header has it, in the header's order."""
        return dict(re.findall(r"^--   (\w+): (.+)$", self.text, flags=re.M))

    @property
    def keys(self) -> Sequence[str]:
        """The columns by which people look rows up."""
        found = re.search(r"^-- looked up by: (.+)$", self.text, flags=re.M)
        return found[1].split(", ") if found else ()

    @property
    def is_warning(self) -> bool:
        """Whether this check is shown in the summary and lets the run go on."""
        return bool(re.search(r"^-- severity: warn$", self.text, flags=re.M))


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


def read_models(folder: Path) -> list[Model]:
    """The models under `staging` and `marts`, each after those that it reads."""
    models = {
        path.stem: Model(path.stem, path.parent.name, path.read_text("utf-8"))
        for part in ("staging", "marts")
        for path in sorted((folder / part).glob("*.sql"))
    }
    order = TopologicalSorter(
        {name: sorted(model.references & models.keys()) for name, model in models.items()}
    )
    try:
        return [models[name] for name in order.static_order()]
    except CycleError as cycle:
        circle = " → ".join(cycle.args[1])
        raise ModelsError(f"Models read each other in a circle: {circle}.") from cycle


def read_checks(folder: Path) -> list[Model]:
    """The checks, by name."""
    paths = sorted((folder / "checks").glob("*.sql"))
    return [Model(path.stem, "checks", path.read_text("utf-8")) for path in paths]


def build(pipeline: Pipeline, folder: Path, settings: Mapping[str, str]) -> Built:
    """Builds every model in the dataset `bookings`, and promotes them all if no check objects.

    Raises `ModelsError`, naming the model or check, and leaves the tables as they were.
    """
    models, checks = read_models(folder), read_checks(folder)
    with pipeline.sql_client() as client:
        with _naming("The tables could not be built"):
            ensure_dataset(client, DATASET)
        if client.capabilities.sqlglot_dialect == "duckdb":
            if duckdb_file(pipeline):
                # dlt lets the write-ahead log grow. What it loaded need not stay in memory, and
                # what is written here goes to the file at once.
                client.execute_sql("set global checkpoint_threshold = '16MB'")
                client.execute_sql("checkpoint")
            # Who reads while a transaction creates tables anew sees the old ones, and never waits.
            with client.begin_transaction():
                built = _make(client, DATASET, models, checks, settings)
                _describe(client, models)
            return built
        with _naming("The tables could not be built"):
            ensure_dataset(client, ASIDE)
            for schema in pipeline.schemas.values():
                index_keys(client, schema)
        built = _make(client, ASIDE, models, checks, settings)
        keys = {model.name: model.keys for model in models}
        with _naming("The tables could not be published"):
            promote(client, ASIDE, DATASET, {SETTINGS: (), **keys})
            _describe(client, models)
        return built


def _make(
    client: SqlClientBase[Any],
    dataset: str,
    models: Sequence[Model],
    checks: Sequence[Model],
    settings: Mapping[str, str],
) -> Built:
    """Builds the models in a dataset, and makes the checks on them there."""
    rows, seconds, findings = {}, {}, []
    create(client, dataset, SETTINGS, sql(client, exp.select(*_literals(settings))))
    for model in models:
        began = monotonic()
        with _naming(f"The model {model.name} could not be built"):
            query = located(client, model.text, {DATASET: dataset})
            rows[model.name] = create(client, dataset, model.name, query)
        seconds[model.name] = monotonic() - began
    for check in checks:
        with _naming(f"The check {check.name} could not be made"):
            if finding := _audit(client, dataset, check):
                findings.append(finding)
    if failed := [finding for finding in findings if not finding.check.is_warning]:
        found = " ".join(f"{finding}." for finding in failed)
        raise ModelsError(f"The new tables were not published: a check found rows. {found}")
    return Built(rows, seconds, findings)


def _literals(settings: Mapping[str, str]) -> list[exp.Expr]:
    return [
        exp.alias_(exp.cast(exp.Literal.string(value), "text"), name)
        for name, value in settings.items()
    ]


def _describe(client: SqlClientBase[Any], models: Sequence[Model]) -> None:
    for model in models:
        comment(client, DATASET, model.name, model.description, model.columns)


def _audit(client: SqlClientBase[Any], dataset: str, check: Model) -> Finding | None:
    with client.execute_query(located(client, check.text, {DATASET: dataset})) as cursor:
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(SAMPLE_ROWS + 1)]
        cursor.fetchall()
    if not rows:
        return None
    return Finding(check, rows[:SAMPLE_ROWS], more=len(rows) > SAMPLE_ROWS)


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Turns a destination's error into a sentence that says what failed."""
    try:
        yield
    except DatabaseException as error:
        said = str(error.dbapi_exception).strip().splitlines()[0]
        raise ModelsError(f"{what}: {said}") from error
