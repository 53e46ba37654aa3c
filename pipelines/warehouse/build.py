"""Makes the models and checks them, wherever they are to be made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from dlt.destinations.exceptions import DatabaseException

from warehouse.comments import Target, describe
from warehouse.dialect import SAME_DATASETS, transpile
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
    row_of,
    rules,
)
from warehouse.tables import (
    Client,
    Name,
    columns_of,
    create_table,
    create_view,
    ensure_dataset,
    rows_of,
)

SAMPLE_ROWS: Final = 5


@dataclass(frozen=True)
class Project:
    """What is to be made: the models, each after those that it reads, and the checks."""

    models: Sequence[Model]
    checks: Sequence[Model]
    settings: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path, settings: Mapping[str, str]) -> "Project":
        """What the files under `sql/` say. Raises `ModelsError`."""
        models = read_models(folder)
        return cls(models, [*rules(models), *read_checks(folder)], settings)

    @property
    def places(self) -> dict[Name, bool]:
        """Every table and view that there is to be, and whether it is a view."""
        return {Name(INTERNAL, SETTINGS): False} | {
            Name(model.dataset, model.name): model.is_view for model in self.models
        }


@dataclass(frozen=True)
class Finding:
    """Rows that a check found: the first of them, and whether there are more."""

    check: Model
    rows: Sequence[Mapping[str, Any]]
    more: bool

    def __str__(self) -> str:
        rows = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in self.rows)
        return f"{self.check.name.replace('_', ' ')}: {rows}{'; …' if self.more else ''}"


@dataclass(frozen=True)
class Built:
    """What was made: rows of each table, and warnings."""

    rows: Mapping[str, int]
    warnings: Sequence[Finding]


def make(
    client: Client,
    project: Project,
    datasets: Mapping[str, str] = SAME_DATASETS,
    *,
    after_each: Callable[[], None] | None = None,
) -> Built:
    """Makes every model, and checks them.

    They are made in the datasets that theirs are mapped to; `after_each` is called after each
    table. Raises `ModelsError`, which names the model or the check, where one cannot be made, and
    where a check finds rows.
    """
    rows = {}
    with naming("The tables could not be built"):
        for dataset in (DATASET, INTERNAL):
            ensure_dataset(client, datasets.get(dataset, dataset))
    settings = Name(datasets.get(INTERNAL, INTERNAL), SETTINGS)
    create_table(client, settings, transpile(client, row_of(project.settings)))
    for model in project.models:
        name = Name(datasets.get(model.dataset, model.dataset), model.name)
        with naming(f"The model {model.name} could not be built"):
            query = query_of(client, model, datasets)
            if model.is_view:
                create_view(client, name, query)
            else:
                create_table(client, name, query)
                rows[model.name] = rows_of(client, name)
                if after_each:
                    after_each()
    findings = _audit(client, datasets, project.checks)
    if failed := [finding for finding in findings if not finding.check.is_warning]:
        found = " ".join(f"{finding}." for finding in failed)
        raise ModelsError(f"The new tables were not published: a check found rows. {found}")
    return Built(rows, findings)


def query_of(client: Client, model: Model, datasets: Mapping[str, str] = SAME_DATASETS) -> str:
    """A model's query as the destination understands it."""
    return transpile(client, model.text, datasets, partial(columns_of, client))


def describe_models(client: Client, models: Sequence[Model]) -> None:
    """Writes what the models and their columns hold, as comments."""
    by_name = {model.name: model for model in models}
    views = [model.name for model in models if model.is_view]
    for dataset in (DATASET, INTERNAL):
        words: dict[Target, str] = {}
        for model in models:
            if model.dataset == dataset:
                words[model.name, None] = model.description
                for column, text in all_columns(model, by_name).items():
                    words[model.name, column] = text
        describe(client, dataset, words, views)


def _audit(client: Client, datasets: Mapping[str, str], checks: Sequence[Model]) -> list[Finding]:
    findings = []
    queries = [transpile(client, check.text, datasets) for check in checks]
    for number in _finding(client, queries):
        check = checks[number]
        with naming(f"The check {check.name} could not be made"):
            with client.execute_query(queries[number]) as cursor:
                names = [column[0] for column in cursor.description or ()]
                found = cursor.fetchmany(SAMPLE_ROWS + 1)
                rows = [dict(zip(names, row, strict=True)) for row in found]
                cursor.fetchall()
            if rows:
                findings.append(Finding(check, rows[:SAMPLE_ROWS], more=len(rows) > SAMPLE_ROWS))
    return findings


def _finding(client: Client, queries: Sequence[str]) -> Sequence[int]:
    """The numbers of the queries that find rows; of all where that need not be asked at once.

    One by one, each would be a journey to the destination, and would have a price on BigQuery.
    """
    if client.capabilities.sqlglot_dialect == "duckdb":
        return range(len(queries))
    asked = (
        f"select {number} as number, exists (select 1 from ({query}) as found) as finds"
        for number, query in enumerate(queries)
    )
    with naming("The checks could not be made"):
        rows = client.execute_sql(" union all ".join(asked)) or ()
    return sorted(number for number, finds in rows if finds)


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Turns a destination's error into a sentence that says what failed."""
    try:
        yield
    except DatabaseException as error:
        raise ModelsError(f"{what}: {words_of(error.dbapi_exception)}") from error
