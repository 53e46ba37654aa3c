"""The fake Drift serves related records by Drift's documented rules."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from fake_drift.organisation import AGENTS, Organisation
from fake_drift.people import people_of
from fake_drift.server import FakeDrift, People
from tests.conftest import ROOT


@pytest.fixture
def server() -> Iterator[FakeDrift]:
    people = People(
        users=[{"id": 1, "name": "One"}, {"id": 2}],
        former_users=[{"id": 3}],
        teams=[{"id": 5, "members": [1]}],
        playbooks=[{"id": 6}],
        contact=lambda number: {"id": number, "attributes": {}} if number < 9 else None,
        conversation=lambda number: {"id": number} if number < 9 else None,
    )
    with FakeDrift([], people=people) as running:
        yield running


def get(server: FakeDrift, path: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {server.token}"}
    answer = requests.get(server.url + path, headers=headers, timeout=5)
    body = answer.json()
    if isinstance(body, list):
        return answer.status_code, body
    return answer.status_code, body["error"]["type"] if "error" in body else body["data"]


@pytest.mark.parametrize(
    ("path", "status", "data"),
    [
        ("/users/list", 200, [{"id": 1, "name": "One"}, {"id": 2}]),
        ("/users/1", 200, {"id": 1, "name": "One"}),
        ("/users/3", 200, {"id": 3}),
        ("/users/4", 404, "not_found"),
        ("/users?userId=2&userId=3&userId=4", 200, {"2": {"id": 2}, "3": {"id": 3}}),
        ("/users?" + "&".join(["userId=1"] * 20), 200, {"1": {"id": 1, "name": "One"}}),
        ("/users?" + "&".join(["userId=1"] * 21), 400, "validation_error"),
        ("/users", 400, "validation_error"),
        ("/users?userId=x", 400, "validation_error"),
        ("/teams/org", 200, [{"id": 5, "members": [1]}]),
        ("/playbooks/list", 200, [{"id": 6}]),
        ("/contacts/1", 200, {"id": 1, "attributes": {}}),
        ("/contacts/9", 404, "not_found"),
        ("/contacts/x", 404, "not_found"),
        ("/contacts", 404, "not_found"),
        ("/conversations/1", 200, {"id": 1}),
        ("/conversations/9", 404, "not_found"),
    ],
)
def test_what_is_served(server: FakeDrift, path: str, status: int, data: Any) -> None:
    assert get(server, path) == (status, data)


CONVERSATIONS: list[dict[str, object]] = [
    {"id": 7, "createdAt": 1_000, "contactId": 1, "relatedPlaybookId": 60},
    {"id": 8, "createdAt": 2_000, "contactId": 2, "relatedPlaybookId": None},
    {"id": 9, "createdAt": 3_000, "contactId": 3, "lastAgentId": 11},
]


def report(server: FakeDrift, *filters: Any, metrics: Any = ("createdAt",)) -> tuple[int, Any]:
    """The status, and the rows by their ids, of a query."""
    given = [dict(zip(("property", "operation", "values"), one, strict=False)) for one in filters]
    answer = requests.post(
        server.url + "/reports/conversations",
        json={"filters": given, "metrics": metrics},
        headers={"Authorization": f"Bearer {server.token}"},
        timeout=5,
    )
    body = answer.json()
    if answer.status_code != 200:
        return answer.status_code, body["error"]["type"]
    rows = {row["conversationId"]: row["metrics"] for row in body["data"]}
    return body["count"], rows


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (("createdAt", "BETWEEN", [1_000, 2_000]), [7, 8]),
        (("createdAt", "BETWEEN", ["1970-01-01", "1970-01-02"]), [7, 8, 9]),
        (("lastAgentId", "IN", [11, 12]), [9]),
        (("relatedPlaybookId", "HAS_PROPERTY"), [7]),
    ],
)
def test_a_report_has_the_conversations_that_its_filters_leave(
    server: FakeDrift, query: Any, ids: list[int]
) -> None:
    server.people = People(conversations=lambda: CONVERSATIONS)
    count, rows = report(server, query)
    assert (count, list(rows)) == (len(ids), ids)


def test_a_report_has_the_metrics_in_the_order_asked_for_and_the_text_nan_where_absent(
    server: FakeDrift,
) -> None:
    server.people = People(conversations=lambda: CONVERSATIONS)
    metrics = ("endUserId", "relatedPlaybookId", "timeToCloseMillis", "createdAt")
    assert report(server, metrics=metrics) == (
        3,
        {7: [1, 60, "NaN", 1_000], 8: [2, "NaN", "NaN", 2_000], 9: [3, "NaN", "NaN", 3_000]},
    )
    server.reports.cap = 2
    assert report(server) == (3, {7: [1_000], 8: [2_000]})


@pytest.mark.parametrize(
    ("filters", "metrics"),
    [
        ([("createdAt", "LIKE", [1])], ["createdAt"]),
        ([("createdAt", "BETWEEN", [1])], ["createdAt"]),
        ([("nothing", "IN", [1])], ["createdAt"]),
        ([], ["nothing"]),
    ],
)
def test_a_query_that_is_none_is_refused(server: FakeDrift, filters: Any, metrics: Any) -> None:
    server.people = People(conversations=lambda: CONVERSATIONS)
    assert report(server, *filters, metrics=metrics) == (400, "validation_error")


def test_a_report_needs_its_scope_and_is_answered_60_times_a_minute(server: FakeDrift) -> None:
    server.scopes = {"contact_read"}
    assert report(server) == (403, "authentication_error")
    server.scopes = {"conversation_read"}
    assert get(server, "/reports/conversations") == (405, "method_not_allowed")
    assert [report(server)[0] for _ in range(61)] == [0] * 60 + [429]


def test_each_path_needs_its_scope(server: FakeDrift) -> None:
    paths = ["/users/list", "/contacts/1", "/conversations/1", "/playbooks/list"]
    scopes = ("user", "contact", "conversation", "playbook")
    for path, scope in zip(paths, scopes, strict=True):
        server.scopes = {f"{scope}_read"}
        assert [get(server, other)[0] for other in paths] == [
            200 if other == path else 403 for other in paths
        ]


def test_a_name_that_recurs_in_a_query_is_noted_as_often(server: FakeDrift) -> None:
    get(server, "/users?userId=1&userId=2")
    assert server.requests[-1].repeated == (("userId", "1"), ("userId", "2"))


def test_the_organisation_s_people_are_plainly_made_up_and_stand_behind_its_meetings() -> None:
    organisation = Organisation()
    meetings = organisation.meetings_at(organisation.first_day)
    people = people_of(meetings)
    users: Any = people.users
    teams: Any = people.teams
    assert [user["id"] for user in users] == [agent.id for agent in AGENTS]
    assert all(user["name"].endswith(" Example") for user in users)
    members = [user for team in teams for user in team["members"]]
    assert AGENTS[-1].id not in members
    assert set(members) == {agent.id for agent in AGENTS[:-1]}
    assert len(members) > len(set(members))
    playbooks: Any = people.playbooks
    named: set[int | None] = set()
    for booked in meetings[:50]:
        contact: Any = people.contact(int(str(booked["schedulerId"])))
        assert contact["attributes"]["email"].endswith(".example")
        if "conversationId" in booked:
            assert people.conversation(int(str(booked["conversationId"]))) in people.conversations()
            conversation: Any = people.conversation(int(str(booked["conversationId"])))
            assert conversation["createdAt"] < int(str(booked["scheduledAt"]))
            named.add(conversation["relatedPlaybookId"])
    assert people.conversation(1) is None
    visitors: list[Any] = [people.contact(int(str(m["schedulerId"]))) for m in meetings]
    companies = Counter(visitor["attributes"]["company"] for visitor in visitors if visitor)
    assert 0.1 < companies.pop(None) / len(meetings) < 0.15  # with a private address
    assert len(companies) > 300
    assert companies.total() / 2 < sum(count for _, count in companies.most_common(100))
    assert {playbook["id"] for playbook in playbooks} == named - {None}
    assert all(playbook["name"].endswith(" (example)") for playbook in playbooks)


def test_the_demo_s_organisation_is_served_by_a_command_of_its_own() -> None:
    command = [sys.executable, str(ROOT / "pipelines" / "demo_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            address, token = (line.rstrip().partition("=")[2] for line in lines)
            users = requests.get(
                f"{address}/users/list", headers={"Authorization": f"Bearer {token}"}, timeout=10
            )
        finally:
            process.terminate()
    assert [line.partition("=")[0] for line in lines] == [
        "export SOURCES__DRIFT__BASE_URL",
        "export SOURCES__DRIFT__ACCESS_TOKEN",
    ]
    assert len(users.json()["data"]) > len(AGENTS) // 2
