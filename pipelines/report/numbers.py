"""The published tables → the counts that the report shows, few enough for a page.

Every count stands under an agent, a source and a type, so that the page can filter all that it
shows by adding up. Names beyond the most booked ones are counted together, as Other.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from warehouse.models import read_checks
from warehouse.reading import Query, Row

MOST_NAMED: Final = (50, 8, 12)
"""Agents, sources and types that are shown by name."""

MOST_ROWS: Final = 150_000
"""Counts in a page, a few megabytes: where there are more, fewer names are shown."""

WEEKS: Final = 26
"""Weeks that are shown one by one, this one included."""

LISTED: Final = 100
"""Upcoming meetings, and changes, that are shown one by one."""

STATES: Final = ("elapsed", "in_progress", "upcoming", "canceled", "delisted")
BUCKETS: Final = ("0-1 days", "2-7 days", "8-21 days", "over 21 days", "UNKNOWN")

Names = tuple[list[str], list[str], list[str]]

# A cube is a query whose last columns are counts; those before them and after the names are places
# on its axes. date 0001-01-01 was a Monday.
_MONDAY = "{0} - cast(date_diff('day', date '0001-01-01', {0}) % 7 as integer)"
_WEEKS_AGO = (
    f"date_diff('day', {_MONDAY.format('daily.booked_on')}, {_MONDAY.format('now.today_on')})"
)
_DAYS_AGO = "date_diff('day', daily.booked_on, now.today_on)"
_LEAD_DAYS = "date_diff('day', booked_on, meeting_on)"
_MEETING = """
    agent_id,
    coalesce(meeting_source, 'UNKNOWN') as meeting_source,
    coalesce(meeting_type, 'UNKNOWN') as meeting_type"""

CUBES: Final[Mapping[str, tuple[str, Sequence[str], Sequence[str]]]] = {
    "weeks": (  # weeks ago; -1: later ones, by a clock that is ahead; before a read, all are old
        f"""
        select
            daily.*,
            case
                when {_WEEKS_AGO} < 0 then -1
                when {_WEEKS_AGO} < {7 * WEEKS} then cast({_WEEKS_AGO} / 7 as integer)
                else {WEEKS}
            end as week
        from bookings.daily_bookings as daily
        cross join bookings_internal.int_now as now
        """,
        ["week"],
        [f"{state}_meetings" for state in STATES],
    ),
    "periods": (  # 0: the last 28 days, 1: the 28 days before, 2: any other day
        f"""
        select
            daily.*,
            case
                when {_DAYS_AGO} between 0 and 27 then 0
                when {_DAYS_AGO} between 28 and 55 then 1
                else 2
            end as period
        from bookings.daily_bookings as daily
        cross join bookings_internal.int_now as now
        """,
        ["period"],
        ["bookings", "canceled_meetings", "rescheduled_meetings", "self_booked_meetings"],
    ),
    "hours": (  # weekday and hour as in booking_hours; 0 and 0 where the visitor's is not known
        f"""
        select
            {_MEETING},
            case
                when local_start_at is null then 0
                else cast(date_diff('day', date '0001-01-01', cast(local_start_at as date)) % 7 + 1
                    as integer)
            end as weekday,
            coalesce(cast(extract(hour from local_start_at) as integer), 0) as local_hour,
            1 as bookings,
            case when is_canceled then 1 else 0 end as canceled
        from bookings.meetings
        """,
        ["weekday", "local_hour"],
        ["bookings", "canceled"],
    ),
    "lead": (  # places in BUCKETS, cut as in lead_time_buckets
        f"""
        select
            {_MEETING},
            case
                when meeting_on is null then 4
                when {_LEAD_DAYS} <= 1 then 0
                when {_LEAD_DAYS} <= 7 then 1
                when {_LEAD_DAYS} <= 21 then 2
                else 3
            end as bucket,
            1 as bookings,
            case when is_canceled then 1 else 0 end as canceled
        from bookings.meetings
        """,
        ["bucket"],
        ["bookings", "canceled"],
    ),
}

_UPCOMING = f"""
    select
        {_MEETING},
        meeting_id,
        slot_start_at,
        booked_at
    from bookings.meetings
    where meeting_state = 'upcoming'
