"""Reads that are complete and wrong: what is loaded of them, and what they say."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from drift import DriftError, believe, drift_source
from fake_drift.http import Answer
from tests.drift.conftest import DAY, HOUR, NOW, NOW_MS, Open
from tests.hostile import HostileDrift
from warehouse.destination import kept_open, open_demo

Rows = list[tuple[Any, ...]]


class Loaded:
    """A pipeline of the source alone, into a DuckDB of its own."""

    def __init__(self, folder: Path, server: HostileDrift) -> None:
        self.folder, self.server = folder, server
        self.now = NOW
        server.clock = lambda: self.now

    def sync(self, *, clock: timedelta = timedelta(), **options: Any) -> None:
        """One run, an hour after the last; `clock` is how far the machine's is ahead."""
        self.now += timedelta(hours=1)
        self.pipeline = open_demo(self.folder / "trust.duckdb", self.folder / "pipelines")
        only = {"users": False, "teams": False, "playbooks": False, "contacts": False}
        source = drift_source(
            self.server.url,
            self.server.token,
            started_at=self.now + clock,
            **{**only, **options},
        )
        self.pipeline.run(source)
        believe(source)

    def refused(self, **options: Any) -> str:
        """What a run says that fails."""
        with pytest.raises((DriftError, PipelineStepFailed)) as caught:
            self.sync(**options)
        cause: BaseException = caught.value
        while not isinstance(cause, DriftError):
            assert cause.__context__
            cause = cause.__context__
        return str(cause)

    def query(self, sql: str) -> Rows:
        with self.pipeline.sql_client() as client:
            rows = client.execute_sql(sql)
        return [tuple(row) for row in rows or []]

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
            " should still be in sight, and more than 20% is not believed"
            " (bookings.max_delisted_share). Perhaps the token is another organisation's, Drift was"
            " switched off, or a filter is on. If they are really gone, run once with"
            " --accept-delisted. What could be read is loaded, the listing is not replaced, and"
            " nothing that analysts see has changed."
        )
    assert run.count("meeting_versions") == 101
    assert (run.count("listed_meetings"), run.count("unlisted_meetings")) == (100, 0)
    assert run.count("syncs") == 1
    run.sync(accept_delisted=True)
    assert (run.count("listed_meetings"), run.count("unlisted_meetings")) == (71, 30)
    assert run.query("select count(gap_from), count(*) from syncs") == [(0, 2)]
    run.sync()


def test_a_read_that_lacks_less_is_believed(load: Callable[..., Loaded]) -> None:
    run = load(meetings(100))
    run.sync()
    for left, share in [(80, 0.2), (59, 0.27), (39, 0.0)]:  # of the last no more than twenty
        run.server.set_meetings(meetings(left))
        run.sync(max_delisted_share=share)
        assert run.count("listed_meetings") == left


def test_meetings_that_are_too_old_to_be_in_sight_are_not_missed(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(100))
    run.sync()
    run.now += timedelta(days=33, minutes=30)
    run.server.set_meetings(meetings(100)[-20:])
    assert "no longer returns 29 of the 49 meetings" in run.refused()
    run.server.set_meetings(meetings(100)[-49:])
    run.sync()


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
    assert run.count("listed_meetings") == 4


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
    assert (run.count("listed_meetings"), run.count("syncs")) == (94, 1)
    run.server.set_meetings(meetings(100))
    run.sync()
    assert run.count("listed_meetings") == 100


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
    assert (run.count("listed_meetings"), run.count("rejected_meetings")) == (6, 5)


# --- times and bounds


