"""History from files: the warehouse as if it had been there to read it."""

import gzip
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from report.numbers import find_numbers
from tests.conftest import ROOT, Project, Serve, meeting, zygote
from tests.hostile import HostileDrift
from tests.test_crash import organisation, what_should_be_equal
from warehouse.reading import open_snapshot


def saved_answers(server: HostileDrift, folder: Path) -> None:
    """What somebody saved of Drift's answers: overlapping spans, one of them packed."""
    folder.mkdir()
    for number, (first, last) in enumerate([(0, 2_000_000_000_000), (0, 9_000_000_000_000)]):
        request = urllib.request.Request(
            f"{server.url}/users/meetings/org?min_start_time={first}&max_start_time={last}"
            "&limit=1000",
            headers={"Authorization": f"Bearer {server.token}"},
        )
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        name = f"answer-{number}.json"
        (folder / name).write_bytes(gzip.compress(body) if number else body)


def metrics(project: Project) -> dict[str, Any]:
    found = what_should_be_equal(project)
    for name in ("meeting_listings", "attributes", "imports"):  # what was noticed by whom
        del found[f"drift.{name}"]
    return found


def test_importing_and_then_syncing_gives_the_tables_of_having_synced_all_along(
    project: Project, serve: Serve, tmp_path: Path
) -> None:
    server = serve(organisation(1), serves_unscheduled=True)
    saved_answers(server, tmp_path / "saved")
    other = Project.copied_to(tmp_path / "other")
    other.environment |= {"SOURCES__DRIFT__BASE_URL": server.url}  # and no token
    foretold = other.run("--import", "saved", "--dry-run", cwd=tmp_path).stdout.splitlines()
    assert foretold == [
        "read       242 records in 2 files",
        "would add  120 versions, and with them 120 meetings that were not known; 1 records"
        " rejected",
        "known      121 records were known, or came twice",
        "rejected   1 because status must be text, not a number (1)",
    ]
    assert not (other.folder / "warehouse.duckdb").exists()
    done = other.run("--import", "saved", cwd=tmp_path).stdout.splitlines()
    assert done[:4] == [line.replace("would add ", "added     ") for line in foretold]
    assert other.query("select count(*), min(sync_id[:2]) from drift.meeting_versions") == [
        (120, "0-")
    ]
    assert other.query("select count(*) from drift.syncs") == [(0,)]
    with open_snapshot(other.folder / "warehouse.duckdb") as ask:
        numbers = find_numbers(ask, ROOT / "sql")
    # The report ends with the newest week, as long as no read says when now is.
    assert sum(numbers["facts"]["values"][numbers["facts"]["columns"].index("meetings")]) == 120
    assert numbers["health"]["as_of_at"] is None

    project.run()
    server.set_meetings(organisation(2))
    project.run()
    expected = metrics(project)
    other.environment |= project.environment
    other.run()
    assert metrics(other) == expected

    # Old files, again, and beside them older states of meetings that a read has seen.
    older = {**organisation(2)[5], "status": "PAUSED"}  # of the same updatedAt
    timeless = {"slug": "m2", "slotStart": 1, "status": "LOST"}
    (tmp_path / "older.json").write_text(json.dumps([older, timeless]))
    was = (
        "select * exclude (version_count, first_slot_start_at, first_agent_id, reschedule_count,"
        " is_rescheduled)"
        " from bookings.meetings order by meeting_id"
    )
    before = other.query(was)
    done = other.run("--import", "saved", "older.json", cwd=tmp_path).stdout.splitlines()
    assert done[:2] == [
        "read       244 records in 3 files",
        "added      2 versions, and with them 0 meetings that were not known; 0 records rejected",
    ]
    assert other.query(was) == before
    assert other.query(
        "select meeting_id, status from bookings_internal.int_version_changes"
        " where meeting_id in ('m2', 'm5') order by meeting_id, version_number"
    ) == [
        ("m2", "LOST"),
        ("m2", "ACTIVE"),
        ("m5", "ACTIVE"),
        ("m5", "PAUSED"),
        ("m5", "CANCELED"),
    ]


