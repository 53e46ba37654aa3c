"""`sql/` → tables: read, ordered by their references, transpiled, built, checked, promoted.

A model is a file of one `select` in DuckDB's dialect; its stem is the table's name. A check is a
query for rows that must not exist. All of it takes place in one transaction where the destination
can roll back what it has created, so readers see the last good run's tables or this run's.
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

import sqlglot
from dlt import Pipeline
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

DATASET: Final = "bookings"
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
    def query(self) -> exp.Query:
        parsed = sqlglot.parse_one(self.text, read="duckdb")
        if not isinstance(parsed, exp.Query):
            raise ModelsError(f"{self.folder}/{self.name}.sql holds no select.")
        return parsed

    @cached_property
    def references(self) -> set[str]:
        """The models it reads."""
        return {t.name for t in self.query.find_all(exp.Table) if t.db == DATASET}

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
    with pipeline.sql_client() as client, client.begin_transaction():
        with client.with_alternative_dataset_name(DATASET):
            if not client.has_dataset():
                client.create_dataset()
        _create(client, SETTINGS, exp.select(*_literals(settings)))
        rows, seconds = {}, {}
        for model in models:
            began = monotonic()
            with _naming(f"The model {model.name} could not be built"):
                rows[model.name] = _create(client, model.name, model.query)
                _comment(client, model)
            seconds[model.name] = monotonic() - began
        findings = []
        for check in checks:
            with _naming(f"The check {check.name} could not be made"):
                if finding := _audit(client, check):
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


def _create(client: SqlClientBase[Any], name: str, query: exp.Query) -> int:
    """Builds a table from a query, in place of what had its name; the number of its rows."""
    table = _sql(client, _table(client, DATASET, name))
    client.execute_sql(f"drop table if exists {table}")
    client.execute_sql(f"create table {table} as {_located(client, query)}")
    ((rows,),) = client.execute_sql(f"select count(*) from {table}") or ((0,),)
    return int(rows)


def _comment(client: SqlClientBase[Any], model: Model) -> None:
    """Writes the header's words to the destination, where it takes comments."""
    if client.capabilities.sqlglot_dialect not in ("duckdb", "postgres", "redshift", "snowflake"):
        return
    table = _sql(client, _table(client, DATASET, model.name))
    comments = {f"table {table}": model.description}
    comments |= {
        f"column {table}.{_sql(client, exp.to_identifier(column, quoted=True))}": text
        for column, text in model.columns.items()
    }
    for what, text in comments.items():
        client.execute_sql(f"comment on {what} is {_sql(client, exp.Literal.string(text))}")


def _audit(client: SqlClientBase[Any], check: Model) -> Finding | None:
    with client.execute_query(_located(client, check.query)) as cursor:
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(SAMPLE_ROWS + 1)]
        cursor.fetchall()
    if not rows:
        return None
    return Finding(check, rows[:SAMPLE_ROWS], more=len(rows) > SAMPLE_ROWS)


def _located(client: SqlClientBase[Any], query: exp.Query) -> str:
    """The query in the destination's dialect, its tables named as the destination calls them."""

    def locate(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or not node.db:
            return node
        dataset = DATASET if node.db == DATASET else client.dataset_name
        table = _table(client, dataset, node.name)
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name))
        table.set("alias", alias)
        return table

    return _sql(client, query.transform(locate))


def _table(client: SqlClientBase[Any], dataset: str, name: str) -> exp.Table:
    with client.with_alternative_dataset_name(dataset):
        path = client.make_qualified_table_name_path(name, quote=False)
    parts = [exp.to_identifier(part, quoted=True) for part in path]
    return exp.Table(this=parts[-1], db=parts[-2], catalog=parts[0] if len(parts) > 2 else None)


def _sql(client: SqlClientBase[Any], statement: exp.Expr) -> str:
    return statement.sql(dialect=client.capabilities.sqlglot_dialect)


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Turns a destination's error into a sentence that says what failed."""
    try:
        yield
    except DatabaseException as error:
        said = str(error.dbapi_exception).strip().splitlines()[0]
        raise ModelsError(f"{what}: {said}") from error
