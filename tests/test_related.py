"""Related records: what is asked for, what is stored, what may fail."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest

from app.settings import read_settings
from drift import drift_source, is_waiting, summary
from drift.details import attribute_columns
from drift.values import BrokenAnswerError, bare_records, data_object, data_records
from fake_drift.http import Answer
from fake_drift.server import People
from tests.conftest import NOW, ROOT, Project, Serve, meeting, milliseconds
from tests.hostile import Fault, HostileDrift
from warehouse.destination import demo_warehouse, kept_open
from warehouse.errors import SettingError

DAY = timedelta(days=1)
RELATED = ("users", "teams", "playbooks", "conversations", "contacts", "conversations_by_id")
CREATED = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    context: Any = dlt.current.run_context()  # it remembers what it read
    context.reset_config()
    yield
    monkeypatch.undo()
    context.reset_config()


def booked(slug: str, scheduler: int | None = None, *, days: float = 0, **rest: object) -> Any:
    """A meeting tomorrow, booked so many days before NOW."""
    at, slot = milliseconds(NOW - days * DAY), milliseconds(NOW + DAY)
    times = {"scheduledAt": at, "updatedAt": at, "slotStart": slot, "slotEnd": slot + 1}
    others = {"agentId": None, "conversationId": None, "schedulerId": scheduler}
    return meeting(slug, **times | others | rest)


def visitor(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "createdAt": milliseconds(CREATED),
        "attributes": {
            "email": f"visitor-{number}@example.com",
            "first_name": "Visitor",
            "last_name": f"{number} Example",
            "company": "Example Ltd",
            "ip": "192.0.2.1",
        },
    }


def user(number: int, **attributes: object) -> dict[str, object]:
    return {"id": number, "name": f"Agent {number}", **attributes}


class Sync:
    """Runs of the pipeline into one warehouse, as new processes would make them."""

    def __init__(self, folder: Path, server: HostileDrift) -> None:
        self.folder, self.server = folder, server
        self.settings: dict[str, Any] = {}

    def run(self, moment: datetime = NOW, **settings: Any) -> list[str]:
        """What the summary says of related records, which are read after meetings are loaded."""
        self.server.clock = lambda: moment
        source = drift_source(
            self.server.url,
            self.server.token,
            started_at=moment,
            **{"playbooks": False, "conversations": False} | self.settings | settings,
        )
        pipeline = self.pipeline()
        pipeline.run(source.with_resources("meetings"))
        self.before = len(self.server.requests)
        related = source.with_resources(*RELATED)
        pipeline.run(related)
        return summary(related)

    @property
    def asked(self) -> list[str]:
        """What the last run asked for beside meetings."""
        asked = self.server.requests[self.before :]
        return [
            one.path + "".join(f"?{name}={value}" for name, value in one.repeated) for one in asked
        ]

    def pipeline(self) -> dlt.Pipeline:
        return demo_warehouse(self.folder / "pipeline.duckdb").open(self.folder / "pipelines")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.pipeline().sql_client() as client:
            client.execute_sql("set timezone = 'UTC'")
            return [tuple(row) for row in client.execute_sql(query) or []]


Start = Callable[..., Sync]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A warehouse, and a fake Drift with these meetings and people."""

    @contextmanager
    def serving(meetings: Any, options: Any) -> Iterator[Sync]:
        with (
            HostileDrift(meetings, clock=lambda: NOW, **options) as server,
            kept_open(tmp_path / "pipeline.duckdb", "1GB"),
        ):
            yield Sync(tmp_path, server)

    running = []

    def open_(meetings: Any, **people: Any) -> Sync:
        options = {name: people.pop(name) for name in ("scopes", "faults") if name in people}
        context = serving(meetings, options | {"people": People(**people)})
        running.append(context)
        return context.__enter__()

    yield open_
    for context in running:
        context.__exit__(None, None, None)