def test_a_file_that_cannot_be_read_keeps_all_the_others_out(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps([meeting("m1")]))
    (folder / "b.json").write_text('{"data": [')
    done = project.run("--import", str(folder), code=2)
    (sentence,) = [
        line for line in done.stderr.splitlines() if "import" in line and "b.json" in line
    ]
    assert "it is not whole JSON" in sentence
    assert not (project.folder / "warehouse.duckdb").exists()


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_an_import_of_which_every_record_is_rejected_fails_and_says_why(
    project: Project, tmp_path: Path, options: list[str]
) -> None:
    file = tmp_path / "saved.json"
    bad = [meeting(f"m{n}", slotStart="tomorrow") for n in range(3)]
    file.write_text(json.dumps([*bad, {"slug": 5}]))
    done = project.run("--import", str(file), *options, code=2)
    assert done.stderr.splitlines()[-1] == (
        "Nothing was imported: none of 4 records can be a meeting. The first one: slotStart must be"
        " a whole number, not text ('tomorrow')."
    )
    assert not (project.folder / "warehouse.duckdb").exists()


@pytest.mark.process
def test_why_records_are_rejected_is_said_before_they_are_imported_and_after(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "saved.json"
    bad = [meeting(f"m{n}", slotStart="tomorrow") for n in range(2)]
    file.write_text(json.dumps([*bad, {"slug": 5}, meeting("m5")]))
    for options in (["--dry-run"], []):
        said = project.run("--import", str(file), *options).stdout.splitlines()
        assert "1 meetings that were not known; 3 records rejected" in said[1]
        assert said[3:5] == [
            "rejected   2 because slotStart must be a whole number, not text ('tomorrow')",
            "rejected   1 because slug, the meeting's id, must be text, not a number (5)",
        ]


@pytest.mark.process
def test_an_import_that_is_killed_is_made_good_by_the_next(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json.dumps([meeting(f"m{n}") for n in range(1_500)]))
    done = zygote().run(project, "--import", str(file), counts=True)
    code, events = done.returncode, done.events
    assert code == 0
    expected = what_should_be_equal(project)
    here = Project.copied_to(tmp_path / "killed")
    killed = zygote().run(here, "--import", str(file), counts=True, kill_at=events * 2 // 3)
    assert killed.returncode == -9
    here.run("--import", str(file))
    assert what_should_be_equal(here) == expected


@pytest.mark.process
def test_what_may_not_be_written_of_people_comes_from_no_file_either(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "saved.json"
    bad = {"slug": "bad", "agentId": "somebody", "meetingNotes": "planted"}
    file.write_text(json.dumps([meeting("m1", meetingNotes="planted", shoe="planted"), bad]))
    project.run("--import", str(file))
    project.environment |= {
        "SOURCES__DRIFT__PERSONAL_DATA": "drop",
        "BOOKINGS__REPORT": "bookings.html",
    }
    (project.folder / "bookings.html").write_text("planted")
    done = project.run("--import", str(file), "--dry-run").stdout.splitlines()
    assert done[1].startswith("would add  0 versions, and with them 0 meetings")
    project.run("--apply-personal-data")  # though no read has stored anything
    assert "planted" not in (project.folder / "bookings.html").read_text()
    file.write_text(json.dumps([meeting("m2", meetingNotes="planted", shoe="planted")]))
    project.run("--import", str(file), BOOKINGS__REPORT="")
    assert project.query(
        "select slug, meeting_notes from drift.meeting_versions order by slug"
    ) == [("m1", None), ("m2", None)]
    assert "planted" not in str(project.tables())


@pytest.mark.parametrize("arguments", [("--dry-run",), ("--import", "x", "--status")])
def test_options_that_make_no_sense_together_are_refused(
    project: Project, arguments: tuple[str, ...]
) -> None:
    assert "error: " in project.run(*arguments, code=2).stderr.splitlines()[-1]
