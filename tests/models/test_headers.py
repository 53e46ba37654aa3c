"""What each SQL file says of itself is true."""

import re
from pathlib import Path

import duckdb
import pytest

from warehouse.models import Model, read_models

from .conftest import CHECKS, MODELS, SQL, Given, load, version

ATTENDANCE = re.compile(r"\b(held|attended|attendance|show|no[-_ ]?show)\b", re.IGNORECASE)


def test_the_header_names_every_column_built_in_order(given: Given) -> None:
    warehouse = given(version())
    for model, file in MODELS.items():
        described = re.findall(r"^--   (\w+): \S.*$", file.read_text(), re.MULTILINE)
        assert described == warehouse.columns(model)


@pytest.mark.parametrize("model", MODELS)
def test_the_header_says_what_a_row_is(model: str) -> None:
    lines = MODELS[model].read_text().splitlines()
    grain = next(
        number for number, line in enumerate(lines) if line.startswith("-- grain: one row")
    )
    assert grain >= 1, "a sentence on what the model is comes first"
    assert all(line.startswith("-- ") for line in lines[:grain])
    assert "-- columns:" in lines[grain + 1 : grain + 3]


@pytest.mark.parametrize("model", read_models(SQL), ids=lambda model: model.name)
def test_the_columns_to_look_up_by_are_columns(model: Model) -> None:
    assert set(model.keys) <= model.columns.keys()
    assert bool(model.keys) == ("-- looked up by:" in model.text)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_opens_with_the_sentence_that_it_guards(check: str) -> None:
    lines = CHECKS[check].read_text().splitlines()
    assert re.fullmatch(r"-- [A-Z].*\.", lines[0])
    assert all(line == "-- severity: warn" for line in lines[1:] if line.startswith("-- sev"))


def test_the_marts_are_those_that_analysts_were_promised() -> None:
    assert {file.stem for file in (SQL / "marts").glob("*.sql")} == {
        "agents",
        "booking_hours",
        "bookings_by_agent",
        "bookings_by_meeting_type",
        "bookings_by_playbook",
        "bookings_by_source",
        "bookings_by_team",
        "daily_bookings",
        "data_health",
        "lead_time_buckets",
        "meeting_events",
        "meetings",
        "weekly_bookings",
    }


def test_no_column_claims_to_know_who_came(given: Given) -> None:
    warehouse = given(version())
    columns = [column for model in MODELS for column in warehouse.columns(model)]
    assert [column for column in columns if ATTENDANCE.search(column.replace("_", " "))] == []


def test_every_file_runs_as_pasted_into_a_published_copy_opened_read_only(tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    with duckdb.connect(copy) as connection:
        load(connection, version())
    with duckdb.connect(copy, read_only=True) as connection:
        for model, file in MODELS.items():
            pasted = sorted(map(repr, connection.execute(file.read_text()).fetchall()))
            built = connection.execute(f"select * from bookings.{model}").fetchall()
            assert pasted == sorted(map(repr, built)), model
        for file in CHECKS.values():
            assert connection.execute(file.read_text()).fetchall() == []
