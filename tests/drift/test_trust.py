"""Reads that are complete and wrong: what is loaded of them, and what they say."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from drift import DriftError, check_read, drift_source, summary
from fake_drift.http import Answer
from tests.drift.conftest import DAY, HOUR, NOW, NOW_MS, Open
from tests.hostile import HostileDrift
from warehouse.destination import demo_warehouse, kept_open

Rows = list[tuple[Any, ...]]


def causes(failure: BaseException) -> Iterator[BaseException]:
    while failure:
        yield failure
        assert failure.__context__ or isinstance(failure, DriftError)
        failure = failure.__context__ or failure


class Loaded:
    """A pipeline of the source alone, into a DuckDB of its own."""

    def __init__(self, folder: Path, server: HostileDrift) -> None:
        self.folder, self.server = folder, server
        self.now = NOW
        server.clock = lambda: self.now

    def sync(
        self, *, clock: timedelta = timedelta(), address: str = "", **options: Any
    ) -> list[str]:
        """What a run says, an hour after the last; `clock` is how far the machine's is ahead."""
        self.now += timedelta(hours=1)
        self.pipeline = demo_warehouse(self.folder / "trust.duckdb").open(self.folder / "pipelines")
        only = {"users": False, "teams": False, "playbooks": False, "contacts": False}
        source = drift_source(
            self.server.url + address,
            self.server.token,
            started_at=self.now + clock,
            **{**only, **options},
        )
        self.pipeline.run(source)
        check_read(source)
        return summary(source)

    def refused(self, **options: Any) -> str:
        """What a run says that fails."""
        with pytest.raises((DriftError, PipelineStepFailed)) as caught:
            self.sync(**options)
        return str(next(one for one in causes(caught.value) if isinstance(one, DriftError)))

    def query(self, sql: str) -> Rows:
        with self.pipeline.sql_client() as client:
            rows = client.execute_sql(sql)
        return [tuple(row) for row in rows or []]

    def listed(self) -> int:
        """How many meetings are listed."""
        ((count,),) = self.query(
            "select count(*) from (select is_listed from meeting_listings"
            " qualify row_number() over (partition by slug order by sync_id desc) = 1)"
            " where is_listed"
        )
        return int(count)

    def count(self, table: str) -> int:
        ((count,),) = self.query(f"select count(*) from {table}")
        return int(count)


@pytest.fixture
def load(served: Open, tmp_path: Path) -> Iterator[Callable[..., Loaded]]:
    with kept_open(tmp_path / "trust.duckdb", "1GB"):
        yield lambda meetings, **options: Loaded(tmp_path, served(meetings, **options))


def meetings(count: int, **changed: object) -> list[dict[str, object]]:
    """Meetings an hour apart from tomorrow on, each booked an hour after the one before it."""
    return [
        {
            "slug": f"m{n}",
            "orgId": 7,
            "status": "ACTIVE",
            "slotStart": NOW_MS + DAY + n * HOUR,
            "updatedAt": NOW_MS - 50 * DAY + n * HOUR,
            "scheduledAt": NOW_MS - 50 * DAY + n * HOUR,
            **changed,
        }
        for n in range(count)
    ]


# --- too little of what should be in sight


def test_a_read_that_lacks_too_much_loads_what_is_new_and_leaves_the_listing(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(100))
    run.sync()
    left = [*meetings(70), {"slug": "new", "orgId": 7, "slotStart": NOW_MS + DAY}]
    run.server.set_meetings(left)
    for _ in range(2):  # every run says so
        assert run.refused() == (
            "Drift no longer returns 30 of the 100 meetings that the last read listed and that"
            " should still be in sight, and more than 20% is not accepted"
            " (bookings.max_delisted_share). Perhaps the token is another organisation's, Drift was"
            " switched off, or a filter is on. If they are really gone, run once with"
            " --accept-delisted. What could be read is loaded, the listing is not replaced, and"
            " nothing that analysts see has changed."
        )
    assert run.count("meeting_versions") == 101
    assert (run.listed(), run.count("meeting_listings")) == (100, 100)
    assert run.query("select records, versions_added from imports order by sync_id") == [
        (71, 1),
        (71, 0),
    ]
    assert run.count("syncs") == 1
    run.sync(accept_delisted=True)
    assert (run.listed(), run.count("meeting_listings")) == (71, 131)
    assert run.query("select count(gap_from), count(*) from syncs") == [(0, 2)]
    run.sync()


