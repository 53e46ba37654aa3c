"""The files under `sql/`: what each is called, says of itself, and reads.

A model is a file of one `select` in DuckDB's dialect; its stem is the table's name, its folder says
where the table stands. A check is a query for rows that must not exist. The header's lines:

    -- What a row is, in a sentence or several.
    -- grain: agent_id or null, meeting_on    the columns that tell rows apart; or: one row
    -- looked up by: meeting_on               the columns that people look rows up by
    -- materialized: view                     where the folder makes tables, and this is none
    -- severity: warn                         of a check: shown in the summary, stops nothing

A column's words stand at the end of the line on which it gets its name.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import duckdb

from warehouse.errors import SettingError, WarehouseError

DATASET: Final = "bookings"
"""What analysts read."""

INTERNAL: Final = "bookings_internal"
"""What the models need of each other, and what the report draws."""

FOLDERS: Final[Mapping[str, tuple[str, str]]] = {
    "staging": (INTERNAL, "view"),
    "intermediate": (INTERNAL, "table"),
    "marts": (DATASET, "table"),
    "report": (INTERNAL, "view"),
}
"""Each folder's dataset, and how its models are made unless they say otherwise."""

SETTINGS: Final = "settings"
"""A table of one row in `INTERNAL`: what the models need to know of the configuration."""


class ModelsError(WarehouseError):
    """The models could not be read or built, or a check found rows. Nothing was published."""


@dataclass(frozen=True)
class Model:
    """A file of one query, with its header's words."""

    name: str
    folder: str
    text: str

    @property
    def dataset(self) -> str:
        return FOLDERS[self.folder][0]

    @property
    def is_view(self) -> bool:
        return (self._header("materialized") or FOLDERS[self.folder][1]) == "view"

    @cached_property
    def references(self) -> set[str]:
        """The tables that it reads, as `schema.table`."""
        try:
            tables = duckdb.get_table_names(self.text, qualified=True)  # "schema.table AS alias"
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise ModelsError(f"{self.folder}/{self.name}.sql is no query: {said}") from error
        return {table.split(" ")[0].replace('"', "") for table in tables if "." in table}

    @property
    def description(self) -> str:
        """What a row is, on one line."""
        header = re.split(
            r"^(?!--)|^-- (?:grain|looked|materialized|severity)", self.text, flags=re.M
        )
        lines = next(part for part in header if part).splitlines()
        return " ".join(line.removeprefix("--").strip() for line in lines)

    @property
    def grain(self) -> dict[str, bool]:
        """The columns that tell rows apart, and whether each may be null; none for one row."""
        columns = (self._header("grain") or "one row").split(", ")
        pairs = [column.partition(" or null") for column in columns if column != "one row"]
        return {name: bool(nullable) for name, nullable, _ in pairs}

    @property
    def keys(self) -> Sequence[str]:
        """The columns by which people look rows up."""
        return [key for key in (self._header("looked up by") or "").split(", ") if key]

    @property
    def is_warning(self) -> bool:
        """Whether this check is shown in the summary and lets the run go on."""
        return self._header("severity") == "warn"

    @cached_property
    def columns(self) -> dict[str, str]:
        """The columns that it names, and what each holds; those of a star are another model's."""
        items = re.split(r"^select\b", self.text, maxsplit=1, flags=re.M)[-1]
        items = re.split(r"^(?:from|union)\b", items, maxsplit=1, flags=re.M)[0]
        return dict(re.findall(r"(\w+),? -- (.+)$", items, flags=re.M))

    @property
    def star(self) -> tuple[str, set[str]] | None:
        """The model whose columns it has beside its own, and those of them that it leaves out."""
        items = re.split(r"^select\b", self.text, maxsplit=1, flags=re.M)[-1]
        if not (star := re.search(r"^    (\w+)\.\*(?: exclude \((.+)\))?$", items, flags=re.M)):
            return None
        source = re.search(rf"^from \w+\.(\w+) as {star[1]}$", items, flags=re.M)
        return (source[1], set((star[2] or "").split(", "))) if source else None

    def _header(self, key: str) -> str | None:
        found = re.search(rf"^-- {key}: (.+)$", self.text, flags=re.M)
        return found[1] if found else None


