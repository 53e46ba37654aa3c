"""What each SQL file says of itself is true, and each stands where it belongs."""

import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from tests.models.raw_tables import RAW_TABLES
from warehouse.models import Model, ModelsError, all_columns, read_models

from .conftest import CHECKS, MODELS, SQL, Given, load, user, version

ATTENDANCE = re.compile(r"\b(held|attended|attendance|show|no[-_ ]?show)\b", re.IGNORECASE)

LAYERS = {
    "staging": {"drift", "bookings_internal"},
    "intermediate": {"bookings_internal"},
    "marts": {"bookings", "bookings_internal"},
    "report": {"bookings", "bookings_internal"},
}
"""The schemas that the models of each folder may read."""

each_model = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)


def parsed_columns(model: Model) -> dict[str, str]:
    """The columns of the outermost select, and its comments, as a parser of SQL reads them."""
    query = sqlglot.parse_one(model.text, read="duckdb")
    while isinstance(query, exp.SetOperation):
        query = query.this
    assert isinstance(query, exp.Select)
    return {
        item.alias_or_name: " ".join(
            comment.strip() for node in item.walk() for comment in node.comments or ()
        )
        for item in query.selects
        if not item.is_star
    }


@each_model
def test_the_words_beside_a_column_are_those_that_a_parser_finds_there(model: Model) -> None:
    assert list(model.columns.items()) == list(parsed_columns(model).items())


def test_the_columns_built_are_those_with_words_and_those_of_the_star(given: Given) -> None:
    warehouse = given(version()).build()
    for model in MODELS.values():
        words = all_columns(model, MODELS)
        assert sorted(words) == sorted(warehouse.columns(model.name, model.dataset)), model.name
        assert all(words.values()), model.name