def test_users_are_read_by_one_request_and_land_with_all_that_is_documented(start: Start) -> None:
    at = milliseconds(CREATED)
    sync = start(
        [],
        users=[
            {
                "id": 1,
                "orgId": 7,
                "name": "Agent 1",
                "alias": "One",
                "email": "agent-1@example.com",
                "phone": "+1 555 0100",
                "locale": "en-US",
                "availability": "AVAILABLE",
                "role": "agent",
                "timeZone": "Europe/Berlin",
                "avatarUrl": "https://example.com/1.png",
                "verified": True,
                "bot": False,
                "createdAt": at,
                "updatedAt": at + 1,
            },
            {"id": "2", "name": {"first": "Two"}, "email": 5, "verified": "yes", "bot": None},
            {"id": 3, "name": "nul\x00", "createdAt": "then", "updatedAt": 10**30},
            {"name": "has no id"},
            None,
        ],
    )
    found = sync.run(teams=False)
    assert sync.asked == ["/users/list"]
    assert sync.rows(
        "select id, org_id, name, alias, email, phone, locale, availability, role, time_zone,"
        " avatar_url, is_verified, is_bot, created_at, updated_at, is_current, is_gone from users"
        " order by id"
    ) == [
        (
            1,
            7,
            "Agent 1",
            "One",
            "agent-1@example.com",
            "+1 555 0100",
            "en-US",
            "AVAILABLE",
            "agent",
            "Europe/Berlin",
            "https://example.com/1.png",
            True,
            False,
            CREATED,
            CREATED + timedelta(milliseconds=1),
            True,
            False,
        ),
        (2, None, '{"first":"Two"}', None, "5", *[None] * 10, True, False),
        (3, None, "nul", *[None] * 12, True, False),
    ]
    assert found == [
        "related    3 users",
        "missing    users: 2 records without an id were left out.",
    ]


def test_a_user_s_time_zone_is_known_where_every_engine_knows_it(start: Start) -> None:
    zones = ["Asia/Kolkata", "MET", "Mars/Base", None]
    sync = start([], users=[user(number, timeZone=zone) for number, zone in enumerate(zones, 1)])
    sync.run(teams=False)
    assert sync.rows("select id, time_zone, known_time_zone from users order by id") == [
        (1, "Asia/Kolkata", "Asia/Kolkata"),
        (2, "MET", "Europe/Brussels"),
        (3, "Mars/Base", None),
        (4, None, None),
    ]


def test_a_user_and_a_member_who_leave_stay_and_are_marked(start: Start) -> None:
    sync = start(
        [],
        users=[user(1), user(2)],
        teams=[
            {"id": 5, "name": "East", "members": [1, 2], "owner": 1, "main": True, "status": "ON"},
            {"id": 6, "name": "West", "workspaceId": 3, "members": [2, "odd", None]},
        ],
    )
    sync.run()
    sync.server.people = People(
        users=[user(1, name="Renamed")], teams=[{"id": 5, "name": "East", "members": [1]}]
    )
    sync.run(NOW + DAY)
    assert sync.rows("select id, name, is_current from users order by 1") == [
        (1, "Renamed", True),
        (2, "Agent 2", False),
    ]
    assert sync.rows(
        "select id, name, workspace_id, owner_id, is_main, status, is_current from teams order by 1"
    ) == [
        (5, "East", None, None, None, None, True),
        (6, "West", "3", None, None, None, False),
    ]
    assert sync.rows("select team_id, user_id, is_current from team_members order by 1, 2") == [
        (5, 1, True),
        (5, 2, False),
        (6, 2, False),
    ]


def test_agents_who_are_in_no_list_are_asked_for_twenty_at_once_and_once(start: Start) -> None:
    sync = start(
        [booked(f"m{n}", agentId=n) for n in range(1, 26)],
        users=[user(1), user(2)],
        former_users=[user(n) for n in range(3, 25)],
    )
    sync.run(contacts=False, teams=False)
    first, second, third = sync.asked
    assert first == "/users/list"
    assert second == "/users" + "".join(f"?userId={n}" for n in range(3, 23))
    assert third == "/users?userId=23?userId=24?userId=25"
    assert sync.rows(
        "select id, name, is_current, is_gone from users where id > 22 or id < 4 order by 1"
    ) == [
        (1, "Agent 1", True, False),
        (2, "Agent 2", True, False),
        (3, "Agent 3", False, False),
        (23, "Agent 23", False, False),
        (24, "Agent 24", False, False),
        (25, None, False, True),
    ]
    sync.run(NOW + DAY, contacts=False, teams=False)
    assert sync.asked == ["/users/list"]


