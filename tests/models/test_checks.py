"""Each check stays silent on good data, and finds the fault that it is there for."""

import datetime as dt
from collections.abc import Mapping, Sequence

import pytest

from warehouse.models import Model, all_columns, rules

from .conftest import (
    CHECKS,
    DIMENSIONS,
    MODELS,
    NOW,
    Given,
    Row,
    Warehouse,
    at,
    sync,
    user,
    version,
)

HOUR = dt.timedelta(hours=1)
AHEAD = NOW + 24 * HOUR
RULES = {rule.name: rule for rule in rules(list(MODELS.values()))}


def one_group(table: str, dimension: str) -> str:
    """The condition for one group of a dimension, whichever groups there are."""
    first = f"select min(group_key) from bookings.{table} where dimension = '{dimension}'"
    return f"dimension = '{dimension}' and group_key = ({first})"


# What goes wrong, and the first columns of the rows that the check must then return.
FAULTS: Mapping[str, Sequence[tuple[str, Sequence[tuple[object, ...]]]]] = {
    "canceled_meetings_have_canceled_at": [
        ("update bookings.meetings set canceled_at = null where meeting_id = 'b'", [("b", True)]),
        (
            "update bookings.meetings set canceled_at = updated_at where not is_canceled",
            [("a", False)],
        ),
    ],
    "conflicts_are_on_days_with_overlaps": [
        (
            "insert into bookings.agent_conflicts (meeting_id, other_meeting_id, agent_id,"
            " meeting_on) select 'b', 'a', agent_id, meeting_on from bookings.agent_days",
            [("b", "a", 7)],
        ),
    ],
    "decided_counts_are_part_of_all": [
        (
            f"update bookings.booking_metrics set {column} = 3 where dimension = 'all'",
            [("all", "all")],
        )
        for column in (
            "settled_losses",
            "settled_rebooked_meetings",
            "observed_due_meetings",
            "observed_rescheduled_meetings",
            "due_late_canceled_meetings",
        )
    ],
    "every_agent_resolves": [("delete from bookings.agents where agent_id = 7", [(7,)])],
    "every_counting_table_adds_up": [
        *(
            (f"delete from bookings.{table}", [(table, 0, 2)])
            for table in ("daily_bookings", "weekly_bookings", "booking_hours", "lead_time_buckets")
        ),
        *(
            (
                "update bookings.booking_metrics set bookings = bookings + 1"
                f" where {one_group('booking_metrics', dimension)}",
                [(f"booking_metrics by {dimension}", 3, 2)],
            )
            for dimension in DIMENSIONS
            if dimension != "team"
        ),
        *(
            (
                "update bookings.booking_trends set bookings = bookings - 1"
                f" where period = '{period}' and {one_group('booking_trends', dimension)}",
                [(f"booking_trends by {period} and {dimension}", 1, 2)],
            )
            for period in ("week", "month")
            for dimension in DIMENSIONS
            if dimension != "team"
        ),
    ],
    "every_meeting_has_one_state": [
        (
            "update bookings.meetings set meeting_state = 'done' where meeting_id = 'a'",
            [("a", "done")],
        ),
        ("update bookings.meetings set meeting_state = null where meeting_id = 'a'", [("a", None)]),
        ("update bookings.meetings set meeting_state = 'elapsed'", [("b", "elapsed")]),
    ],
    "meeting_events_agree_with_meetings": [
        ("delete from bookings.meeting_events where meeting_id = 'a'", [("a", 0)]),
        ("update bookings.meetings set reschedule_count = 4 where meeting_id = 'b'", [("b", 4)]),
    ],
    "meetings_equal_distinct_slugs": [
        ("delete from bookings.meetings where meeting_id = 'a'", [("a", None)]),
        ("delete from drift.meeting_versions where slug = 'a'", [(None, "a")]),
    ],
    "models_are_built_from_the_newest_sync": [
        ("update drift.syncs set started_at = started_at + interval 1 hour", [("s9",)]),
        ("update drift.syncs set window_from = null", [("s9",)]),
        ("update bookings.data_health set newest_sync_at = null", [("s9",)]),
    ],
    "newest_sync_left_no_gap": [
        ("update drift.syncs set gap_from = window_from, gap_to = window_to", [("s9",)])
    ],
    "newest_sync_rejected_nothing": [
        (
            "insert into drift.rejected_meetings values ('r1', null, '{}', 'no slug', 's9')",
            [("r1", None, "no slug")],
        )
    ],
    "newest_sync_returned_meetings": [
        (
            "update drift.syncs set meetings_seen = 0;"
            "update bookings.meetings set meeting_state = 'delisted'",
            [("s9", 0, 2)],
        )
    ],
    "states_add_up_to_bookings": [
        (
            f"update bookings.{table} set {column} = {column} + 2 where {where}",
            [(table, row_key)],
        )
        for table, where, row_key in (
            ("daily_bookings", "true", "2025-03-01"),
            ("booking_metrics", "dimension = 'agent'", "agent 7"),
            ("booking_trends", "dimension = 'all' and period = 'week'", "all all"),
        )
        for column in (
            "bookings",
            "canceled_meetings",
            "delisted_meetings",
            "upcoming_meetings",
            "in_progress_meetings",
            "elapsed_meetings",
            "due_meetings",
            "due_canceled_meetings",
        )
    ],
    "versions_are_not_from_the_future": [
        (
            "update drift.meeting_versions set updated_at = '2025-03-20 16:31:01+00'"
            " where slug = 'a'",
            [("a",)],
        )
    ],
}


