"""docs/models.md says how to add a metric, a dimension and a column: the tests do, in a copy."""

import re
import shutil
import textwrap
from pathlib import Path

import duckdb
import pytest

import dictionary
from tests.conftest import ROOT
from tests.models.conftest import SQL
from tests.models.invent import invent
from tests.models.test_against_an_independent_computation import load
from warehouse.build import Project, describe_models, make
from warehouse.models import alone
from warehouse.publish import client_of

PAGE = (ROOT / "docs" / "models.md").read_text("utf-8")
WALK = PAGE.split("## Add a metric and a dimension")[1].split("\n## ")[0]


def test_a_metric_is_one_line_and_a_dimension_one_branch_and_one_mart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric, branch, mart = (
        textwrap.dedent(block) for block in re.findall(r"```sql\n(.*?)\n   ```", WALK, flags=re.S)
    )
    folder = shutil.copytree(SQL, tmp_path / "sql")
    metrics, groups = folder / "marts/booking_metrics.sql", folder / "marts/meeting_groups.sql"
    above = "    min(booked_at) as first_booked_at"
    assert "\n" not in metric
    if metric not in (text := metrics.read_text("utf-8")):  # nobody has walked here before
        metrics.write_text(text.replace(above, f"{metric}\n{above}"), "utf-8")
    if branch not in (text := groups.read_text("utf-8")):
        groups.write_text(f"{text}{branch}\n", "utf-8")
    (folder / "marts/bookings_by_company.sql").write_text(f"{mart}\n", "utf-8")

    project = Project.read(folder, {"time_zone": "UTC"})
    with duckdb.connect() as connection:
        load(connection, invent(1, "UTC"))
        with client_of(connection) as client:
            make(client, project)  # and checks it
            describe_models(client, project.models)
        rows = connection.execute(
            "select sum(long_meetings) = (select count(*) from bookings.meetings"
            " where duration_minutes >= 45), sum(long_meetings) > 0, count(*) > 1,"
            " sum(bookings) = (select count(*) from bookings.meetings)"
            " from bookings.bookings_by_company"
        ).fetchall()
        assert rows == [(True, True, True, True)]
        alone_too = alone("bookings_by_company", project.models, project.settings)
        made = connection.execute("from bookings.bookings_by_company order by company").fetchall()
        assert connection.execute(f"from ({alone_too}) order by company").fetchall() == made
        words = connection.execute(
            "select table_name, comment from duckdb_columns() where schema_name = 'bookings'"
            " and column_name = 'long_meetings'"
        ).fetchall()
    tables = {model.name for model in project.models if model.name.startswith("bookings_by_")}
    assert dict(words) == dict.fromkeys({*tables, "booking_metrics"}, "of 45 minutes or more")

    monkeypatch.setattr(dictionary, "SQL", folder)
    page = dictionary.dictionary()
    assert "### bookings_by_company" in page
    assert "| `company` | the visitor's company; UNKNOWN where it is not known |" in page
    assert "| `long_meetings` | of 45 minutes or more |" in page
    assert "booking_metrics --> bookings_by_company" in page
    assert "`playbook`, `company` |" in page


def test_a_new_attribute_is_a_line_in_two_files_and_has_its_history(tmp_path: Path) -> None:
    folder = shutil.copytree(SQL, tmp_path / "sql")
    recipe = PAGE.split("## Take in a new attribute")[1].split("\n## ")[0]
    lines = re.findall(r"```sql\n   (.*?)\n   ```", recipe)
    places = {
        "staging/stg_meeting_versions.sql": "    meeting_notes, -- the notes, as sent\n",
        "marts/meetings.sql": "    newest.meeting_notes, -- the notes, as sent\n",
    }
    for line, (name, above) in zip(lines, places.items(), strict=True):
        model = folder / name
        before = model.read_text("utf-8")
        assert above in before
        model.write_text(before.replace(above, f"{above}{line}\n"), "utf-8")
    raw = invent(1, "UTC")
    for row in raw["meeting_versions"]:
        row["other_attributes"] = '{"meetingRating":5}' if row["slug"][-1] < "5" else None
    with duckdb.connect() as connection:
        load(connection, raw)
        with client_of(connection) as client:
            make(client, Project.read(folder, {"time_zone": "UTC"}))
        rows = connection.execute(
            "select distinct right(meeting_id, 1) < '5', meeting_rating from bookings.meetings"
            " order by 1"
        ).fetchall()
    assert rows == [(False, None), (True, "5")]