def test_a_read_that_lacks_less_is_believed(load: Callable[..., Loaded]) -> None:
    run = load(meetings(100))
    run.sync()
    for left, share in [(80, 0.2), (59, 0.27), (39, 0.0)]:  # of the last no more than twenty
        run.server.set_meetings(meetings(left))
        run.sync(max_delisted_share=share)
        assert run.listed() == left


def test_meetings_that_are_too_old_to_be_in_sight_are_not_missed(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(100))
    run.sync()
    run.now += timedelta(days=33, minutes=30)
    run.server.set_meetings(meetings(100)[-3:])
    assert "no longer returns 22 of the 25 meetings" in run.refused()  # a day inside the 30
    run.server.set_meetings(meetings(100)[-5:])
    run.sync()


@pytest.mark.parametrize("nothing", [Answer(200, b'{"data":[]}'), Answer(200, b"{}")])
@pytest.mark.parametrize("count", [1, 19, 100])
def test_a_read_that_lists_none_of_those_in_sight_is_never_believed(
    load: Callable[..., Loaded], count: int, nothing: Answer
) -> None:
    run = load(meetings(count), nothing=nothing)
    run.sync()
    run.server.set_meetings([])
    said = run.refused()
    if nothing.body == b"{}":
        assert "the answer has no list of data" in said
    else:
        assert said.startswith(f"Drift returns none of the {count} meetings that the last read")
        run.sync(accept_delisted=True)
        assert run.listed() == 0


def test_other_meetings_alone_are_not_loaded_though_they_name_no_organisation(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(3))
    run.sync()
    others = [
        {k: v for k, v in one.items() if k != "orgId"} | {"slug": f"other-{n}"}
        for n, one in enumerate(meetings(50))
    ]
    run.server.set_meetings(others)
    assert run.refused().startswith(
        "Drift returns none of the 3 meetings that the last read listed and that should still be in"
        " sight, but 50 others: nothing was loaded. Perhaps the token is another organisation's,"
    )
    assert run.count("meeting_versions") == 3
    run.sync(accept_delisted=True)
    assert run.listed() == 50


def test_a_read_in_which_many_meetings_move_is_believed(load: Callable[..., Loaded]) -> None:
    run = load(meetings(3_000))
    run.sync()

    def move(number: int, _: str) -> None:
        moved = [
            {**one, "slotStart": NOW_MS + 300 * DAY + n, "updatedAt": NOW_MS + number}
            if n % 15 == 0
            else one
            for n, one in enumerate(meetings(3_000))
        ]
        run.server.set_meetings(moved if number % 2 else meetings(3_000))

    run.server.faults = move
    for _ in range(2):
        run.sync()
    run.server.faults = lambda *_: None
    run.server.set_meetings(meetings(3_000))
    run.sync()
    assert run.listed() == 3_000


# --- another organisation


def test_meetings_of_another_organisation_are_not_loaded_until_that_is_accepted(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(3))
    run.sync()
    run.server.set_meetings([*meetings(3), {"slug": "other", "orgId": 8, "slotStart": NOW_MS}])
    assert run.refused() == (
        "Drift answers with meetings of the organisation 8, and the warehouse holds those of 7:"
        " nothing was loaded. Most likely the token is another organisation's. If both belong into"
        " this warehouse, run once with --accept-organisation."
    )
    assert (run.count("meeting_versions"), run.count("syncs")) == (3, 1)
    run.sync(accept_organisation=True)
    run.sync()
    assert run.listed() == 4


# --- records that cannot be read


def test_a_read_that_rejects_too_much_fails_in_every_run_and_loads_the_rest(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(94))
    run.sync()
    bad = [{**one, "slotEnd": str(NOW_MS)} for one in meetings(100)[:6]]
    run.server.set_meetings([*bad, *meetings(100)[6:]])
    for _ in range(2):
        assert run.refused() == (
            "6 of 100 records that Drift sent cannot be read as meetings; most often: slotEnd must"
            f" be a whole number, not text ('{NOW_MS}') (such as m0). They are in"
            " drift.rejected_meetings. What could be read is loaded, the listing is not replaced,"
            " and nothing that analysts see has changed."
        )
    assert (run.count("meeting_versions"), run.count("rejected_meetings")) == (100, 6)
    assert (run.listed(), run.count("syncs")) == (94, 1)
    run.server.set_meetings(meetings(100))
    run.sync()
    assert run.listed() == 100


