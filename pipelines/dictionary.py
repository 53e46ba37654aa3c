"""Writes sql/README.md: where each table comes from, what its columns hold, what is checked; and
sql/sources.yml, the same tables for dbt.

    uv run pipelines/dictionary.py

The words are those of the models' files and of the raw tables' descriptions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drift import tables
from warehouse.models import DATASET, Model, all_columns, read_checks, read_models

SQL = Path(__file__).resolve().parent.parent / "sql"

PARTS = {
    "marts": ("Tables to read: `bookings`", "What analysts, reports and dashboards read."),
    "intermediate": ("Between raw and marts: `bookings_internal`", "What several marts need."),
    "staging": (
        "Raw tables in the words of the models: `bookings_internal`",
        "The only models that read `drift`.",
    ),
    "report": ("What the report draws: `bookings_internal`", "Read by `--report` alone."),
}


DATABASE = "{{ var('drift_bookings_database', target.database) }}"
"""Where dbt finds the tables: its target's database, unless a variable names an attached one."""

FRESHNESS = {
    "loaded_at_field": "started_at",
    "freshness": {
        "warn_after": {"count": 24, "period": "hour"},
        "error_after": {"count": 30, "period": "day"},  # as long as Drift shows a meeting
    },
}


def sources() -> str:
    """The raw tables and the marts as dbt's sources, in YAML."""
    models = {model.name: model for model in read_models(SQL)}
    raw = [
        _source(table.name, table.description, words, dict.fromkeys(table.primary_key, False))
        | ({"config": FRESHNESS} if table is tables.SYNC else {})
        for table in tables.ALL
        for words in ({name: text for name, (_, text) in table.columns.items()},)
    ]
    marts = [
        _source(model.name, model.description, all_columns(model, models), model.grain)
        for _, model in sorted(models.items())
        if model.dataset == DATASET
    ]
    datasets = [
        ("drift", "What Drift sent, as dlt loads it.", raw),
        (DATASET, PARTS["marts"][1], marts),
    ]
    found = [
        {"name": name, "description": words, "database": DATABASE, "schema": name, "tables": each}
        for name, words, each in datasets
    ]
    text = yaml.safe_dump({"version": 2, "sources": found}, sort_keys=False, width=100)
    return (
        "# Written by `uv run pipelines/dictionary.py`. For dbt: copy it into its models.\n" + text
    )


def _source(
    name: str, description: str, columns: Mapping[str, str], key: Mapping[str, bool]
) -> dict[str, Any]:
    """A table, with tests that its key's columns (true: may be null) tell its rows apart."""
    found: dict[str, Any] = {"name": name, "description": description}
    if len(key) > 1:  # a row of columns, which engines compare as one value
        found["data_tests"] = [{"unique": {"arguments": {"column_name": f"({', '.join(key)})"}}}]
    found["columns"] = []
    for column, words in columns.items():
        tests = ["unique"] * (list(key) == [column]) + ["not_null"] * (key.get(column) is False)
        told: dict[str, Any] = {"name": column, "description": words}
        found["columns"].append(told | ({"data_tests": tests} if tests else {}))
    return found


