"""`--forget`: nothing of one visitor is anywhere, now or later, and every count stays."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from drift import tables
from drift.privacy import PrivacyPolicy, keyed_hash
from fake_drift.server import People
from tests.conftest import Project, Serve, meeting, zygote
from tests.hostile import HostileDrift
from tests.test_personal import HASH, everything, found

KEEP: dict[str, Any] = {}
ADDRESS, CONTACT, OTHER = "Gone-Person@example.com", 7001, 7002

GONE = [
    "gone first note",
    "gone second note",
    "gone other note",
    "gone early note",
    "gone attribute",
    "491700000077",
    "gone reject",
    "gone text reject",
    "Gone First",
    "Gone Last",
    "Gone Company",
    "gone title",
    ADDRESS,
]
KEPT = [
    "kept note",
    "kept attribute",
    "kept reject",
    "Kept First",
    "kept title",
    "kept@example.com",
]


def contact(number: int) -> dict[str, Any]:
    word, email = ("gone", ADDRESS) if number == CONTACT else ("kept", "kept@example.com")
    names = {"first_name": f"{word} first", "last_name": f"{word} last"}
    return {
        "attributes": names
        | {"email": email, "company": f"{word} company", "title": f"{word} title"}
    }


PERSON = People(users=[{"id": 11, "name": "An Agent"}], contact=contact)


TIMES = {n: v for n, v in meeting("any").items() if n in ("slotStart", "slotEnd", "scheduledAt")}


def answers(day: int) -> list[Any]:
    """What Drift answers on a day: on each, two of the visitor's meetings have changed."""
    note = "gone second note" if day > 1 else "gone first note"
    changed = TIMES | {"updatedAt": int(str(TIMES["scheduledAt"])) + day, "schedulerId": CONTACT}
    one = {"meetingNotes": note, "phone": 491700000077, "extra": {"in": "gone attribute"}}
    same = TIMES | {"updatedAt": TIMES["scheduledAt"], "schedulerId": CONTACT, "aFlag": True}
    three = {"schedulerId": None, "meetingNotes": "gone early note"}
    other = {"schedulerId": OTHER, "meetingNotes": "kept note", "extra": "kept attribute"}
    bad = [
        {"slug": "bad", "schedulerId": str(CONTACT), "agentId": "gone reject"},
        {"slug": "m1", "status": 7, "nested": {"in": "gone text reject"}},
        {"slug": "loose", "status": 7, "who": f"gone text reject <{ADDRESS.upper()}>"},
        {"slug": "fine", "schedulerId": OTHER, "status": 7, "who": "kept reject"},
    ]
    return [
        meeting("m1", **changed | one),
        meeting("m2", **same | {"meetingType": "Other", "meetingNotes": "gone other note"}),
        meeting("m2", **same | {"meetingNotes": "gone first note"}),
        meeting("m3", **changed | (three if day == 1 else {"meetingNotes": None})),
        meeting("m4", **TIMES | {"updatedAt": TIMES["scheduledAt"]} | other),
        *(json.dumps(record).encode() for record in bad),
    ]


def traces(project: Project, aside: Path) -> set[str]:
    """What of the visitor is anywhere: in a file of the project's or of the home's."""
    home = [text.lower() for _, text in everything(project.home, aside.parent / "none")]
    in_home = {gone for gone in GONE if any(gone.lower() in text for text in home)}
    return in_home | found(project, aside, GONE)


def without_details(project: Project) -> dict[str, Any]:
    """Every row of every mart, but for what says something of a visitor."""
    names = project.query(
        "select table_name, string_agg(column_name, ', ') from information_schema.columns"
        " where table_schema = 'bookings' and table_name <> 'data_health' and column_name not in"
        " ('visitor_company', 'visitor_email_domain', 'meeting_notes') group by 1"
    )
    counts = project.query("select meetings, versions, rejected from bookings.data_health")
    tables = project.queries(
        {name: f"select {columns} from bookings.{name}" for name, columns in names}
    )
    return {"data_health": counts} | {name: sorted(rows, key=repr) for name, rows in tables.items()}


def asked_for(server: HostileDrift, since: int) -> set[str]:
    """The contacts that were asked for since a number of requests."""
    return {one.path for one in server.requests[since:] if one.path.startswith("/contacts/")}