def read_models(folder: Path) -> list[Model]:
    """The models, each after those that it reads. Raises `ModelsError` for a circle."""
    models = {
        path.stem: Model(path.stem, path.parent.name, path.read_text("utf-8"))
        for part in FOLDERS
        for path in sorted((folder / part).glob("*.sql"))
    }
    read = {model.name: _known(model.references, models) for model in models.values()}
    try:
        return [models[name] for name in TopologicalSorter(read).static_order()]
    except CycleError as cycle:
        circle = " → ".join(cycle.args[1])
        raise ModelsError(f"Models read each other in a circle: {circle}.") from cycle


def read_checks(folder: Path) -> list[Model]:
    """The checks that are files, by name."""
    paths = sorted((folder / "checks").glob("*.sql"))
    return [Model(path.stem, "checks", path.read_text("utf-8")) for path in paths]


def needed_by(name: str, models: Sequence[Model]) -> list[Model]:
    """The model of that name after all that it needs. Raises `SettingError`."""
    by_name = {model.name: model for model in models}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, 1)
        hint = f"is {near[0]} meant?" if near else "the files in sql/ are named after theirs."
        raise SettingError(f"There is no model {name}; {hint}")
    needed = {name}
    for model in reversed(models):  # each stands after those that it reads
        if model.name in needed:
            needed.update(_known(model.references, by_name))
    return [model for model in models if model.name in needed]


def all_columns(model: Model, models: Mapping[str, Model]) -> dict[str, str]:
    """Every column of a model, those of its star included, and what each holds."""
    if not model.star:
        return model.columns
    source, excluded = model.star
    others = all_columns(models[source], models).items()
    return model.columns | {name: words for name, words in others if name not in excluded}


def rules(models: Sequence[Model]) -> Iterator[Model]:
    """The checks that follow from the marts' grain and from the names of their columns.

    Rows are told apart by the grain; a key is never null, unless the grain says so; nor is a
    column `is_…`; a `…_rate` or `…_share` lies between 0 and 1.
    """
    by_name = {model.name: model for model in models}
    for model in models:
        if model.is_view or model.dataset != DATASET:
            continue
        table, columns = f"{model.dataset}.{model.name}", all_columns(model, by_name)
        keys = ", ".join(model.grain)
        query = f"select count(*) as copies from {table} having count(*) <> 1"
        if keys:
            query = f"select {keys}, count(*) as copies from {table} group by {keys}"
            query += " having count(*) > 1"
        named = "_and_".join(model.grain) or "warehouse"
        yield Model(f"{model.name}_has_one_row_per_{named}", "checks", query)
        never_null = [key for key, nullable in model.grain.items() if not nullable]
        never_null += [name for name in columns if name.startswith("is_")]
        shares = [name for name in columns if name.endswith(("_rate", "_share"))]
        faults = [f"{name} is null" for name in never_null]
        faults += [f"not {name} between 0 and 1" for name in shares]
        if faults:
            shown = ", ".join(dict.fromkeys([*model.grain, *never_null, *shares]))
            query = f"select {shown} from {table} where {' or '.join(faults)}"
            yield Model(f"{model.name}_has_whole_keys_flags_and_shares", "checks", query)


def row_of(settings: Mapping[str, str]) -> str:
    """The row of `SETTINGS`, as a query."""
    values = (f"cast('{value}' as varchar) as {key}" for key, value in settings.items())
    return f"select {', '.join(values)}"


def alone(name: str, models: Sequence[Model], settings: Mapping[str, str]) -> str:
    """One query for the rows of a model, in which all that it needs is made from the raw tables."""
    parts = [f"{SETTINGS} as ({row_of(settings)})"]
    for model in needed_by(name, models):
        text = re.sub(rf"\b(?:{DATASET}|{INTERNAL})\.(?=\w)", "", model.text).strip()
        parts.append(f"{model.name} as (\n{text}\n)")
    return f"with {', '.join(parts)} select * from {name}"


def _known(references: Iterable[str], models: Mapping[str, Model]) -> list[str]:
    named = (reference.partition(".") for reference in references)
    return sorted(
        name for dataset, _, name in named if name in models and models[name].dataset == dataset
    )