def dictionary() -> str:
    """The page, in Markdown."""
    models, questions = read_models(SQL), _read_questions()
    parts = (
        *(_head(), _index(questions), _flow(models), _tables(models), _raw(), _checks()),
        _answers(questions),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


@dataclass(frozen=True)
class Question:
    """What people ask, in words and as a query."""

    words: str
    more: str
    query: str
    tables: Sequence[str]

    @property
    def anchor(self) -> str:
        """Where the page has it."""
        return re.sub(r"[^\w\- ]", "", self.words.lower()).replace(" ", "-")


def _read_questions() -> list[Question]:
    """By the tables that they read: data_health only says in most of them what day it is."""
    found = []
    for path in sorted((SQL / "questions").glob("*.sql")):
        file = Model(path.stem, "questions", path.read_text("utf-8"))
        header, query = file.text.split("\n", 1)
        words, _, more = header.removeprefix("-- ").partition("? ")
        read = sorted(reference.partition(".")[2] for reference in file.references)
        tables = [table for table in read if table != "data_health"] or read
        found.append(Question(f"{words.rstrip('?')}?", more, query.rstrip(), tables))
    return sorted(found, key=lambda question: (question.tables, question.words))


def _head() -> Iterator[str]:
    yield "# The tables, by what people ask, and where they come from"
    yield ""
    yield "Written by `uv run pipelines/dictionary.py` from the models' own files. The same words"
    yield "stand in the database, as comments on tables and columns. Times are UTC. Days are days"
    yield "in `bookings.time_zone`. Now is the start of the newest sync. How to change a metric:"
    yield "[docs/models.md](../docs/models.md)."


def _index(questions: Sequence[Question]) -> Iterator[str]:
    yield from ("", "## What do you want to know?", "", "| question | tables |", "|---|---|")
    for question in questions:
        tables = ", ".join(f"[{table}](#{table})" for table in question.tables)
        yield f"| [{question.words}](#{question.anchor}) | {tables} |"


def _flow(models: Sequence[Model]) -> Iterator[str]:
    yield from ("", "## How the tables are made", "", "```mermaid", "flowchart LR")
    shown = {model.name for model in models if model.folder != "report"}
    yield "    subgraph drift"
    yield from (f'        raw_{table.name}["{table.name}"]' for table in tables.ALL)
    yield "    end"
    for part in ("staging", "intermediate", "marts"):
        names = [model.name for model in models if model.folder == part]
        yield from (
            f"    subgraph {part}",
            *(f"        {name}" for name in sorted(names)),
            "    end",
        )
    for model in sorted(models, key=lambda model: model.name):
        for reference in sorted(model.references):
            dataset, _, source = reference.partition(".")
            if dataset == "drift" and not source.startswith("_dlt"):
                yield f"    raw_{source} --> {model.name}"
            elif model.name in shown and source in shown:
                yield f"    {source} --> {model.name}"
    yield "```"


def _tables(models: Sequence[Model]) -> Iterator[str]:
    for part, (title, words) in PARTS.items():
        own = sorted((m for m in models if m.folder == part), key=lambda model: model.name)
        if own:
            yield from ("", f"## {title}", "", words)
        for model in own:
            yield from ("", f"### {model.name}", "", model.description, "")
            kind = "View" if model.is_view else "Table"
            file = f"{model.folder}/{model.name}.sql"
            yield f"*{kind}, {_grain(model)}: [{file}]({file}).*"
            yield from _columns(model.columns)
            if dimensions := re.findall(r"'(\w+)' as dimension\b", model.text):
                named = ", ".join(f"`{dimension}`" for dimension in dimensions)
                yield f"| | the dimensions: {named} |"
            if model.star:
                source, excluded = model.star
                without = f", without {', '.join(f'`{n}`' for n in sorted(excluded - {''}))}"
                left_out = without if excluded - {""} else ""
                yield f"| … | every column of [{source}](#{source}){left_out} |"


def _grain(model: Model) -> str:
    columns = [f"`{name}`" for name in model.grain]
    return f"one row per {', '.join(columns)}" if columns else "one row"


def _raw() -> Iterator[str]:
    yield from ("", "## Raw tables: `drift`", "", "Written by dlt, as Drift sent it.")
    for table in (*tables.ALL, tables.FORGOTTEN):
        key = f" Key: `{', '.join(table.primary_key)}`." if table.primary_key else ""
        yield from ("", f"### drift.{table.name}", "", f"{table.description}{key}")
        yield from _columns({name: words for name, (_, words) in table.columns.items()})


def _checks() -> Iterator[str]:
    yield from ("", "## What is checked before anything is published", "")
    yield "- Rows of a table are told apart by its key, which is not null unless its model says so."
    yield "- A column `is_…` is never null. A `…_rate` or `…_share` lies between 0 and 1."
    for check in read_checks(SQL):
        warns = " (a warning)" if check.is_warning else ""
        yield f"- `{check.name}`{warns}: {check.description}"


def _answers(questions: Sequence[Question]) -> Iterator[str]:
    yield from ("", "## The questions, as queries", "")
    yield "The files are in [questions](questions); each runs as it is on the published file."
    for question in sorted(questions, key=lambda question: question.words):
        yield from ("", f"### {question.words}", "")
        yield from (question.more, "") if question.more else ()
        yield from ("```sql", question.query, "```")


def _columns(columns: Mapping[str, str]) -> Iterator[str]:
    yield from ("", "| column | |", "|---|---|")
    for name, words in columns.items():
        yield f"| `{name}` | {words.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    (SQL / "README.md").write_text(dictionary(), "utf-8")
    (SQL / "sources.yml").write_text(sources(), "utf-8")
