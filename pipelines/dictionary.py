"""Writes sql/README.md: every table, its grain and columns, and the questions that people ask.

    python pipelines/dictionary.py

The words are those of the models' headers and of the raw tables' descriptions.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from drift import tables
from warehouse.models import read_checks, read_models

SQL = Path(__file__).resolve().parent.parent / "sql"


def dictionary() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# The tables and what they hold"
    yield ""
    yield "Written by `python pipelines/dictionary.py` from the headers of the models. The same"
    yield "words stand in the database, as comments on tables and columns. Times are UTC; days are"
    yield "days in `bookings.time_zone`; now is the start of the newest sync."
    models = read_models(SQL)
    for part, title in (("marts", "Models"), ("staging", "Steps towards them")):
        yield from ("", f"## {title}: `bookings`")
        for model in sorted(models, key=lambda model: model.name):
            if model.folder == part:
                yield from ("", f"### {model.name}", "", model.description, "")
                yield f"*{model.grain[0].upper()}{model.grain[1:]}.*"
                yield from _columns(model.columns)
    yield from ("", "## Raw: `drift`")
    for table in tables.ALL:
        key = f" Key: `{', '.join(table.primary_key)}`." if table.primary_key else ""
        yield from ("", f"### {table.name}", "", f"{table.description}{key}")
        yield from _columns({name: words for name, (_, words) in table.columns.items()})
    yield from ("", "## What is checked before anything is published", "")
    for check in read_checks(SQL):
        warns = " (a warning)" if check.is_warning else ""
        yield f"- `{check.name}`{warns}: {check.description}"
    yield from ("", "## Questions that people ask")
    for path in sorted((SQL / "questions").glob("*.sql")):
        question, query = path.read_text("utf-8").split("\n", 1)
        yield from ("", question.removeprefix("-- "), "", "```sql", query.rstrip(), "```")


def _columns(columns: Mapping[str, str]) -> Iterator[str]:
    yield from ("", "| column | |", "|---|---|")
    for name, words in columns.items():
        yield f"| `{name}` | {words.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    (SQL / "README.md").write_text(dictionary(), "utf-8")