"""

# What the newest sync was the first to see, whenever it took place.
_CHANGES = """
    select
        events.agent_id,
        coalesce(meetings.meeting_source, 'UNKNOWN') as meeting_source,
        coalesce(meetings.meeting_type, 'UNKNOWN') as meeting_type,
        events.meeting_id,
        events.version_number,
        events.event_type,
        events.occurred_at,
        events.from_value,
        events.to_value
    from bookings.meeting_events as events
    inner join bookings_internal.stg_meeting_versions as versions
        on
            events.meeting_id = versions.meeting_id
            and events.version_number = versions.version_number
    inner join bookings.meetings as meetings on events.meeting_id = meetings.meeting_id
    cross join bookings_internal.int_now as now
    where
        (events.event_type <> 'delisted' and versions.sync_id = now.sync_id)
        or (events.event_type = 'delisted' and events.occurred_at = now.now_at)
"""


def find_numbers(ask: Query, sql: Path) -> dict[str, Any]:
    """All that the page shows, as JSON can hold it. Empty tables, or none, give an empty report.

    `names` holds the agents, sources and types; a row of a cube begins with its place among them.
    """
    now = next(iter(ask("select * from bookings_internal.int_now")), {})
    zone = ZoneInfo(now.get("time_zone") or "UTC")
    most = MOST_NAMED
    while True:
        names = _names(ask, most)
        cubes = {name: _cube(ask, name, most) for name in CUBES}
        if sum(map(len, cubes.values())) <= MOST_ROWS or max(most) == 1:
            break
        most = (max(most[0] // 2, 1), max(most[1] // 2, 1), max(most[2] // 2, 1))
    agents = _agents(ask)
    return {
        "health": _health(ask, now, zone, sql),
        "states": STATES,
        "buckets": BUCKETS,
        "names": dict(zip(("agent", "source", "type"), names, strict=True)),
        "week_starts": _week_starts(now.get("today_on")),
        **cubes,
        "upcoming": _upcoming(ask, most, agents, zone),
        "changes": _changes(ask, most, agents, zone),
    }


def _names(ask: Query, most: tuple[int, int, int]) -> Names:
    """What stands at each place: agents with Unassigned at 0, sources and types from 0."""
    agents = list(_agents(ask).values())
    sources = _texts(
        ask(
            "select meeting_source from bookings.bookings_by_source order by "
            "bookings desc, meeting_source"
        )
    )
    types = _texts(
        ask(
            "select meeting_type from bookings.bookings_by_meeting_type order by "
            "bookings desc, meeting_type"
        )
    )
    shortened = [
        [*names[:limit], *([f"Other ({len(names) - limit:,})"] if len(names) > limit else [])]
        for names, limit in zip((agents, sources, types), most, strict=True)
    ]
    return ["Unassigned", *shortened[0]], shortened[1], shortened[2]


def _texts(rows: Sequence[Row]) -> list[str]:
    return [str(value) for row in rows for value in row.values()]


def _agents(ask: Query) -> dict[int, str]:
    """What each agent is called, most booked first: by name, as far as the tables have one."""
    rows = ask(
        "select agent_id, agent_name from bookings.bookings_by_agent where agent_id is not null"
        " order by bookings desc, agent_id"
    )
    return {row["agent_id"]: row["agent_name"] or f"Agent {row['agent_id']}" for row in rows}


def _placed(facts: str, columns: Sequence[str], most: tuple[int, int, int]) -> str:
    """SQL for rows with their places among the names in front of the given columns."""
    agents, sources, types = most
    ranked = "row_number() over (order by bookings desc, {0}) as place".format
    return f"""
        with facts as ({facts}),
        agents as (
            select agent_id, {ranked("agent_id")}
            from bookings.bookings_by_agent where agent_id is not null
        ),
        sources as (
            select meeting_source, {ranked("meeting_source")} from bookings.bookings_by_source
        ),
        types as (
            select meeting_type, {ranked("meeting_type")} from bookings.bookings_by_meeting_type
        )
        select
            case
                when agents.place is null then 0
                when agents.place > {agents} then {agents + 1}
                else agents.place
            end as agent,
            case when sources.place > {sources} then {sources} else sources.place - 1 end as source,
            case when types.place > {types} then {types} else types.place - 1 end as kind,
            {", ".join(f"facts.{column}" for column in columns)}
        from facts
        left join agents on facts.agent_id = agents.agent_id
        inner join sources on facts.meeting_source = sources.meeting_source
        inner join types on facts.meeting_type = types.meeting_type
    """


def _cube(ask: Query, name: str, most: tuple[int, int, int]) -> list[list[int]]:
    facts, axes, counts = CUBES[name]
    sums = ", ".join(f"sum({count}) as {count}" for count in counts)
    keys = ", ".join(["agent", "source", "kind", *axes])
    rows = ask(
        f"select {keys}, {sums} from ({_placed(facts, [*axes, *counts], most)}) as placed"
        f" group by {keys} order by {keys}"
    )
    return [[int(value) for value in row.values()] for row in rows]


def _upcoming(
    ask: Query, most: tuple[int, int, int], agents: Mapping[int, str], zone: ZoneInfo
) -> list[list[Any]]:
    """The next meetings: places, start, agent, and when each was booked."""
    placed = _placed(_UPCOMING, ["agent_id", "slot_start_at", "booked_at"], most)
    rows = ask(f"{placed} order by facts.slot_start_at nulls last, facts.meeting_id limit {LISTED}")
    return [
        [
            *_place(row),
            _local(row["slot_start_at"], zone),
            agents.get(row["agent_id"], "Unassigned"),
            _local(row["booked_at"], zone),
        ]
        for row in rows
    ]


def _changes(
    ask: Query, most: tuple[int, int, int], agents: Mapping[int, str], zone: ZoneInfo
) -> dict[str, Any] | None:
    """What the newest sync brought: counts by kind of event, and the newest of them.

    Nothing for the first sync: all that it sees is new.
    """
    if len(ask("select sync_id from drift.syncs limit 2")) < 2:
        return None
    placed = _placed(_CHANGES, ["event_type"], most)
    counts = ask(
        "select agent, source, kind, event_type, count(*) as events"
        f" from ({placed}) as placed group by 1, 2, 3, 4 order by 1, 2, 3, 4"
    )
    columns = ["agent_id", "meeting_id", "event_type", "occurred_at", "from_value", "to_value"]
    newest = ask(
        f"{_placed(_CHANGES, columns, most)} order by facts.occurred_at desc, facts.meeting_id,"
        f" facts.version_number desc, facts.event_type limit {LISTED}"
    )
    return {
        "counts": [[*_place(row), row["event_type"], int(row["events"])] for row in counts],
        "rows": [
            [
                *_place(row),
                _local(row["occurred_at"], zone),
                row["event_type"],
                row["meeting_id"],
                agents.get(row["agent_id"], "Unassigned"),
                *(_value(row, key, agents, zone) for key in ("from_value", "to_value")),
            ]
            for row in newest
        ],
    }


def _value(row: Row, key: str, agents: Mapping[int, str], zone: ZoneInfo) -> str:
    """An event's value before or after, as a reader knows it."""
    value = row[key]
    if value is None:
        return ""
    if row["event_type"] == "reassigned":
        return agents.get(int(value), f"Agent {value}")
    if row["event_type"] in ("booked", "rescheduled"):
        return _local(datetime.fromisoformat(value), zone)
    return str(value)