def test_what_was_listed_and_is_wholly_gone_stays_as_it_was_and_is_said(start: Start) -> None:
    sync = start(
        [], users=[user(1)], teams=[{"id": 5, "members": [1]}], playbooks=[{"id": 60, "name": "A"}]
    )
    sync.run(playbooks=True)
    sync.server.people = People(teams=[{"id": 5}])
    none = "Drift listed none, so those known stay as they were."
    assert sync.run(NOW + DAY, playbooks=True) == [
        "related    1 teams",
        f"missing    users: {none}",
        f"missing    members of teams: {none}",
        f"missing    playbooks: {none}",
    ]
    sync.server.people = People()
    assert f"missing    teams: {none}" in sync.run(NOW + 2 * DAY)
    for table in ("users", "teams", "team_members", "playbooks"):
        assert sync.rows(f"select is_current from {table}") == [(True,)]


def test_nothing_new_asks_for_no_contact_and_loads_nothing(start: Start) -> None:
    sync = start(
        [booked("a", 1), booked("b", 2), booked("c", 2), booked("d", None), booked("e", 9)],
        users=[user(1)],
        teams=[{"id": 5, "members": [1]}],
        contact=lambda number: visitor(number) if number < 9 else None,
    )
    found = sync.run()
    assert sorted(sync.asked) == [
        "/contacts/1",
        "/contacts/2",
        "/contacts/9",
        "/teams/org",
        "/users/list",
    ]
    assert found == ["related    1 users, 1 teams, 3 contacts"]
    assert sync.rows("from contacts order by id") == [
        (1, CREATED, "visitor-1@example.com", "Visitor", "1 Example", "Example Ltd", False, NOW),
        (2, CREATED, "visitor-2@example.com", "Visitor", "2 Example", "Example Ltd", False, NOW),
        (9, None, None, None, None, None, True, NOW),
    ]
    sync.run(NOW + DAY)
    assert sorted(sync.asked) == ["/teams/org", "/users/list"]
    assert sync.rows("select count(*) from _dlt_loads") == [(3,)]  # two of meetings, one of these


def test_a_run_asks_for_so_many_contacts_those_of_the_newest_meetings_first(start: Start) -> None:
    sync = start(
        [booked(f"m{n}", n, days=n) for n in (3, 1, 5, 2, 4)], contact=visitor, users=[user(1)]
    )
    runs = []
    for day in range(2):
        found = sync.run(NOW + day * DAY, contacts_per_run=3, teams=False)
        runs.append((sorted({*sync.asked} - {"/users/list"}), found[0].split(", ")[-1]))
    assert runs == [
        (["/contacts/1", "/contacts/2", "/contacts/3"], "3 contacts (2 left to the next runs)"),
        (["/contacts/4", "/contacts/5"], "2 contacts"),
    ]


def test_a_contact_is_read_again_when_old_and_a_meeting_has_changed_unless_it_is_gone(
    start: Start,
) -> None:
    meetings = [booked("a", 1), booked("b", 2), booked("c", 8), booked("d", 9)]
    sync = start(meetings, contact=lambda number: visitor(number) if number < 9 else None)
    settings: dict[str, Any] = {"users": False, "teams": False, "contact_refresh_days": 10.0}
    sync.run(**settings)
    changed = [dict(one) | {"status": "CANCELED"} for one in meetings]
    sync.server.set_meetings([changed[0], meetings[1], changed[2], changed[3]])
    sync.server.people = People(contact=lambda number: visitor(number) if number < 8 else None)
    sync.run(NOW + 9 * DAY, **settings)
    assert sync.asked == []  # changed, and not old yet
    sync.run(NOW + 11 * DAY, **settings)
    assert sorted(sync.asked) == ["/contacts/1", "/contacts/8"]
    sync.run(NOW + 31 * DAY, **settings, full_refresh=True)
    assert sorted(sync.asked) == ["/contacts/8", "/contacts/9"]  # those gone; no other has changed
    assert sync.rows("select id, email, last_name, is_gone, read_at from contacts order by 1") == [
        (1, "visitor-1@example.com", "1 Example", False, NOW + 11 * DAY),
        (2, "visitor-2@example.com", "2 Example", False, NOW),
        (8, None, None, True, NOW + 31 * DAY),  # deleted since: what was known is forgotten
        (9, None, None, True, NOW + 31 * DAY),
    ]