@each_model
def test_the_header_says_in_sentences_what_a_row_is_and_then_its_grain(model: Model) -> None:
    assert re.fullmatch(r"[A-Z].*\.", model.description)
    header = re.split(r"^(?!--)", model.text, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    keys = [line for line in header if re.match(r"-- (grain|looked up by|materialized): ", line)]
    assert keys[0].startswith("-- grain: ")
    assert keys == header[-len(keys) :]
    assert len(keys) == 1 or not keys[1].startswith("-- grain: ")


def test_a_model_without_a_grain_has_one_row(given: Given) -> None:
    warehouse = given(version(), version("m2"))
    for model in MODELS.values():
        if not model.grain:
            assert "\n-- grain: one row\n" in model.text, model.name
            rows = warehouse.query(f"select count(*) from {model.dataset}.{model.name}")
            assert rows == [(1,)], model.name


@each_model
def test_what_tells_rows_apart_and_what_they_are_looked_up_by_are_columns(model: Model) -> None:
    columns = all_columns(model, MODELS).keys()
    assert model.grain.keys() <= columns
    assert set(model.keys) <= columns
    assert bool(model.keys) == ("-- looked up by:" in model.text)


@each_model
def test_each_layer_reads_only_what_lies_beneath_it(model: Model) -> None:
    schemas = {reference.partition(".")[0] for reference in model.references}
    assert schemas <= LAYERS[model.folder], model.name
    assert schemas or model.folder == "intermediate"
    folders = list(LAYERS)
    read = {reference.partition(".")[2] for reference in model.references} & MODELS.keys()
    above = folders[folders.index(model.folder) + 1 :]
    assert not {name for name in read if MODELS[name].folder in above}, model.name


def test_helper_models_stand_apart_from_what_analysts_read(given: Given) -> None:
    warehouse = given(version()).build()
    built = warehouse.query(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema <> 'drift' order by all"
    )
    helpers = {name for name, model in MODELS.items() if model.folder != "marts"}
    assert {name for schema, name in built if schema == "bookings"} == MODELS.keys() - helpers
    assert {name for schema, name in built if schema == "bookings_internal"} == {
        *helpers,
        "settings",
    }
    prefixes = {"staging": "stg_", "intermediate": "int_"}
    for model in MODELS.values():
        assert model.name.startswith(prefixes.get(model.folder, model.name)), model.name
        assert model.folder in prefixes or not model.name.startswith(("stg_", "int_"))


def test_views_are_views_and_tables_are_tables(given: Given) -> None:
    warehouse = given(version()).build()
    views = warehouse.query(
        "select table_name from information_schema.tables where table_type = 'VIEW'"
    )
    assert {name for (name,) in views} == {n for n, model in MODELS.items() if model.is_view}


def test_models_are_built_after_those_that_they_read() -> None:
    built: set[str] = {
        "bookings_internal.settings",
        *(f"drift.{table}" for table in RAW_TABLES),
    }
    for model in read_models(SQL):
        assert model.references <= built, model.name
        built.add(f"{model.dataset}.{model.name}")


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_opens_with_the_sentence_that_it_guards(check: str) -> None:
    lines = CHECKS[check].text.splitlines()
    assert re.fullmatch(r"-- [A-Z].*\.", lines[0])
    assert all(line == "-- severity: warn" for line in lines[1:] if line.startswith("--"))


def test_the_marts_are_those_that_analysts_were_promised() -> None:
    assert {model.name for model in MODELS.values() if model.folder == "marts"} >= {
        "agent_conflicts",
        "agent_days",
        "agents",
        "booking_hours",
        "booking_metrics",
        "booking_periods",
        "booking_trends",
        "bookings_by_agent",
        "bookings_by_meeting_type",
        "bookings_by_playbook",
        "bookings_by_source",
        "bookings_by_team",
        "daily_bookings",
        "data_health",
        "lead_time_buckets",
        "meeting_events",
        "meeting_groups",
        "meetings",
        "team_distribution",
        "weekly_bookings",
    }


def test_every_table_of_one_dimension_has_every_metric_once(given: Given) -> None:
    warehouse = given(version()).build()
    keys = {"dimension", "group_key", "group_name"}
    metrics = [name for name in warehouse.columns("booking_metrics") if name not in keys]
    assert "cancel_rate" in metrics
    assert len(metrics) == len(set(metrics))
    for name in MODELS:
        if name.startswith("bookings_by_"):
            assert warehouse.columns(name)[-len(metrics) :] == metrics, name
            others = warehouse.columns(name)[: -len(metrics)]
            assert others == list(MODELS[name].columns), name


def test_columns_of_one_name_are_of_one_type(given: Given) -> None:
    kinds = (
        given(version())
        .build()
        .query(
            "select distinct column_name, data_type from information_schema.columns"
            " where table_schema = 'bookings'"
        )
    )
    assert [name for name, times in Counter(name for name, _ in kinds).items() if times > 1] == []


def test_names_end_in_their_unit(given: Given) -> None:
    warehouse = given(version()).build()
    endings = {
        "_at": "TIMESTAMP WITH TIME ZONE",
        "_on": "DATE",
        "_rate": "DOUBLE",
        "_share": "DOUBLE",
        "_hours": "DOUBLE",
        "_minutes": "DOUBLE",
        "_meetings": "BIGINT",
    }
    kinds = warehouse.query(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema like 'bookings%' and not ends_with(column_name, 'local_start_at')"
        " and table_name not like 'report%'"
    )
    for table, column, kind in kinds:
        for ending, expected in endings.items():
            if str(column).endswith(ending):
                assert kind == expected, f"{table}.{column}"
        if str(column).startswith("is_"):
            assert kind == "BOOLEAN", f"{table}.{column}"


def test_no_column_claims_to_know_who_came(given: Given) -> None:
    warehouse = given(version()).build()
    columns = [
        column
        for model in MODELS.values()
        for column in warehouse.columns(model.name, model.dataset)
    ]
    assert [column for column in columns if ATTENDANCE.search(column.replace("_", " "))] == []


def test_every_file_runs_as_pasted_into_a_published_copy_opened_read_only(tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    with duckdb.connect(copy) as connection:
        load(connection, version(), users=[user(7)], teams={1: [7]}).build()
    with duckdb.connect(copy, read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for model in MODELS.values():
            pasted = sorted(map(repr, connection.execute(model.text).fetchall()))
            query = f"select * from {model.dataset}.{model.name}"
            built = connection.execute(query).fetchall()
            assert pasted == sorted(map(repr, built)), model.name
        for check in CHECKS.values():
            assert connection.execute(check.text).fetchall() == [], check.name


def test_models_that_read_each_other_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "marts").mkdir()
    for name, other in (("here", "there"), ("there", "here")):
        (tmp_path / "marts" / f"{name}.sql").write_text(f"select 1 as one from bookings.{other}\n")
    with pytest.raises(ModelsError, match=r"circle: .*here → there"):
        read_models(tmp_path)
