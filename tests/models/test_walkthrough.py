"""docs/models.md says how to add a metric and a dimension: the test does just that, in a copy."""

import re
import textwrap

from tests.conftest import ROOT, Project

PAGE = (ROOT / "docs" / "models.md").read_text("utf-8")
WALK = PAGE.split("## Add a metric and a dimension")[1].split("## ")[0]


def test_the_walk_through_is_short() -> None:
    assert len(WALK.strip().splitlines()) < 30


def test_a_metric_is_one_line_and_a_dimension_one_branch_and_one_mart(project: Project) -> None:
    metric, branch, mart = (
        textwrap.dedent(block) for block in re.findall(r"```sql\n(.*?)\n   ```", WALK, flags=re.S)
    )
    marts = project.folder / "sql" / "marts"
    metrics, groups = marts / "booking_metrics.sql", marts / "meeting_groups.sql"
    before = metrics.read_text("utf-8")
    after = before.replace("    min(booked_at) as first", f"{metric}\n    min(booked_at) as first")
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    metrics.write_text(after, "utf-8")
    groups.write_text(f"{groups.read_text('utf-8')}{branch}\n", "utf-8")
    (marts / "bookings_by_company.sql").write_text(f"{mart}\n", "utf-8")

    project.run("--demo", SOURCES__DRIFT__CONTACTS_SECONDS="1")

    def one(query: str) -> list[tuple[object, ...]]:
        return project.query(query, "demo.duckdb")

    assert one(
        "select sum(long_meetings) = (select count(*) from bookings.meetings"
        " where duration_minutes >= 45), count(*) > 1, sum(bookings) = (select count(*)"
        " from bookings.meetings) from bookings.bookings_by_company"
    ) == [(True, True, True)]
    assert one(
        "select table_name, comment from duckdb_columns() where schema_name = 'bookings'"
        " and column_name = 'long_meetings' order by table_name"
    ) == [
        (table, "of 45 minutes or more")
        for table in (
            "booking_metrics",
            *(f"bookings_by_{name}" for name in ("agent", "company", "meeting_type")),
            *(f"bookings_by_{name}" for name in ("playbook", "source", "team")),
        )
    ]
    shown = project.run("--demo", "--model", "+bookings_by_company").stdout
    assert re.search(r"^long_meetings +[0-9].* -- of 45 minutes or more$", shown, flags=re.M)
    page = project.dictionary()
    assert "### bookings_by_company" in page
    assert "| `company` | the visitor's company; UNKNOWN where it is not known |" in page
    assert "| `long_meetings` | of 45 minutes or more |" in page
    assert "booking_metrics --> bookings_by_company" in page