@pytest.mark.parametrize("count", [3, 300])
def test_times_in_seconds_are_refused(load: Callable[..., Loaded], count: int) -> None:
    seconds = [
        {key: at // 1000 if isinstance(at, int) and at > 9e9 else at for key, at in one.items()}
        for one in meetings(count)
    ]
    run = load(seconds)
    run.server.clock = lambda: datetime.fromtimestamp(3e6, NOW.tzinfo)  # shows them
    said = run.refused()
    assert f"{count} of {count} meetings start before the year 2000" in said
    assert "Drift's times are not in milliseconds since 1970" in said


@pytest.mark.parametrize("attribute", ["updatedAt", "scheduledAt"])
@pytest.mark.parametrize("count", [20, 400, 2_000])
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
    assert "its bounds do not filter on slotStart, so a read cannot be complete" in said


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


def test_a_now_in_the_future_does_not_survive_the_next_right_run(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(3))
    run.sync()
    run.now += timedelta(days=40)  # both clocks are wrong, so nothing tells
    run.sync()
    run.now += timedelta(days=1)
    run.sync()
    assert run.query("select count(gap_from) from syncs") == [(1,)]
    run.now -= timedelta(days=41)
    run.sync()
    syncs = run.query("select started_at, finished_at, window_from from syncs order by sync_id")
    assert [row[0] for row in syncs] == sorted(row[0] for row in syncs)
    assert syncs[-1][0] == run.now == NOW + timedelta(hours=4)
    assert all(row[1] - row[0] < timedelta(minutes=1) for row in syncs)
    assert all(abs(row[1] - row[2] - timedelta(days=30)) < timedelta(minutes=1) for row in syncs)
    assert run.query("select count(gap_from) from syncs") == [(0,)]
    run.sync()
    assert run.query("select max(started_at) from syncs") == [(run.now,)]


# --- lengths


def test_answers_of_a_small_organisation_are_asked_for_again_only_where_they_could_be_cut(
    load: Callable[..., Loaded],
) -> None:
    run, before = load(meetings(500)), 0
    for count, requests in [(500, 3), (495, 1), (510, 3), (440, 3)]:
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
    assert run.count("listed_meetings") == 1_392


# --- bounds


def takes(*, far: int = 10**18, span: int = 10**18) -> Callable[[int, int], bool]:
    return lambda first, last: last <= far and last - first <= span


@pytest.mark.parametrize(
    ("options", "refused", "shown"),
    [
        ({"far": 15_000_000_000_000}, 1, "from 1970-01-01 to 2445-05-01 was read"),
        ({"span": 365 * DAY}, 3, "from 2026-05-01 to 2028-06-01 was read, 360 days at once"),
        ({"span": 90 * DAY}, 4, "from 2026-05-01 to 2028-06-01 was read, 89 days at once"),
    ],
)
def test_bounds_that_drift_refuses_are_found_out_once(
    load: Callable[..., Loaded],
    caplog: pytest.LogCaptureFixture,
    options: dict[str, int],
    refused: int,
    shown: str,
) -> None:
    run = load(meetings(1_500), takes=takes(**options))

    def statuses() -> list[int]:
        return [one.status for one in run.server.requests]

    run.sync()
    assert run.count("listed_meetings") == 1_500
    assert refused <= statuses().count(400) <= refused + 3  # several may be under way
    assert caplog.messages[-1] == f"Drift refuses wider bounds: what it shows {shown}."
    before = len(run.server.requests)
    run.server.set_meetings(meetings(1_501))
    run.sync(clock=timedelta(days=40))
    assert statuses()[before:].count(400) == 0
    assert len(run.server.requests) - before <= 13
    assert run.count("listed_meetings") == 1_501
    to = shown.split()[3]
    assert run.query("select window_to::date::text from syncs") == [(to,)] * 2


def test_bounds_that_are_refused_half_way_cost_nothing_that_was_read(
    load: Callable[..., Loaded],
) -> None:
    run = load(meetings(3_000))
    run.sync()
    run.server.takes = takes(far=15_000_000_000_000)
    run.server.set_meetings(meetings(3_001))
    run.sync()
    assert run.count("listed_meetings") == 3_001


def test_bounds_of_which_none_will_do_are_a_sentence(load: Callable[..., Loaded]) -> None:
    run = load([], takes=lambda *_: False)
    assert run.refused() == (
        "Drift refused the request to /users/meetings/org (400): Not these bounds."
    )
    assert len(run.server.requests) <= 40


# --- caps that change


@pytest.mark.parametrize("cap", [37, 430, 867])
def test_a_cap_that_falls_during_the_first_read_is_noticed(
    load: Callable[..., Loaded], cap: int
) -> None:
    run = load(meetings(2_000))

    def lower(number: int, _: str) -> None:
        run.server.cap = cap if number else 1_000

    run.server.faults = lower
    words = run.refused()
    assert words.startswith("Asked in parts, Drift answers without ")
    assert words.endswith(
        " that it had answered with before: its answers are cut where nobody can tell, so a read"
        " cannot be complete. Nothing was loaded."
    )
    run.server.faults = lambda *_: None
    run.sync()  # by the lower cap, from the first answer on
    assert run.count("listed_meetings") == 2_000


def test_records_that_cannot_be_used_are_not_missed(load: Callable[..., Loaded]) -> None:
    bad = [
        one | {"slug": None, "slotStart": int(str(one["slotStart"])) + 1} for one in meetings(60)
    ]
    run = load([*meetings(1_500), *bad])
    run.sync()
    assert run.count("listed_meetings") == 1_500


@pytest.mark.parametrize("cap", [871, 893, 929, 935])
def test_a_later_cap_a_little_below_the_limit_is_noticed(
    load: Callable[..., Loaded], cap: int
) -> None:
    run = load(meetings(3_000))
    run.sync()
    for new in (0, 40, 80):
        more = (
            [
                one | {"slug": f"{new}-{one['slug']}", "slotStart": int(str(one["slotStart"])) + 1}
                for one in meetings(3_000)[:: 3_000 // new]
            ]
            if new
            else []
        )
        run.server.set_meetings([*meetings(3_000), *more])
        run.server.cap = cap
        run.sync()
        assert run.count("listed_meetings") == 3_000 + len(more)


def test_windows_that_are_alike_cost_three_requests_at_most(load: Callable[..., Loaded]) -> None:
    run = load(meetings(3_000))
    run.sync()
    without = [one for n, one in enumerate(meetings(3_000)) if n % 930 != 5]
    for listed in (meetings(3_000), without):
        run.server.set_meetings(listed)
        before = len(run.server.requests)
        run.sync()
        assert len(run.server.requests) - before <= 4 + 3 * (listed is without)
        assert run.count("listed_meetings") == len(listed)


# --- nothing


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"{}"), (204, b""), (200, b"{}"), (200, b'{"data": null}')]
)
def test_an_organisation_that_never_had_a_meeting_may_say_so_in_other_ways(
    load: Callable[..., Loaded], status: int, body: bytes
) -> None:
    run = load([], nothing=Answer(status, body))
    run.sync()
    assert len(run.server.requests) == 1
    run.server.set_meetings(meetings(1))
    run.sync()
    assert run.count("listed_meetings") == 1
    run.server.set_meetings([])
    assert "Drift refused" in (said := run.refused()) or "has no list of data" in said
    assert run.count("listed_meetings") == 1
