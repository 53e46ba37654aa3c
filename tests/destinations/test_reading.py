"""State, report and history from files, where the destination is a real PostgreSQL."""

import json
import re
from pathlib import Path
from typing import Any

from report.numbers import find_numbers
from tests.conftest import ROOT, Project, Serve
from tests.destinations.conftest import Postgres
from tests.test_crash import organisation
from warehouse.reading import open_snapshot


def numbers(page: Path) -> dict[str, Any]:
    (text,) = re.findall(
        r'<script type="application/json" id="numbers">(.*?)</script>', page.read_text("utf-8")
    )
    found: dict[str, Any] = json.loads(text)
    return found


def test_on_postgresql_state_report_and_import_say_what_they_say_on_duckdb(
    project: Project, postgres: Postgres, serve: Serve, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.jsonl"
    records = [r for r in organisation(1) if not isinstance(r, bytes)]
    saved.write_text("\n".join(json.dumps(record) for record in records))
    serve(organisation(2), serves_unscheduled=True)
    bare, added = project.environment, []
    for settings in ({}, postgres.settings):
        project.environment = bare | settings
        project.run()
        done = project.run("--import", str(saved)).stdout.splitlines()
        added.append([line for line in done if not line.startswith(("took", "database"))])
    assert added[0] == added[1]
    with open_snapshot(project.folder / "warehouse.duckdb") as ask:
        expected = json.loads(json.dumps(find_numbers(ask, ROOT / "sql")))
    page = tmp_path / "page.html"
    project.run("--report", str(page))
    found = numbers(page)
    for each in (expected, found):  # when the runs took place
        del each["health"]["as_of_at"]
    assert found == expected
    status = json.loads(project.run("--status", "--json").stdout)
    assert (status["state"], status["meetings"]) == ("fresh", 121)
    assert (status["rejected"], status["run_under_way"]) == (1, False)
    postgres.query(
        "update drift.run_lease set owner = 'elsewhere', expires_at = now() + interval '1 hour'"
    )
    assert json.loads(project.run("--status", "--json").stdout)["run_under_way"] is True