def test_a_first_read_that_rejects_everything_fails_and_a_value_is_not_quoted_if_personal(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(2, slotEnd="Tuesday"))
    said = run.refused(personal_data="drop")
    assert "2 of 2 records" in said
    assert "slotEnd must be a whole number, not text (such as m" in said
    assert run.count("rejected_meetings") == 2
    run.server.set_meetings(meetings(2))
    run.sync()
    assert run.query("select count(gap_from), count(*) from syncs") == [(0, 1)]


def test_few_rejected_records_fail_nothing(load: Callable[..., Loaded]) -> None:
    run = load([*meetings(1), *meetings(6, slotEnd="Tuesday")[1:]])
    run.sync()
    assert (run.listed(), run.count("rejected_meetings")) == (6, 5)


# --- times and bounds


@pytest.mark.parametrize("count", [5, 300])
def test_times_in_seconds_are_refused(load: Callable[..., Loaded], count: int) -> None:
    seconds = [
        {key: at // 1000 if isinstance(at, int) and at > 9e9 else at for key, at in one.items()}
        for one in meetings(count)
    ]
    run = load(seconds)
    run.server.clock = lambda: datetime.fromtimestamp(3e6, NOW.tzinfo)  # shows them
    said = run.refused()
    assert f"Drift answers with {count} that start at other times, such as 1970-01-21" in said
    assert "its bounds do not filter on slotStart in milliseconds" in said


@pytest.mark.parametrize("attribute", ["updatedAt", "scheduledAt"])
@pytest.mark.parametrize("count", [400, 2_000])
def test_bounds_that_filter_on_another_attribute_are_found_out_by_the_first_read(
    load: Callable[..., Loaded], count: int, attribute: str
) -> None:
    booked = [NOW_MS - 50 * DAY + n * 50 * DAY // count for n in range(count)]
    changed = [
        {**one, "updatedAt": at, "scheduledAt": at}
        for one, at in zip(meetings(count), booked, strict=True)
    ]
    run = load(changed, filters_on=attribute)
    said = run.refused()
    assert said.startswith("Asked for meetings from ")
    assert (
        "its bounds do not filter on slotStart in milliseconds, so a read cannot be complete"
        in said
    )


# --- one meeting in two states


def test_two_states_with_one_updated_at_in_one_answer_are_two_versions_for_good(
    load: Callable[..., Loaded],
) -> None:
    pairs = [
        [{**one, "agentId": n % 5 + agent * 10} for agent in (1, 2)]
        for n, one in enumerate(meetings(12))
    ]
    run = load([])
    newest = []
    for number in range(4):
        ordered = [pair[:: (-1) ** (n * number + number)] for n, pair in enumerate(pairs)]
        run.server.set_meetings([one for pair in ordered for one in pair])
        run.sync()
        newest.append(
            run.query(
                "select slug, last(agent_id order by updated_at, sync_id, content_hash)"
                " from meeting_versions group by slug order by slug"
            )
        )
    assert run.count("meeting_versions") == 24
    assert newest[1:] == newest[:-1]


# --- clocks


@pytest.mark.parametrize("days", [40, -40])
def test_a_run_whose_clock_is_wrong_goes_by_the_servers_and_says_so(
    load: Callable[..., Loaded], caplog: pytest.LogCaptureFixture, days: int
) -> None:
    run = load(meetings(3))
    run.sync()
    assert caplog.messages == []
    run.sync(clock=timedelta(days=days))
    way = "ahead of" if days > 0 else "behind"
    (said,) = [line for line in caplog.messages if line.startswith("The clock here is")]
    assert f"{way} Drift's: the run goes by Drift's, 2026-06-01 10:00 UTC." in said
    run.sync(clock=timedelta(minutes=4))
    times = run.query("select started_at, gap_from from syncs order by sync_id")
    assert times == [
        (NOW + timedelta(hours=1), None),
        (NOW + timedelta(hours=2), None),
        (NOW + timedelta(hours=3, minutes=4), None),
    ]


def dates(run: Loaded, *days: int) -> None:
    """The server's next answers are of so many days ahead, the last one's for good."""
    left = list(days)
    run.server.clock = lambda: run.now + timedelta(days=left.pop(0) if len(left) > 1 else left[0])


def test_one_wrong_date_moves_nothing(load: Callable[..., Loaded]) -> None:
    run = load(meetings(3))
    run.sync()
    dates(run, -40, 0)
    run.sync()
    run.server.clock = lambda: run.now
    run.sync()
    assert run.query("select started_at, gap_from from syncs order by sync_id") == [
        (NOW + timedelta(hours=n), None) for n in (1, 2, 3)
    ]


def test_a_sync_from_the_future_stays_as_it_was_and_the_next_one_comes_after_it(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(3))
    run.sync()
    run.now += timedelta(days=20)  # both clocks are wrong, so nothing tells
    run.sync()
    before = run.query("from syncs order by sync_id")
    run.now -= timedelta(days=20)
    run.sync()
    after = run.query("from syncs order by sync_id")
    assert after[:2] == before
    assert run.query("select started_at, gap_from from syncs order by sync_id desc limit 1") == [
        (run.now, None)
    ]


# --- lengths


def test_an_answer_is_asked_for_again_only_where_none_was_ever_as_long(
    load: Callable[..., Loaded],
) -> None:
    run, before = load(meetings(500)), 0
    for count, requests in [(500, 3), (495, 1), (510, 3), (509, 1), (440, 1)]:
        run.server.set_meetings(meetings(count))
        run.sync()
        assert len(run.server.requests) - before == requests
        before = len(run.server.requests)


def test_later_reads_know_the_cap_that_an_earlier_one_met(load: Callable[..., Loaded]) -> None:
    run = load(meetings(1_332), cap=333)
    run.sync()
    before = len(run.server.requests)
    run.sync()
    assert len(run.server.requests) - before <= 1.15 * 5 + 2
    more = [{**one, "slug": f"more-{n}"} for n, one in enumerate(meetings(60))]
    run.server.set_meetings([*meetings(1_332), *more])
    run.sync()
    assert run.listed() == 1_392


def test_bounds_that_drift_does_not_take_are_a_sentence(load: Callable[..., Loaded]) -> None:
    run = load([], takes=lambda *_: False)
    assert run.refused() == (
        "Drift refused the request to /users/meetings/org (400): Not these bounds."
    )


def test_the_end_of_a_read_is_the_farthest_bound_that_was_seen(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(3), takes=lambda _, last: last <= 15_000_000_000_000)
    run.sync()
    assert run.query("select window_to::date::text from syncs") == [("2445-05-01",)]


# --- attributes that nobody documented


def test_an_attribute_that_drift_begins_to_send_is_told_once(load: Callable[..., Loaded]) -> None:
    run = load(meetings(2, isPrivate=True))
    told = []
    for more in ({}, {}, {"meetingRating": 5, "empty": None}, {"meetingRating": 4}):
        run.server.set_meetings(meetings(2, isPrivate=True, **more))
        told.append(run.sync())
    new = "new        Drift now sends {}: in other_attributes"
    assert told == [[new.format("isPrivate")], [], [new.format("meetingRating")], []]
    assert run.query("select name from attributes order by sync_id") == [
        ("isPrivate",),
        ("meetingRating",),
    ]
    run.server.set_meetings(meetings(2, secret="1"))
    assert run.sync(personal_data="drop") == []


# --- nothing


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"{}"), (204, b""), (200, b"{}"), (200, b'{"data": null}')]
)
def test_an_organisation_that_never_had_a_meeting_may_say_so_in_other_ways(
    load: Callable[..., Loaded], status: int, body: bytes
) -> None:
    run = load([], nothing=Answer(status, body))
    run.sync()
    paths = [one.path for one in run.server.requests]
    assert paths == ["/users/meetings/org", "/users/list"][: 1 if status == 200 else 2]
    run.server.set_meetings(meetings(1))
    run.sync()
    assert run.listed() == 1
    run.server.set_meetings([])
    assert "Drift refused" in (said := run.refused()) or "has no list of data" in said
    assert run.listed() == 1


def test_an_address_that_knows_nothing_is_no_organisation_without_meetings(
    load: Callable[..., Loaded],
) -> None:
    run = load([])
    with pytest.raises(PipelineStepFailed) as caught:
        run.sync(address="/elsewhere")
    error = next(one for one in causes(caught.value) if isinstance(one, DriftError))
    assert error.exit_code == 2
    assert "knows neither meetings nor users" in str(error)
