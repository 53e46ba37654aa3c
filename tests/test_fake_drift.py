"""The fake Drift keeps Drift's documented rules, and goes wrong exactly as it is told to."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
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


def test_nothing_found_is_an_empty_list(served: Open) -> None:
    assert get(served(), **ALL).json() == {"data": []}


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


def test_the_limit_is_100_when_left_out(served: Open) -> None:
    answer = get(served(MANY), min_start_time=0, max_start_time=NOW_MS + DAY)
    assert [m["slug"] for m in answer.json()["data"]] == [f"m{n:04}" for n in range(100)]


def test_a_lower_cap_cuts_silently(served: Open) -> None:
    assert slugs(served(FOUR, cap=2), limit=1000) == ["a", "b"]


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


def test_bounds_the_wrong_way_round_find_nothing(served: Open) -> None:
    assert slugs(served(FOUR), min_start_time=NOW_MS + 400, max_start_time=NOW_MS + 100) == []


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "x"}])
def test_a_token_missing_or_wrong_is_refused(served: Open, header: dict[str, str]) -> None:
    answer = requests.get(served(FOUR).url + "/users/meetings/org", headers=header, timeout=5)
    assert refusal(answer) == (403, "authentication_error")


def test_another_token_and_another_refusal_can_be_set(served: Open) -> None:
    server = served(FOUR, token="other", refusal_status=401)
    assert refusal(get(server, **ALL)) == (401, "authentication_error")
    assert get(server, token="other", **ALL).status_code == 200


def test_other_paths_are_not_found(served: Open) -> None:
    assert refusal(get(served(FOUR), path="/users/meetings")) == (404, "not_found")


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


def test_a_shuffled_order_changes_from_answer_to_answer(served: Open) -> None:
    server = served(MANY[:50], order="shuffled")
    first, second = slugs(server), slugs(server)
    assert first != second
    assert sorted(first) == sorted(second) == [f"m{n:04}" for n in range(50)]


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


def test_shuffled_survivors_change_from_answer_to_answer(served: Open) -> None:
    server = served(MANY, survivors="shuffled")
    first, second = slugs(server, limit=50), slugs(server, limit=50)
    assert first == sorted(first)
    assert len(set(first)) == len(set(second)) == 50
    assert first != second


def test_a_limit_can_be_ignored(served: Open) -> None:
    server = served(MANY, ignores_limit=True)
    assert slugs(server, limit=1000) == slugs(server, limit=1) == [f"m{n:04}" for n in range(100)]


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


def test_the_meetings_can_be_replaced(served: Open) -> None:
    server = served(FOUR)
    server.set_meetings([{"slug": "new", "slotStart": NOW_MS}])
    assert slugs(server) == ["new"]


def test_a_function_is_asked_for_the_meetings_at_each_request(served: Open) -> None:
    days = iter([FOUR[:1], FOUR[:2]])
    server = served(lambda: next(days))
    assert [slugs(server), slugs(server)] == [["c"], ["a", "c"]]


def test_the_clock_moves_the_30_days(served: Open) -> None:
    clock = [NOW]
    server = served([{"slug": "old", "slotStart": REACH}], clock=lambda: clock[0])
    assert slugs(server) == ["old"]
    clock[0] += timedelta(milliseconds=1)
    assert slugs(server) == []


def test_answers_are_compressed_only_if_set_and_accepted(served: Open) -> None:
    url, headers = "/users/meetings/org", {"Authorization": "Bearer demo-token"}
    encodings = []
    for option, accepted in [(True, "gzip"), (True, "identity"), (False, "gzip")]:
        asked = {**headers, "Accept-Encoding": accepted}
        address = served(FOUR, gzip=option).url + url
        answer = requests.get(address, params=ALL, headers=asked, timeout=5)
        assert len(answer.json()["data"]) == 4
        encodings.append(answer.headers.get("Content-Encoding"))
    assert encodings == ["gzip", None, None]


def test_latency_delays_each_answer(served: Open) -> None:
    server = served(FOUR, latency_seconds=0.2)
    started = time.monotonic()
    assert slugs(server) == ["a", "b", "c", "d"]
    assert 0.2 <= time.monotonic() - started < 2


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


def test_one_connection_serves_many_requests(served: Open) -> None:
    server = served(FOUR)
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=5)) as connection:
        connection.connect()
        first = connection.sock
        for path in ("/users/meetings/org", "/nowhere", "/users/meetings/org"):
            connection.request("GET", path)
            connection.getresponse().read()
            assert connection.sock is first
    assert [asked.status for asked in server.requests] == [403, 404, 403]


def test_nothing_is_answered_after_the_end_and_again_at_the_same_address() -> None:
    server = HostileDrift(FOUR, clock=lambda: NOW)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {server.token}"
        with server:
            address = server.url
            assert session.get(address + "/users/meetings/org", params=ALL, timeout=5).ok
        with pytest.raises(requests.ConnectionError):
            session.get(address + "/users/meetings/org", params=ALL, timeout=5)
    with server:
        assert server.url == address
        assert slugs(server) == ["a", "b", "c", "d"]


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
    ("given", "header"),
    [(None, None), (2, "2"), ("Mon, 01 Jun 2026 08:00:05 GMT", "Mon, 01 Jun 2026 08:00:05 GMT")],
)
def test_a_rate_limit_may_tell_when_to_come_back(
    served: Open, given: int | str | None, header: str | None
) -> None:
    answer = get(served(FOUR, faults=once(Fault("rate_limited", retry_after=given))), **ALL)
    assert refusal(answer) == (429, "rate_limit")
    assert answer.headers.get("Retry-After") == header


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("html", [True, False])
def test_a_server_error_is_a_page_or_empty(served: Open, status: int, html: bool) -> None:
    fault = Fault("server_error", status=status, html=html)
    answer = get(served(FOUR, faults=once(fault)), **ALL)
    page = "<html><h1>Something broke</h1></html>" if html else ""
    assert (answer.status_code, answer.text) == (status, page)
    assert answer.headers["Content-Type"] == "text/html"


def test_a_reset_reaches_the_client_as_one(served: Open) -> None:
    server = served(FOUR, faults=once(Fault("reset")))
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        get(server, **ALL)
    assert slugs(server) == ["a", "b", "c", "d"]
    assert [asked.status for asked in server.requests] == [0, 200]


def test_a_hang_outlasts_the_client(served: Open) -> None:
    server = served(FOUR, faults=once(Fault("hang", seconds=5)))
    with pytest.raises(requests.ReadTimeout):
        requests.get(server.url, timeout=0.1)
    assert slugs(server) == ["a", "b", "c", "d"]


def test_a_hang_that_the_client_outlasts_ends_without_an_answer(served: Open) -> None:
    server = served(FOUR, faults=once(Fault("hang", seconds=0.1)))
    with pytest.raises(requests.ConnectionError, match="without response"):
        get(server, **ALL)
    assert [asked.status for asked in server.requests] == [0]


def test_a_cut_body_is_shorter_than_announced(served: Open) -> None:
    server = served(FOUR, faults=once(Fault("cut_body")))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(server, **ALL)
    assert slugs(server) == ["a", "b", "c", "d"]


def test_an_unannounced_cut_looks_like_a_whole_body(served: Open) -> None:
    server = served(FOUR, faults=once(Fault("cut_unannounced")))
    cut, whole = get(server, **ALL), get(server, **ALL)
    assert cut.status_code == 200
    assert cut.headers["Connection"] == "close"
    assert "Content-Length" not in cut.headers
    assert cut.content == whole.content[: len(whole.content) // 2]


def test_broken_json_lacks_its_last_bracket(served: Open) -> None:
    server = served(FOUR, faults=once(Fault("broken_json")))
    broken, whole = get(server, **ALL), get(server, **ALL)
    assert (broken.status_code, broken.content) == (200, whole.content[:-1])


def test_an_error_may_come_with_status_200(served: Open) -> None:
    answer = get(served(FOUR, faults=once(Fault("error_with_200"))), **ALL)
    assert refusal(answer) == (200, "internal_error")


def test_an_empty_body_may_come_with_status_200(served: Open) -> None:
    answer = get(served(FOUR, faults=once(Fault("empty_200"))), **ALL)
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


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


def test_another_seed_gives_other_meetings() -> None:
    assert Organisation("other").meetings_at(NOW) != DEMO.meetings_at(NOW)


def test_about_5000_meetings_are_visible_on_the_first_day() -> None:
    assert 4_700 <= len(known(0)) <= 5_300


def test_no_two_meetings_share_a_slug() -> None:
    meetings = DEMO.meetings_at(NOW)
    assert len({m["slug"] for m in meetings}) == len(meetings)


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


def test_a_working_day_has_110_to_190_bookings_and_a_weekend_day_few() -> None:
    booked: dict[str, int] = {}
    for meeting in cast("list[dict[str, Any]]", DEMO.meetings_at(NOW)):
        day = datetime.fromtimestamp(meeting["scheduledAt"] / 1_000, UTC).date()
        booked[day.isoformat()] = booked.get(day.isoformat(), 0) + 1
    del booked["2026-06-01"]  # has only begun
    assert len(booked) == 110
    for iso, count in booked.items():
        weekend = datetime.fromisoformat(iso).weekday() >= 5
        assert (5 <= count <= 20) if weekend else (110 <= count <= 190), iso


def test_every_slot_lies_in_its_agents_working_hours_on_a_quarter_hour() -> None:
    zones = {agent.id: ZoneInfo(agent.time_zone) for agent in AGENTS}
    assert len(zones) == 24
    for meeting in known(0).values():
        if "agentId" not in meeting:
            continue
        zone = zones[meeting["agentId"]]
        start, end = (
            datetime.fromtimestamp(meeting[name] / 1_000, zone) for name in ("slotStart", "slotEnd")
        )
        assert start.weekday() < 5, meeting
        assert start.hour >= 9, meeting
        assert end <= start.replace(hour=17, minute=0), meeting
        assert (start.minute % 15, start.second, start.microsecond) == (0, 0, 0), meeting
        assert (end - start).seconds / 60 in {15, 30, 45, 60}, meeting


def test_times_follow_each_other_and_a_booking_leads_by_hours_to_weeks() -> None:
    for meeting in known(0).values():
        assert meeting["scheduledAt"] <= meeting["updatedAt"] <= NOW_MS, meeting
        assert 2 <= (meeting["slotStart"] - meeting["scheduledAt"]) / 3_600_000 <= 75 * 24, meeting


def test_records_carry_documented_attributes_alone_and_unset_ones_are_absent() -> None:
    meetings = known(0).values()
    assert set().union(*meetings) == DOCUMENTED
    assert not any(value is None for m in meetings for value in m.values())
    always = set.intersection(*(set(m) for m in meetings))
    assert always == {
        *("orgId", "status", "schedulerId", "slug", "slotStart", "slotEnd"),
        *("updatedAt", "scheduledAt"),
    }
    chats = {m.get("meetingSource") for m in meetings if "conversationId" in m}
    assert chats == {"WIDGET", "PLAYBOOK"}
    assert {m["status"] for m in meetings} == {"ACTIVE", "CANCELED"}
    assert 0.13 < sum("bookedBy" in m for m in meetings) / len(meetings) < 0.17
    assert 0.37 < sum("meetingNotes" in m for m in meetings) / len(meetings) < 0.47


def test_about_15_percent_of_bookings_come_from_earlier_visitors() -> None:
    meetings = cast("list[dict[str, Any]]", DEMO.meetings_at(NOW))
    visitors = [m["schedulerId"] for m in sorted(meetings, key=lambda m: int(m["scheduledAt"]))]
    assert 0.13 < 1 - len(set(visitors)) / len(visitors) < 0.18


# --- the benchmark's meetings


@pytest.mark.parametrize("shape", ["uniform", "peak", "office"])
def test_synthetic_meetings_lie_within_30_days_past_and_60_ahead(shape: Shape) -> None:
    meetings = cast("list[dict[str, Any]]", synthetic_meetings(20_000, shape, NOW))
    assert meetings == synthetic_meetings(20_000, shape, NOW)
    assert len({m["slug"] for m in meetings}) == 20_000
    assert all(REACH <= m["slotStart"] < NOW_MS + 60 * DAY for m in meetings)
    assert all(NOW_MS - 60 * DAY <= m["updatedAt"] <= NOW_MS for m in meetings)
    assert all(m["scheduledAt"] <= m["updatedAt"] for m in meetings)
    assert sum(set(m) == DOCUMENTED for m in meetings) == 15_000


def test_a_uniform_shape_fills_each_third_alike_and_a_peak_three_days() -> None:
    def share(shape: Shape, first: int, end: int) -> float:
        starts = [cast(int, m["slotStart"]) for m in synthetic_meetings(20_000, shape, NOW)]
        return sum(NOW_MS + first * DAY <= start < NOW_MS + end * DAY for start in starts) / 20_000

    for first in (-30, 0, 30):
        assert share("uniform", first, first + 30) == pytest.approx(1 / 3, abs=0.02)
    assert share("peak", 1, 4) == pytest.approx(0.95, abs=0.01)


def test_an_office_shape_keeps_to_working_hours() -> None:
    zones = {agent.id: ZoneInfo(agent.time_zone) for agent in AGENTS}
    for meeting in cast("list[dict[str, Any]]", synthetic_meetings(2_000, "office", NOW)):
        start = datetime.fromtimestamp(meeting["slotStart"] / 1_000, zones[meeting["agentId"]])
        assert start.weekday() < 5, meeting
        assert 9 <= start.hour < 17, meeting
        assert (start.minute % 15, start.second, start.microsecond) == (0, 0, 0), meeting