def good(given: Given) -> Warehouse:
    """A warehouse with rows in every table, and with nulls where they may be."""
    rejected: Row = {"record_id": "r1", "reason": "no slug", "sync_id": "s8"}
    return given(
        version("a"),
        version("a", updated_at=at("2025-03-02 09:00"), slot_start=at("2025-03-12 14:00")),
        version("b", status="CANCELED", agent_id=None, meeting_source=None, meeting_type=None),
        version("c", slot_start=None, slot_end=None, known_time_zone=None),
        version("d", updated_at=at("2025-03-20 16:31")),  # an hour after the sync's end
        version("e", status="canceled"),
        version("e", updated_at=at("2025-03-03 09:00"), slot_end=at("2025-03-10 13:00")),
        version("f", agent_id=8, scheduler_id=None, scheduled_at=at("2025-03-11 09:00")),
        version("g", scheduled_at=at("2024-07-01 09:00")),  # a Monday, the first of a month
        *(version(slug, slot_start=AHEAD, slot_end=AHEAD + HOUR) for slug in ("h", "i", "j")),
        listed=["a", "b", "f", "g", "h", "i", "j"],
        syncs=[
            sync("s9"),
            sync("s8", NOW - dt.timedelta(days=1), gap_from=NOW, gap_to=NOW, meetings_seen=0),
        ],
        rejected=[rejected],
        users=[user(7)],
        teams={1: [7, 8], 2: [7]},
    ).build()


def assert_silent(warehouse: Warehouse) -> None:
    for check in [*CHECKS.values(), *RULES.values()]:
        assert warehouse.query(check.text) == [], check.name


def test_every_check_has_a_fault_that_it_must_find() -> None:
    assert FAULTS.keys() == CHECKS.keys()


def test_no_check_or_rule_returns_anything_on_good_data(given: Given) -> None:
    assert_silent(good(given))


def test_no_check_or_rule_returns_anything_in_an_empty_warehouse(given: Given) -> None:
    assert_silent(given(syncs=[sync(meetings_seen=0)]))


@pytest.mark.parametrize("check", FAULTS)
def test_a_check_names_the_rows_at_fault(check: str, given: Given) -> None:
    warehouse = given(version("a"), version("b", status="CANCELED")).build()
    for fault, found in FAULTS[check]:
        warehouse.connection.execute(f"begin; {fault}")
        rows = warehouse.query(CHECKS[check].text)
        assert [row[: len(first)] for row, first in zip(rows, found, strict=True)] == [*found], (
            fault
        )
        warehouse.connection.execute("rollback")


def broken(warehouse: Warehouse, fault: str, rule: Model) -> int:
    """How many rows a rule finds after a fault that is then undone."""
    warehouse.connection.execute(f"begin; {fault}")
    found = len(warehouse.query(rule.text))
    warehouse.connection.execute("rollback")
    return found


def test_every_table_that_analysts_read_has_the_rule_of_its_grain_and_no_view_has_one() -> None:
    tables = {
        name: "_and_".join(model.grain)
        for name, model in MODELS.items()
        if model.folder == "marts" and not model.is_view
    }
    grains = {rule for rule in RULES if "_has_one_row_per_" in rule}
    assert grains == {
        f"{name}_has_one_row_per_{grain or 'warehouse'}" for name, grain in tables.items()
    }
    assert "booking_metrics_has_one_row_per_dimension_and_group_key" in grains
    assert "data_health_has_one_row_per_warehouse" in grains
    others = RULES.keys() - grains
    assert others == {f"{name}_has_whole_keys_flags_and_shares" for name in tables}
    assert not [rule for rule in RULES.values() if rule.is_warning]