def _place(row: Row) -> list[int]:
    return [int(row[name]) for name in ("agent", "source", "kind")]


def _health(ask: Query, now: Row, zone: ZoneInfo, sql: Path) -> dict[str, Any]:
    """The state of the data. A warning is a check's own words, and how many rows it found."""
    health = next(iter(ask("select * from bookings.data_health")), {})
    gaps = ask("select gap_from, gap_to from drift.syncs where gap_from is not null order by 1")
    warnings = [
        (check.description, len(ask(check.text)))
        for check in read_checks(sql)
        if check.is_warning and now
    ]
    return {
        "as_of": _local(now.get("now_at"), zone),
        "time_zone": zone.key,
        "meetings": health.get("meetings", 0),
        "rejected": health.get("rejected", 0),
        "agent_known_share": health.get("agent_known_share"),
        "gaps": [[_local(gap["gap_from"], zone), _local(gap["gap_to"], zone)] for gap in gaps],
        "warnings": [[words, found] for words, found in warnings if found],
    }


def _week_starts(today: date | None) -> list[str]:
    """The Mondays of the weeks that are shown, newest first."""
    if today is None:
        return []
    monday = today - timedelta(days=today.weekday())
    return [(monday - timedelta(weeks=ago)).isoformat() for ago in range(WEEKS)]


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""