def test_what_is_off_is_not_asked_for_and_conversations_are_once_they_are_on(start: Start) -> None:
    at = milliseconds(CREATED)
    sync = start(
        [booked("a", conversationId=7), booked("b", conversationId=8), booked("c")],
        conversation=lambda number: (
            {
                "id": number,
                "status": "closed",
                "contactId": 1,
                "createdAt": at,
                "updatedAt": at + 1,
                "relatedPlaybookId": 60,
                "inboxId": 2,
                "participants": [1, 2],
            }
            if number == 7
            else None
        ),
    )
    off: dict[str, Any] = {"users": False, "teams": False, "contacts": False}
    found = sync.run(**off)
    assert (sync.asked, found) == ([], [])
    for table in ("users", "teams", "team_members", "contacts", "conversations"):
        assert sync.rows(f"select count(*) from {table}") == [(0,)]  # the models read them
    sync.run(NOW + DAY, **off, conversations=True)
    # The report has neither of them.
    assert sorted(sync.asked) == ["/conversations/7", "/conversations/8", "/reports/conversations"]
    later = CREATED + timedelta(milliseconds=1)
    assert sync.rows("from conversations order by id") == [
        (7, 1, "closed", "60", "2", CREATED, later, False, NOW + DAY),
        (8, *[None] * 6, True, NOW + DAY),
    ]


def conversation(number: int, **attributes: object) -> dict[str, object]:
    """One that began an hour before NOW."""
    began = milliseconds(NOW) - 3_600_000
    return {"id": number, "createdAt": began, "contactId": number + 100, **attributes}


@pytest.fixture
def many(start: Start) -> Sync:
    """Twenty meetings booked in conversations that began one minute apart, and one that did not."""
    began = milliseconds(NOW) - 3_600_000
    known = [
        conversation(number, createdAt=began + number * 60_000, relatedPlaybookId=60)
        for number in range(40)
    ]
    sync = start(
        [booked(f"m{n}", conversationId=n) for n in range(20)] + [booked("none")],
        conversations=lambda: known,
        conversation=lambda number: {"id": number, "status": "closed"},
    )
    sync.settings = {"users": False, "teams": False, "contacts": False, "conversations": True}
    return sync


def test_conversations_are_read_in_bulk_and_those_of_meetings_kept(many: Sync) -> None:
    assert many.run() == ["related    20 conversations"]
    assert many.asked == ["/reports/conversations"]
    began = NOW - timedelta(hours=1)
    assert many.rows("from conversations order by id") == [
        (n, n + 100, None, "60", None, began + timedelta(minutes=n), None, False, NOW)
        for n in range(20)
    ]
    assert many.run(NOW + DAY) == []
    assert many.asked == []


@pytest.mark.parametrize("cap", [5, 9])
def test_a_report_that_counts_more_than_it_has_is_asked_for_in_parts(many: Sync, cap: int) -> None:
    many.server.reports.cap = cap
    assert many.run() == ["related    20 conversations"]
    assert set(many.asked) == {"/reports/conversations"}
    assert len(many.asked) <= 50
    assert many.rows("select id from conversations order by 1") == [(n,) for n in range(20)]


def test_what_is_nan_in_a_report_is_null_and_what_it_lacks_is_read_alone(many: Sync) -> None:
    known = [conversation(n, relatedPlaybookId=None, contactId=None) for n in range(19)]
    many.server.people = People(conversations=lambda: known, conversation=conversation)
    assert many.run() == ["related    19 conversations, 1 conversations"]
    assert many.asked == ["/reports/conversations", "/conversations/19"]
    assert many.rows(
        "select playbook_id, contact_id, count(*) from conversations group by all"
    ) == [
        (None, None, 19),
        (None, 119, 1),
    ]


