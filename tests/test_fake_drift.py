"""The fake Drift keeps Drift's documented rules, and goes wrong exactly as it is told to."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import requests

from fake_drift.http import Asked
from fake_drift.organisation import AGENTS, Meeting, Organisation
from tests.hostile import Fault, HostileDrift
from tests.synthetic import Shape, synthetic_meetings

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
NOW_MS = 1_780_300_800_000
DAY = 86_400_000
REACH = NOW_MS - 30 * DAY
ALL: dict[str, Any] = {"min_start_time": 0, "max_start_time": NOW_MS + 400 * DAY, "limit": 1000}

# slots in the order a, b, c, d; updated in the order c, a, d, b
FOUR: list[Meeting] = [
    {"slug": "c", "slotStart": NOW_MS + 300, "updatedAt": 1},
    {"slug": "a", "slotStart": NOW_MS + 100, "updatedAt": 2},
    {"slug": "d", "slotStart": NOW_MS + 400, "updatedAt": 3},
    {"slug": "b", "slotStart": NOW_MS + 200, "updatedAt": 4},
]
MANY: list[Meeting] = [{"slug": f"m{n:04}", "slotStart": NOW_MS + n} for n in range(1_500)]

Open = Callable[..., HostileDrift]


@pytest.fixture
def served() -> Iterator[Open]:
    """Opens a fake Drift whose clock stands at NOW, and closes it after the test."""
    opened: list[HostileDrift] = []

    def open_one(meetings: Any = (), **options: Any) -> HostileDrift:
        opened.append(HostileDrift(meetings, **{"clock": lambda: NOW, **options}).__enter__())
        return opened[-1]

    yield open_one
    for one in opened:
        one.__exit__()


def get(
    server: HostileDrift,
    *,
    path: str = "/users/meetings/org",
    token: str = "demo-token",
    method: str = "GET",
    **query: Any,
) -> requests.Response:
    return requests.request(
        method,
        server.url + path,
        params={name: str(value) for name, value in query.items()},
        headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
        timeout=5,
    )


def slugs(server: HostileDrift, **query: Any) -> list[str]:
    answer = get(server, **{**ALL, **query})
    assert answer.status_code == 200, answer.text
    return [meeting["slug"] for meeting in answer.json()["data"]]


def refusal(answer: requests.Response) -> tuple[int, str]:
    """The status and the documented type of an error whose body has the documented form."""
    body = answer.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["message", "type"]
    return answer.status_code, body["error"]["type"]


# --- the documented rules


def test_an_answer_carries_the_records_as_given_and_the_date_of_the_clock(
    served: Open,
) -> None:
    record = {"slug": "a", "slotStart": NOW_MS, "meetingNotes": "Voilà", "conferenceType": {}}
    answer = get(served([record]), **ALL)
    assert answer.json() == {"data": [record]}
    assert answer.headers["Date"] == "Mon, 01 Jun 2026 08:00:00 GMT"
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("missing", ["min_start_time", "max_start_time"])
def test_both_bounds_are_required(served: Open, missing: str) -> None:
    query = {name: value for name, value in ALL.items() if name != missing}
    assert refusal(get(served(FOUR), **query)) == (400, "validation_error")


@pytest.mark.parametrize("name", ["min_start_time", "max_start_time", "limit"])
@pytest.mark.parametrize("value", ["", "soon", "1.5", "1e3", "1_000", " 1", "٣"])
def test_bounds_and_limit_are_integers(served: Open, name: str, value: str) -> None:
    assert refusal(get(served(FOUR), **{**ALL, name: value})) == (400, "validation_error")


@pytest.mark.parametrize("limit", [-1, 1001])
def test_a_limit_lies_within_0_and_1000(served: Open, limit: int) -> None:
    assert refusal(get(served(FOUR), **{**ALL, "limit": limit})) == (400, "validation_error")


@pytest.mark.parametrize(("limit", "rows"), [(0, 0), (1, 1), (999, 999), (1000, 1000)])
def test_an_answer_is_no_longer_than_its_limit(served: Open, limit: int, rows: int) -> None:
    assert slugs(served(MANY), limit=limit) == [f"m{n:04}" for n in range(rows)]


@pytest.mark.parametrize(
    ("options", "limit", "rows"), [({}, {}, 100), ({"cap": 250}, {"limit": 1000}, 250)]
)
def test_the_limit_is_100_when_left_out_and_a_lower_cap_cuts_silently(
    served: Open, options: dict[str, Any], limit: dict[str, Any], rows: int
) -> None:
    bounds: dict[str, Any] = {"min_start_time": 0, "max_start_time": NOW_MS + DAY}
    found = get(served(MANY, **options), **bounds, **limit).json()["data"]
    assert [meeting["slug"] for meeting in found] == [f"m{n:04}" for n in range(rows)]


def test_meetings_reach_30_days_into_the_past_and_no_further(served: Open) -> None:
    edge = [{"slug": "in", "slotStart": REACH}, {"slug": "out", "slotStart": REACH - 1}]
    assert slugs(served(edge), min_start_time=0) == ["in"]
    assert slugs(served(edge), min_start_time=REACH - DAY) == ["in"]
    assert slugs(served(edge), max_start_time=REACH - 1) == []


def test_the_bounds_filter_on_the_slot_not_on_the_update(served: Open) -> None:
    meetings = [
        {"slug": "near", "slotStart": NOW_MS + 10, "updatedAt": NOW_MS + 99},
        {"slug": "far", "slotStart": NOW_MS + 99, "updatedAt": NOW_MS + 10},
    ]
    assert slugs(served(meetings), min_start_time=NOW_MS, max_start_time=NOW_MS + 20) == ["near"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "x"}])
def test_a_token_missing_or_wrong_is_refused(served: Open, header: dict[str, str]) -> None:
    answer = requests.get(served(FOUR).url + "/users/meetings/org", headers=header, timeout=5)
    assert refusal(answer) == (403, "authentication_error")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_meetings_can_only_be_read(served: Open, method: str) -> None:
    answer = get(served(FOUR), method=method, **ALL)
    assert refusal(answer) == (405, "method_not_allowed")
    closes = answer.headers.get("Connection") == "close"  # a body left unread would be a request
    assert closes == (method != "POST")


# --- what nobody has written down, as options


@pytest.mark.parametrize(
    ("bounds", "found"),
    [("inclusive", ["a", "b", "c"]), ("exclusive", ["b"]), ("half-open", ["a", "b"])],
)
def test_bounds_can_be_taken_three_ways(served: Open, bounds: str, found: list[str]) -> None:
    between = {"min_start_time": NOW_MS + 100, "max_start_time": NOW_MS + 300}
    assert slugs(served(FOUR, bounds=bounds), **between) == found


@pytest.mark.parametrize(
    ("order", "found"), [("slot_start", "abcd"), ("newest", "dcba"), ("updated", "cadb")]
)
def test_the_order_of_the_rows_can_be_set(served: Open, order: str, found: str) -> None:
    assert slugs(served(FOUR, order=order)) == list(found)


@pytest.mark.parametrize(
    ("survivors", "order", "found"),
    [
        ("first", "slot_start", "ab"),
        ("first", "newest", "ba"),
        ("last", "slot_start", "cd"),
        ("last", "updated", "cd"),
        ("last", "newest", "dc"),
    ],
)
def test_which_rows_survive_does_not_depend_on_their_order(
    served: Open, survivors: str, order: str, found: str
) -> None:
    assert slugs(served(FOUR, survivors=survivors, order=order), limit=2) == list(found)


@pytest.mark.parametrize("option", ["order", "survivors"])
def test_what_is_shuffled_changes_from_answer_to_answer(served: Open, option: str) -> None:
    server = served(MANY, **{option: "shuffled"})
    first, second = slugs(server, limit=50), slugs(server, limit=50)
    assert first != second
    assert (first == sorted(first)) == (option == "survivors")
    assert len({*first}) == len({*second}) == 50


UNSCHEDULED: list[Meeting] = [
    {"slug": "none"},
    {"slug": "null", "slotStart": None},
    {"slug": "text", "slotStart": str(NOW_MS)},
    {"slug": "true", "slotStart": True},
    {"slug": "float", "slotStart": NOW_MS + 0.5},
]


def test_meetings_without_a_slot_are_in_no_answer(served: Open) -> None:
    assert slugs(served([*UNSCHEDULED, *FOUR])) == ["a", "b", "c", "d"]


def test_meetings_without_a_slot_can_be_in_every_answer(served: Open) -> None:
    server = served([*UNSCHEDULED, *FOUR], serves_unscheduled=True)
    everywhere = ["none", "null", "text", "true", "float"]
    assert slugs(server) == ["a", "b", "c", "d", *everywhere]
    assert slugs(server, max_start_time=NOW_MS) == everywhere
    assert slugs(server, limit=6) == ["a", *everywhere]
    assert slugs(server, limit=2) == ["none", "null"]


def test_raw_records_are_served_as_they_are_at_the_slot_they_name(served: Open) -> None:
    raw = [
        b'{"slug":"dup","slug":"twice", "slotStart":%d}' % (NOW_MS + 2),
        rb'{"slug":"\ud800","slotStart":%d}' % (NOW_MS + 1),
        b"[1, 2]",
        b"null",
        b"{oops",
        b'{"slotStart":"soon"}',
    ]
    server = served(raw, serves_unscheduled=True)
    everywhere = b'[1, 2],null,{oops,{"slotStart":"soon"}'
    assert get(server, **ALL).content == b'{"data":[' + raw[1] + b"," + raw[0] + b"," + (
        everywhere + b"]}"
    )
    assert get(server, **{**ALL, "max_start_time": NOW_MS}).content == (
        b'{"data":[' + everywhere + b"]}"
    )


# --- what it notes, and how it speaks HTTP


def test_every_request_is_noted_in_order_with_its_status(served: Open) -> None:
    server = served(FOUR)
    get(server, min_start_time=1, max_start_time=2)
    get(server, method="POST", path="/nowhere")
    first, second = server.requests
    assert first == Asked(
        method="GET",
        path="/users/meetings/org",
        query={"min_start_time": "1", "max_start_time": "2"},
        headers=first.headers,
        status=200,
    )
    assert first.headers["authorization"] == "Bearer demo-token"
    assert (second.method, second.path, second.query, second.status) == (
        "POST",
        "/nowhere",
        {},
        404,
    )


# --- faults


def once(fault: Fault) -> Callable[[int, str], Fault | None]:
    return lambda number, _path: fault if number == 0 else None


def test_faults_are_chosen_by_number_and_path_and_pass(served: Open) -> None:
    seen: list[tuple[int, str]] = []

    def faults(number: int, path: str) -> Fault | None:
        seen.append((number, path))
        return Fault("server_error", status=503) if "limit=7" in path else None

    server = served(FOUR, faults=faults)
    statuses = [
        get(server, min_start_time=0, max_start_time=1, limit=n).status_code for n in (6, 7, 8)
    ]
    assert statuses == [asked.status for asked in server.requests] == [200, 503, 200]
    query = "/users/meetings/org?min_start_time=0&max_start_time=1&limit="
    assert seen == [(0, query + "6"), (1, query + "7"), (2, query + "8")]


@pytest.mark.parametrize(
    ("fault", "status", "kept"),
    [
        (Fault("rate_limited"), 429, None),
        (Fault("server_error", status=502), 502, None),
        (Fault("error_with_200"), 200, None),
        (Fault("empty_200"), 200, 0.0),
        (Fault("broken_json"), 200, -1),
        (Fault("cut_unannounced"), 200, 0.5),
    ],
    ids=lambda value: getattr(value, "kind", str(value)),
)
def test_an_answer_goes_wrong_as_it_is_told_to(
    served: Open, fault: Fault, status: int, kept: float | None
) -> None:
    """Of a right body's bytes, this share is kept, or all but so many."""
    server = served(FOUR, faults=once(fault))
    wrong, right = get(server, **ALL), get(server, **ALL)
    assert (wrong.status_code, right.status_code) == (status, 200)
    if kept is not None:
        whole = right.content
        assert wrong.content == whole[: int(kept) if kept < 0 else int(len(whole) * kept)]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("reset"), requests.ConnectionError, "reset by peer"),
        (Fault("hang", seconds=0.1), requests.ConnectionError, "without response"),
        (Fault("cut_body"), requests.exceptions.ChunkedEncodingError, "IncompleteRead"),
    ],
    ids=lambda value: getattr(value, "kind", str(value)),
)
def test_a_connection_goes_wrong_as_it_is_told_to(
    served: Open, fault: Fault, error: type[Exception], words: str
) -> None:
    server = served(FOUR, faults=once(fault))
    with pytest.raises(error, match=words):
        get(server, **ALL)
    assert slugs(server) == ["a", "b", "c", "d"]