@pytest.mark.parametrize(
    "mode",
    [pytest.param(KEEP, id="keep"), pytest.param(HASH, id="hash", marks=pytest.mark.process)],
)
def test_a_forgotten_visitor_is_nowhere_and_every_count_stays(
    project: Project, serve: Serve, mode: dict[str, Any], tmp_path: Path
) -> None:
    project.environment |= mode | {"SOURCES__DRIFT__CONTACT_ATTRIBUTES": '["title"]'}
    server = serve(answers(1), serves_unscheduled=True, people=PERSON)
    project.run()
    server.set_meetings(answers(2))
    project.run()
    if mode is KEEP:
        assert found(project, tmp_path / "aside", [*GONE, *KEPT]) == {*GONE, *KEPT}
    before, asked = without_details(project), len(server.requests)
    token = project.environment.pop("SOURCES__DRIFT__ACCESS_TOKEN")
    done = project.run("--forget", f" {ADDRESS.upper()}")
    project.environment["SOURCES__DRIFT__ACCESS_TOKEN"] = token
    assert done.stdout.startswith("forgotten  contacts: 1; meetings, which still count: 3\n")
    assert len(server.requests) == asked
    assert traces(project, tmp_path / "aside") == set()
    assert without_details(project) == before
    kept = KEPT if mode is KEEP else KEPT[:0]
    assert found(project, tmp_path / "aside", kept) == set(kept)
    assert project.query(
        "select distinct visitor_company, visitor_email_domain, meeting_notes"
        f" from bookings.meetings where scheduler_id = {CONTACT}"
    ) == [(None, None, None)]
    assert project.query("select id from drift.contacts order by 1") == [(OTHER,)]
    server.set_meetings(answers(3))
    assert ", 2 versions of them new; 4 rejected" in project.run().stdout
    saved = tmp_path / "saved.jsonl"
    saved.write_text(
        "\n".join(r.decode() if isinstance(r, bytes) else json.dumps(r) for r in answers(4))
    )
    assert "added      2 versions, " in project.run("--import", str(saved)).stdout
    saved.unlink()
    assert traces(project, tmp_path / "aside") == set()
    assert asked_for(server, asked) == set()


@pytest.mark.process
def test_who_is_not_known_yet_is_forgotten_as_soon_as_the_address_is_read(
    project: Project, serve: Serve, tmp_path: Path
) -> None:
    for nobody in ("", "nobody", "a b@example.com"):
        refused = project.run("--forget", nobody, code=2).stderr
        assert refused.startswith("--forget takes an e-mail address, or a contact's id,"), refused
    done = project.run("--forget", ADDRESS).stdout
    assert done == "forgotten  nobody who is known here; what comes later will not be kept\n"
    server = serve(answers(2), serves_unscheduled=True, people=PERSON)
    assert "4 in the warehouse" in project.run().stdout
    assert traces(project, tmp_path / "aside") == set()
    assert found(project, tmp_path / "aside", ["kept note", "kept first"]) != set()
    assert project.query("select id from drift.contacts") == [(OTHER,)]
    assert project.query("select id, name from drift.users") == [(11, "An Agent")]
    asked = len(server.requests)
    before = project.tables()
    assert ", 0 versions of them new" in project.run().stdout
    assert asked_for(server, asked) == set()
    assert project.tables() == before
    again = project.run("--forget", str(CONTACT)).stdout
    assert again.startswith(
        "forgotten  contacts: 0; meetings, which still count: 3 (asked for before)"
    )
    assert project.tables() == before


@pytest.mark.process
def test_a_killed_command_is_made_good_by_saying_it_again(
    project: Project, serve: Serve, kills: int, tmp_path: Path
) -> None:
    serve(answers(2), serves_unscheduled=True, people=PERSON)
    project.run()
    before = without_details(project)
    shutil.copytree(project.folder, tmp_path / "before", symlinks=True)
    events = zygote().run(project, "--forget", ADDRESS, counts=True).events
    for kill in range(most := max(1, kills // 5)):
        shutil.rmtree(project.folder)
        shutil.copytree(tmp_path / "before", project.folder, symlinks=True)
        moment = events * 3 // 4 + kill * events // 4 // most  # while the tables are replaced
        killed = zygote().run(project, "--forget", ADDRESS, counts=True, kill_at=moment)
        assert killed.returncode == -9
        project.run()  # nothing is there twice
        project.run("--forget", ADDRESS)
        assert traces(project, tmp_path / "aside") == set(), f"killed at {moment} of {events}"
        assert without_details(project) == before
    (project.folder / ".dlt/.var/purge").touch()  # as who is killed at the end leaves it
    older = project.folder / ".warehouse.duckdb.copies" / "00000000"
    older.mkdir()
    project.run()
    assert not older.exists()
    assert not (project.folder / ".dlt/.var/purge").exists()


def test_a_user_with_the_address_stays_a_user() -> None:
    policy = PrivacyPolicy(
        forgotten=frozenset({keyed_hash("a key", ADDRESS)}), keys=frozenset({"a key"})
    )
    one = [{"id": 11, "email": f" {ADDRESS.lower()}"}]
    for table, left in ((tables.USER, 1), (tables.CONTACT, 0)):
        rows = pa.Table.from_pylist(one, schema=table.schema)
        assert policy.rows(table, rows) == rows[:left]