def test_conversations_are_read_one_by_one_where_the_report_is_refused(
    many: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    many.server.refused_paths = {"/reports/conversations"}
    assert many.run() == ["related    20 conversations"]
    assert len(many.asked) == 21
    assert many.rows("select count(*), count(status) from conversations") == [(20, 20)]


def test_a_report_that_fails_is_a_line_and_nothing_is_read_one_by_one(many: Sync) -> None:
    many.server.faults = lambda _, path: Fault("server_error") if "reports" in path else None
    (line,) = many.run()
    assert line.startswith("missing    conversations: 127.0.0.1:")
    assert set(many.asked) == {"/reports/conversations"}
    many.server.faults = lambda *_: None
    assert many.run(NOW + DAY) == ["related    20 conversations"]


def test_contacts_that_hang_cost_their_time_and_no_more(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = start([booked(f"m{n}", n) for n in range(20)], contact=visitor)
    sync.server.faults = lambda *_: Fault("hang", seconds=30)
    began = time.monotonic()
    settings: dict[str, Any] = {"users": False, "teams": False}
    sync.server.faults = lambda _, path: Fault("hang", seconds=30) if "contacts" in path else None
    related, missing = sync.run(**settings, contacts_seconds=0.5)
    assert related == "related    0 contacts (20 left to the next runs)"
    assert missing == (
        "missing    contacts: The time for people's details (sources.drift.contacts_seconds) is"
        " over."
    )
    monkeypatch.setattr("drift.details.RECORD_SECONDS", 0.5)
    related, missing = sync.run(NOW + DAY, **settings)
    assert re.search(
        r"contacts: [6-8] could not be read: The time for contacts \d+ is over", missing
    )
    assert time.monotonic() - began < 25
    sync.server.faults = lambda *_: None
    assert sync.run(NOW + 2 * DAY, **settings) == ["related    20 contacts"]


def test_contacts_yield_at_once_to_a_wait_that_is_too_long(start: Start) -> None:
    sync = start([booked(f"m{n}", n) for n in range(20)], contact=visitor)
    wait = Fault("rate_limited", retry_after=60)
    sync.server.faults = lambda _, path: wait if "contacts" in path else None
    began = time.monotonic()
    related, missing = sync.run(users=False, teams=False)
    assert time.monotonic() - began < 25
    assert related == "related    0 contacts (20 left to the next runs)"
    assert "kept answering 429: Too many requests. The next try would be in 60.0 s, and" in missing


def test_half_of_the_time_is_left_to_conversations_that_are_read_one_by_one(many: Sync) -> None:
    many.server.refused_paths = {"/reports/conversations"}
    many.server.set_meetings([booked(f"m{n}", n, conversationId=n) for n in range(3)])
    many.server.faults = lambda _, path: Fault("hang", seconds=30) if "contact" in path else None
    found = many.run(contacts=True, contacts_seconds=1)
    assert found[0] == "related    0 contacts (3 left to the next runs), 3 conversations"


def test_attributes_of_contacts_are_kept_when_named_whatever_they_are(start: Start) -> None:
    odd = {
        "email": ["a@example.com", {"b": 1}],
        "first_name": 5,
        "last_name": None,
        "company": {"name": "Example"},
        "tags": [{"name": "hot"}],
        "_END_USER_VERSION": 7,
        "_end_user_version": "8\x00",
        "read_at": True,
        "ip": "192.0.2.1",
    }
    sync = start([booked("a", 1)], contact=lambda _: {"attributes": odd, "createdAt": "never"})
    names = ["tags", "_END_USER_VERSION", "_end_user_version", "read_at", "absent"]
    sync.run(contact_attributes=names)
    other = attribute_columns(names)["_END_USER_VERSION"]
    assert sync.rows(
        "select created_at, email, first_name, last_name, company, tags, _end_user_version,"
        f" {other}, contact_read_at, absent from contacts"
    ) == [
        (
            None,
            '["a@example.com",{"b":1}]',
            "5",
            None,
            '{"name":"Example"}',
            '[{"name":"hot"}]',
            "8",
            "7",
            "true",
            None,
        )
    ]
    ((columns,),) = sync.rows(
        "select string_agg(column_name, ' ') from information_schema.columns"
        " where table_schema = 'drift' and table_name = 'contacts'"
    )
    assert "ip" not in columns.split()


def test_no_two_attributes_share_a_column_in_whichever_order_they_are_named() -> None:
    names = ["_END_USER_VERSION", "_end_user_version", "IP", "ip", "Ip", "company size", "id"]
    columns = attribute_columns(names)
    assert len(set(columns.values())) == len(names)
    assert columns["_end_user_version"] == "_end_user_version"
    assert columns["company size"] == "company_size"
    assert columns["id"] == "contact_id"
    assert attribute_columns(names[::-1]) == columns
    for name in names:  # the same, whether or not the others are named
        assert attribute_columns([name]) == {name: columns[name]}


def test_a_token_without_the_scope_is_refused_at_once_and_costs_nothing_else(
    start: Start,
) -> None:
    sync = start(
        [booked(f"m{n}", n, conversationId=n) for n in range(30)],
        users=[user(1)],
        teams=[{"id": 5}],
        contact=visitor,
        conversation=lambda number: {"id": number},
        scopes={"user_read", "conversation_read"},
    )
    found = sync.run(conversations=True, requests_in_flight=3)
    assert len([path for path in sync.asked if path.startswith("/contacts")]) == 3
    assert found == [
        "related    1 users, 1 teams, 0 contacts (30 left to the next runs), 30 conversations",
        "missing    contacts: Drift refused the access token (403): The token lacks the scope"
        " contact_read. It needs the scope contact_read.",
    ]
    assert sync.rows(
        "select (select count(*) from users), (select count(*) from teams),"
        " (select count(*) from contacts), (select count(*) from conversations)"
    ) == [(1, 1, 0, 30)]


def test_what_was_read_before_the_endpoint_fails_is_kept_and_the_next_run_goes_on(
    start: Start,
) -> None:
    sync = start([booked(f"m{n}", n, days=n) for n in range(20)], contact=visitor)
    settings: dict[str, Any] = {"users": False, "teams": False, "requests_in_flight": 1}
    broken = set(range(5, 20)) | {2}

    def faults(_: int, path: str) -> Fault | None:
        part, contact = path.rsplit("/", 1)
        return Fault("server_error") if part == "/contacts" and int(contact) in broken else None

    sync.server.faults = faults
    found = sync.run(**settings)
    # 2 alone fails, and is passed over; of those from 5 on, six are enough
    read = "select id from contacts where is_gone is not null order by 1"
    assert sync.rows(read) == [(0,), (1,), (3,), (4,)]
    assert len(sync.asked) == 4 + 2 + 6 * 2
    host = sync.server.url.removeprefix("http://")
    related, missing = found
    assert related == "related    4 contacts (16 left to the next runs)"
    assert re.fullmatch(
        rf"missing    contacts: 7 could not be read: {host} kept answering 500: Internal Server"
        " Error.",
        missing,
    )
    broken.clear()
    sync.run(NOW + DAY, **settings)
    never = [f"/contacts/{n}" for n in range(11, 20)]
    assert sync.asked == [*never, "/contacts/2", *(f"/contacts/{n}" for n in range(5, 11))]
    assert sync.rows("select count(*), count(email) from contacts") == [(20, 20)]


def test_one_contact_that_is_refused_or_hangs_keeps_no_other_from_being_read(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drift.details.RECORD_SECONDS", 3)
    sync = start([booked(f"m{n}", n, days=n) for n in range(20)], contact=visitor)
    hangs = Fault("hang", seconds=30)
    sync.server.faults = lambda _, path: hangs if path.endswith("/contacts/1") else None
    found = sync.run(users=False, teams=False)
    assert found == [
        "related    19 contacts (1 left to the next runs)",
        "missing    contacts: 1 could not be read: The time for contacts 1 is over.",
    ]
    assert sync.rows("select id, email from contacts where is_gone is null") == [(1, None)]
    before = sync.rows("select count(*) from _dlt_loads")
    assert sync.run(NOW + DAY, users=False, teams=False)[0].startswith("related    0 contacts")
    assert sync.rows("select count(*) - 1 from _dlt_loads") == before  # of meetings alone


@pytest.mark.parametrize("is_filtered", [True, False])
def test_a_report_whose_count_is_always_above_its_rows_costs_few_requests(
    many: Sync, is_filtered: bool
) -> None:
    known = [conversation(n, createdAt=milliseconds(NOW - n * DAY)) for n in range(19)]
    many.server.people = People(conversations=lambda: known, conversation=conversation)
    answer = many.server.reports.answer

    def with_more(body: bytes, conversations: Any) -> Answer:
        query = json.loads(body)
        if not is_filtered:  # each answer has all
            query["filters"] = []
        right = answer(json.dumps(query).encode(), conversations)
        report = json.loads(right.body)
        return right._replace(body=json.dumps({**report, "count": report["count"] + 3}).encode())

    many.server.reports.answer = with_more  # type: ignore[method-assign]
    assert many.run() == ["related    19 conversations, 1 conversations"]
    assert len(many.asked) <= 8
    many.run(NOW + DAY)
    assert many.asked == []


@pytest.mark.parametrize(
    "body", [b'{"data": 5}', b"[]", b"{}", b'{"error": {"message": "no"}}', b"", b'{"data": [1']
)
def test_a_body_that_is_no_answer_is_asked_for_again(body: bytes) -> None:
    for decode in (data_records, data_object):
        with pytest.raises(BrokenAnswerError):
            decode(body)


@pytest.mark.parametrize(
    "body", [b'{"data": []}', b"{}", b'{"error": {"message": "no"}}', b"", b"[1"]
)
def test_a_body_that_is_no_bare_array_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(BrokenAnswerError):
        bare_records(body)


def test_a_playbook_that_vanishes_stays_and_is_marked(start: Start) -> None:
    at = milliseconds(CREATED)
    goals = [{"id": 2, "message": "Book a meeting"}]
    times = {"createdAt": at, "updatedAt": at + 1}
    one = {"id": 60, "name": "Demo", "reportType": "BOOK_MORE_MEETINGS", "goals": goals, **times}
    sync = start([], playbooks=[one, {"id": 61, "name": None}, {"name": "has no id"}])
    off: dict[str, Any] = {"users": False, "teams": False, "contacts": False}
    assert sync.run(**off, playbooks=True) == [
        "related    2 playbooks",
        "missing    playbooks: 1 records without an id were left out.",
    ]
    assert sync.asked == ["/playbooks/list"]
    sync.server.people = People(playbooks=[{**one, "name": "Renamed"}])
    sync.run(NOW + DAY, **off, playbooks=True)
    later = CREATED + timedelta(milliseconds=1)
    json_goals = '[{"id":2,"message":"Book a meeting"}]'
    assert sync.rows("select * from playbooks order by id") == [
        (60, "Renamed", "BOOK_MORE_MEETINGS", json_goals, CREATED, later, True),
        (61, *[None] * 5, False),
    ]
    sync.run(NOW + 2 * DAY, **off, playbooks=True)
    assert sync.rows("select count(*) from _dlt_loads") == [(5,)]  # three of meetings, two of these


def test_playbooks_alone_are_missing_without_their_scope(start: Start) -> None:
    sync = start([], users=[user(1)], scopes={"user_read"})
    assert sync.run(playbooks=True, teams=False, contacts=False) == [
        "related    1 users",
        "missing    playbooks: Drift refused the access token (403): The token lacks the scope"
        " playbook_read. It needs the scope playbook_read.",
    ]


def test_whether_a_contact_waits_to_be_read_is_known_before(start: Start) -> None:
    sync = start([booked("a", 1, conversationId=7)], contact=visitor)
    assert not is_waiting(sync.pipeline())
    sync.run(contacts=False)
    assert is_waiting(sync.pipeline())
    assert is_waiting(sync.pipeline(), contacts=False)
    assert not is_waiting(sync.pipeline(), contacts=False, conversations=False)
    sync.run(NOW + DAY, conversations=True)
    assert not is_waiting(sync.pipeline())


@pytest.mark.parametrize("mode", ["round_robin", "fifo"])
def test_one_run_loads_everything_and_a_second_one_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("EXTRACT__NEXT_ITEM_MODE", mode)
    sync = start(
        [booked("a", 1, agentId=4, conversationId=7), booked("b", 1), booked("c", 2, days=1)],
        users=[user(3)],
        former_users=[user(4)],
        teams=[{"id": 5, "members": [3]}],
        playbooks=[{"id": 60}],
        contact=visitor,
        conversation=lambda number: {"id": number},
    )
    for day in range(2):
        sync.server.clock = lambda day=day: NOW + day * DAY  # type: ignore[misc]
        before = len(sync.server.requests)
        source = drift_source(
            sync.server.url,
            sync.server.token,
            started_at=NOW + day * DAY,
            conversations=True,
            contacts_per_run=1,
        )
        sync.pipeline().run(source)
        asked = [one.path for one in sync.server.requests[before:]]
        contact = [f"/contacts/{1 + day}"]
        assert [path for path in asked if path.startswith("/contacts")] == contact
        assert asked.count("/users") == asked.count("/conversations/7") == (day == 0)
    assert sync.rows(
        "select (select count(*) from meeting_versions), (select count(*) from users),"
        " (select count(*) from teams), (select count(*) from team_members),"
        " (select count(*) from playbooks), (select count(*) from conversations)"
    ) == [(3, 2, 1, 1, 1, 1)]
    assert sync.rows("select id, read_at from contacts order by 1") == [
        (1, NOW),
        (2, NOW + DAY),
    ]


def test_a_contact_of_a_meeting_that_changed_in_the_same_run_is_read_again(start: Start) -> None:
    later = milliseconds(NOW + 20 * DAY)
    meetings = [booked("a", 1, slotStart=later), booked("b", 2, slotStart=later)]
    sync = start(meetings, contact=visitor)
    for day in (0, 40):
        sync.server.clock = lambda day=day: NOW + day * DAY  # type: ignore[misc]
        source = drift_source(
            sync.server.url, sync.server.token, started_at=NOW + timedelta(days=day)
        )
        before = len(sync.server.requests)
        sync.pipeline().run(source.with_resources("meetings", "contacts"))
        sync.server.set_meetings([{**meetings[0], "status": "CANCELED"}, meetings[1]])
    asked = [one.path for one in sync.server.requests[before:]]
    assert [path for path in asked if path.startswith("/contacts")] == ["/contacts/1"]


def test_a_token_for_meetings_alone_lands_every_meeting(project: Project, serve: Serve) -> None:
    serve(
        [meeting(f"m{n}", schedulerId=n) for n in range(30)],
        people=People(users=[user(11)], teams=[{"id": 5, "members": [11]}], contact=visitor),
        scopes={"user_read"},
    )
    done = project.run()
    assert project.query("select count(*), min(agent_name) from bookings.meetings") == [
        (30, "Agent 11")
    ]
    assert "missing    contacts: Drift refused the access token (403)" in done.stdout
    assert "It needs the scope contact_read." in done.stdout
    assert done.stdout.count("\nmissing") == 3
    for name in ("playbooks", "conversations"):
        assert f"missing    {name}: Drift refused the access token (403)" in done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("CONTACTS", "perhaps", "sources.drift.contacts must be true or false"),
        ("CONTACTS_PER_RUN", "1.5", "sources.drift.contacts_per_run must be a whole number"),
        ("CONTACT_REFRESH_DAYS", "-1", "sources.drift.contact_refresh_days must be 0 or more"),
        ("CONTACT_ATTRIBUTES", "tags", "sources.drift.contact_attributes must be a list"),
        ("CONTACT_ATTRIBUTES", "[1]", "sources.drift.contact_attributes must be a list"),
        ("PERSONAL_DATA", "hide", "personal_data must be keep, hash or drop, not 'hide'"),
        ("PERSONAL_DATA", "hash", "needs the secret key sources.drift.personal_data_key"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, key: str
) -> None:
    monkeypatch.setenv(f"SOURCES__DRIFT__{variable}", value)
    with pytest.raises(SettingError, match=re.escape(key)):
        read_settings(ROOT)