def test_a_row_that_is_there_twice_is_found_in_every_table(given: Given) -> None:
    warehouse = good(given)
    for name, rule in RULES.items():
        table, is_grain, _ = name.partition("_has_one_row_per_")
        if is_grain:
            where = f"{MODELS[table].dataset}.{table}"
            double = f"insert into {where} select * from {where} limit 1"
            assert broken(warehouse, double, rule) == 1, name
            assert broken(warehouse, "select 1", rule) == 0, name


def test_keys_that_differ_in_one_column_alone_are_no_copies(given: Given) -> None:
    """Each column of a grain is needed: without it, good rows would look like copies."""
    warehouse = good(given)
    narrower = {
        "agent_conflicts": ["meeting_id", "other_meeting_id"],
        "agent_days": ["meeting_on", "agent_id"],
        "booking_metrics": ["dimension", "group_key"],
        "booking_trends": ["period", "dimension", "group_key", "period_start_on"],
        "daily_bookings": ["booked_on"],
        "int_version_changes": ["meeting_id", "version_number"],
        "meeting_events": ["meeting_id", "event_type"],
        "team_distribution": ["team_id", "agent_id"],
    }
    for table, keys in narrower.items():
        for key in keys:
            others = ", ".join(other for other in MODELS[table].grain if other != key)
            where = f"{MODELS[table].dataset}.{table}"
            copies = f"select {others} from {where} group by {others} having count(*) > 1"
            assert warehouse.query(copies) != [], f"{table} without {key}"


def test_a_key_or_flag_that_is_null_is_found_and_no_key_that_may_be(given: Given) -> None:
    warehouse = good(given)
    nullable: set[str] = set()
    whole: set[str] = set()
    for name, model in MODELS.items():
        if model.is_view or model.folder != "marts":
            continue
        rule = RULES[f"{name}_has_whole_keys_flags_and_shares"]
        where = f"{model.dataset}.{name}"
        rows = len(warehouse.query(f"from {where}"))
        assert rows, name
        flags = [column for column in all_columns(model, MODELS) if column.startswith("is_")]
        for column in [*model.grain, *flags]:
            may_be_null = model.grain.get(column, False)
            empty = f"update {where} set {column} = null"
            found = broken(warehouse, empty, rule)
            assert found == (0 if may_be_null else rows), f"{name}.{column}"
            (nullable if may_be_null else whole).add(f"{name}.{column}")
    assert nullable >= {
        "booking_hours.local_hour",
        "booking_hours.local_weekday",
        "bookings_by_agent.agent_id",
        "bookings_by_team.team_id",
        "daily_bookings.agent_id",
    }
    assert {
        "meetings.is_late_canceled",
        "agents.is_current",
        "weekly_bookings.is_complete",
        "daily_bookings.booked_on",
    } <= whole


def test_a_rate_or_share_out_of_0_to_1_is_found_and_one_that_is_null_is_not(
    given: Given,
) -> None:
    warehouse = good(given)
    seen = set()
    for name, model in MODELS.items():
        if model.is_view or model.folder != "marts":
            continue
        rule = RULES[f"{name}_has_whole_keys_flags_and_shares"]
        where = f"{model.dataset}.{name}"
        rows = len(warehouse.query(f"from {where}"))
        for column in all_columns(model, MODELS):
            if column.endswith(("_rate", "_share")):
                for value, found in (("1.01", rows), ("-0.01", rows), ("null", 0), ("1", 0)):
                    fault = f"update {where} set {column} = {value}"
                    assert broken(warehouse, fault, rule) == found, f"{name}.{column} = {value}"
                seen.add(f"{name}.{column}")
    assert {
        "booking_metrics.late_cancel_rate",
        "bookings_by_team.bookings_share",  # a column of the star
        "data_health.visitor_known_share",
        "team_distribution.equal_share",
        "weekly_bookings.cancel_rate",
    } <= seen


def test_a_rule_shows_the_keys_of_the_rows_at_fault(given: Given) -> None:
    warehouse = good(given)
    warehouse.connection.execute(
        "update bookings.booking_metrics set rebook_rate = 2"
        " where dimension = 'agent' and group_key = '7'"
    )
    rule = RULES["booking_metrics_has_whole_keys_flags_and_shares"]
    assert [row[:2] for row in warehouse.query(rule.text)] == [("agent", "7")]
    warehouse.connection.execute(
        "insert into bookings.agents select * from bookings.agents where agent_id = 8"
    )
    rule = RULES["agents_has_one_row_per_agent_id"]
    assert warehouse.query(rule.text) == [(8, 2)]