# --- the organisation

DEMO = Organisation()
DOCUMENTED = {
    *("agentId", "orgId", "status", "meetingSource", "schedulerId", "eventId", "slug", "slotStart"),
    *("slotEnd", "updatedAt", "scheduledAt", "meetingType", "conversationId", "endUserTimeZone"),
    *("meetingNotes", "bookedBy"),
}


def known(number: int) -> dict[str, dict[str, Any]]:
    """What can be seen on a day of the demo, by slug."""
    now = DEMO.day(number)
    reach = now.timestamp() * 1_000 - 30 * DAY
    meetings = cast("list[dict[str, Any]]", DEMO.meetings_at(now))
    return {m["slug"]: m for m in meetings if m["slotStart"] >= reach}


def in_another_process(seed: str) -> str:
    """The records of a first day as JSON, from a Python whose strings hash differently."""
    code = (
        "import json, sys; sys.path.insert(0, 'pipelines');"
        "from fake_drift.organisation import Organisation;"
        f"o = Organisation({seed!r}); print(json.dumps(o.meetings_at(o.first_day)))"
    )
    run = [sys.executable, "-c", code]
    env = {"PYTHONHASHSEED": "7"}
    return subprocess.run(
        run, cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    assert in_another_process("demo") == json.dumps(DEMO.meetings_at(DEMO.first_day))


def test_a_meeting_is_unknown_until_it_is_booked() -> None:
    today = known(0)
    slug, booked = next((s, m["scheduledAt"]) for s, m in known(1).items() if s not in today)
    moment = datetime.fromtimestamp(booked / 1_000, UTC)
    before = DEMO.meetings_at(moment - timedelta(milliseconds=1))
    assert slug not in {m["slug"] for m in before}
    assert slug in {m["slug"] for m in DEMO.meetings_at(moment)}


def test_a_day_adds_bookings_changes_some_drops_the_oldest_and_leaves_the_rest() -> None:
    today, tomorrow = known(0), known(1)
    new, dropped = tomorrow.keys() - today.keys(), today.keys() - tomorrow.keys()
    changed = {s for s in today.keys() & tomorrow.keys() if today[s] != tomorrow[s]}
    now, later = (int(DEMO.day(n).timestamp() * 1_000) for n in (0, 1))

    assert 90 <= len(new) <= 200
    assert all(now < tomorrow[s]["scheduledAt"] <= later for s in new)
    assert all(today[s]["slotStart"] < later - 30 * DAY for s in dropped)
    assert 20 <= len(changed) <= 80
    assert all(now < tomorrow[s]["updatedAt"] <= later for s in changed)
    same = ("orgId", "slug", "scheduledAt", "schedulerId")
    assert all(today[s][name] == tomorrow[s][name] for s in changed for name in same)


def test_a_month_brings_every_kind_of_change() -> None:
    kinds: set[str] = set()
    late = 0
    for before, after in pairwise(known(day) for day in range(31)):
        for slug in before.keys() & after.keys():
            old, new = before[slug], after[slug]
            for name in ("slotStart", "agentId", "meetingNotes", "status"):
                if old.get(name) != new.get(name):
                    kinds.add(f"{name} {new['status']}" if name == "status" else name)
            canceled = (old["status"], new["status"]) == ("ACTIVE", "CANCELED")
            late += canceled and new["slotStart"] - new["updatedAt"] <= DAY
    assert kinds == {"slotStart", "agentId", "meetingNotes", "status CANCELED", "status ACTIVE"}
    assert 50 <= late <= 250


def test_every_slot_lies_in_its_agents_working_hours_on_a_quarter_hour() -> None:
    agents = {agent.id: agent for agent in AGENTS}
    assert len(agents) == 24
    saturdays = 0
    for meeting in known(0).values():
        if "agentId" not in meeting:
            continue
        agent = agents[meeting["agentId"]]
        zone = ZoneInfo(agent.time_zone)
        start, end = (
            datetime.fromtimestamp(meeting[name] / 1_000, zone) for name in ("slotStart", "slotEnd")
        )
        assert start.weekday() < (6 if agent.saturdays else 5), meeting
        saturdays += start.weekday() == 5
        assert start.hour >= 9, meeting
        assert end <= start.replace(hour=17, minute=0), meeting
        assert (start.minute % 15, start.second, start.microsecond) == (0, 0, 0), meeting
        assert (end - start).seconds / 60 in {15, 30, 45, 60}, meeting
    assert 10 <= saturdays <= 100


def test_a_monday_is_like_other_days_and_few_meetings_are_in_each_other_s_way() -> None:
    weekdays = Counter(
        datetime.fromtimestamp(meeting["slotStart"] / 1_000, UTC).weekday()
        for meeting in known(0).values()
    )
    assert max(weekdays[day] for day in range(5)) < 1.2 * min(weekdays[day] for day in range(5))
    days = defaultdict[object, list[tuple[int, int]]](list)
    for meeting in known(0).values():
        if "agentId" in meeting and meeting["status"] == "ACTIVE":
            days[meeting["agentId"]].append((meeting["slotStart"], meeting["slotEnd"]))
    conflicts = sum(
        later < end for slots in days.values() for (_, end), (later, _) in pairwise(sorted(slots))
    )
    assert 20 <= conflicts <= 200


def test_records_carry_the_documented_attributes_one_more_and_no_unset_ones() -> None:
    meetings = known(0).values()
    assert set().union(*meetings) == {*DOCUMENTED, "conferenceType"}
    assert not any(value is None for m in meetings for value in m.values())
    always = set.intersection(*(set(m) for m in meetings))
    assert always == {
        *("orgId", "status", "schedulerId", "slug", "slotStart", "slotEnd"),
        *("updatedAt", "scheduledAt", "conferenceType"),
    }
    chats = {m.get("meetingSource") for m in meetings if "conversationId" in m}
    assert chats == {"WIDGET", "PLAYBOOK"}
    assert {m["status"] for m in meetings} == {"ACTIVE", "CANCELED"}
    assert 0.13 < sum("bookedBy" in m for m in meetings) / len(meetings) < 0.17
    assert 0.37 < sum("meetingNotes" in m for m in meetings) / len(meetings) < 0.47


# --- the benchmark's meetings


@pytest.mark.parametrize("shape", ["uniform", "peak", "office"])
def test_synthetic_meetings_lie_within_30_days_past_and_60_ahead(shape: Shape) -> None:
    meetings = cast("list[dict[str, Any]]", synthetic_meetings(2_000, shape, NOW))
    assert meetings == synthetic_meetings(2_000, shape, NOW)
    assert len({m["slug"] for m in meetings}) == 2_000
    assert all(REACH <= m["slotStart"] < NOW_MS + 60 * DAY for m in meetings)
    assert all(NOW_MS - 60 * DAY <= m["updatedAt"] <= NOW_MS for m in meetings)
    assert all(m["scheduledAt"] <= m["updatedAt"] for m in meetings)
