"""Every table of the dataset `bookings`, computed from the raw tables in plain Python.

It was written from the definitions of the tables and columns alone, without the models, so that
`test_against_an_independent_computation` compares two readings of the same words. It aims at being
read, not at speed. Times are aware and in UTC, days are `date`, and each table is a list of rows.

Where the definitions leave a choice, this is the reading taken here:

 1. Versions follow each other by updated_at, sync_id, content_hash. All attributes of a meeting are
    the newest version's; nothing absent is filled in from an older one.
 2. Before any sync there is no now: nothing is due or complete, no last 28 days hold a
    booking, nothing is listed or delisted, and a meeting that is not canceled is elapsed where its
    start is known, else upcoming.
 3. A meeting without a start is not due, not late_canceled, and upcoming unless canceled or
    delisted; no end, or one before the start, counts as the start for the state, for overlaps and
    for last_end_at, and gives no duration. slot_end_at is what Drift sent.
 4. first_slot_start_at is the start in the first version, null if that had none. A move is counted
    between neighbouring versions only, so a start that vanishes and comes back elsewhere is none.
 5. Exactly 24 hours before the start is not late. Notice and lateness are taken from the newest
    start, also where it was moved after the cancellation. Negative notices, lead times and times to
    book are kept.
 6. A first version that is already canceled has a `canceled` event from nothing. Delisted means
    that it is not canceled: a canceled meeting that is no longer listed has no `delisted` event
    (and is not listed). The values of that event are null.
 7. An event's agent is the one of the version that it led to: the first version's for `booked`, the
    newest one's for `delisted`. Times in from_value and to_value are cut to the second.
 8. is_rebooked: both ends of the 14 days count, a visitor that is absent never rebooks, the other
    meeting may be in any state.
 9. The agent's first team: the first by name of the teams to which they belong now; teams without
    a name come into it only where there is nothing else (and give null). A past user of a current
    team counts as a member.
10. Names of users, teams and playbooks that Drift lists no more are still shown; a user's alias and
    e-mail address never stand for the name.
11. The domain is what follows the last @, in lower case; null without one.
12. group_name: the name, else the key; `Unassigned` for the absent agent, `UNKNOWN` otherwise. In
    bookings_by_* the name is group_name, but an agent's is null while unknown. Where group_key is
    `UNKNOWN`, the id of an agent or team, a number, is null, and a playbook's, a text, `UNKNOWN`.
13. Meetings whose agent is absent, or in no team, are one team `UNKNOWN`. bookings_share divides by
    all meetings there too.
14. Sums over nothing are 0 (booked_hours, duration_minutes, lead_time_hours); percentiles, shares
    and rates of nothing are null. In daily_bookings the sums take meetings of every state.
15. A gap touches each day on which it has a moment. The first whole day after window_from is that
    day itself only where it begins at that very moment. bookings_change is null, too, where the 28
    days before had no booking, or a gap touches any of the 56 days, of which yesterday is the last.
16. weekly_bookings runs from the first week with a booking to the newest one with a booking.
17. agent_days has known agents only, and a row for each day on which the agent has a meeting in
    any state. Any other meeting of the agent can be overlapped, from whichever day.
18. team_distribution counts all bookings of the agent; the share is of what the team's members
    have together, null where that is nothing. Members count whether or not they are users.
    Reassignments are counted by the day on which they took place.
19. booking_hours has one row with null keys for meetings whose visitor's clock is not known.
    lead_time_buckets counts days from booked_on to meeting_on (0 and less are in `0-1 days`), has a
    bucket `UNKNOWN` for meetings without a start, and no bucket without bookings.
20. agents: every user, and every agent of any version of any meeting.
21. Open gaps are syncs with a gap. An agent or a visitor is known where Drift's record of them is
    stored and they are not gone; whether a visitor is gone is null where nobody could read it.
    Shares are of all meetings.
22. A loss is settled once now is the end of its 14 days or later. The first sync is the one with
    the lowest sync_id; before any, nothing is observed or settled.
23. In agent_conflicts and overlapping_meetings two meetings overlap where one starts at or after
    the start of the other and before its end. So one without an end, or of no length, is only ever
    the one that starts, and overlaps for 0 minutes; it has ended unless it is upcoming.
24. Syncs follow each other by sync_id. A sync or an import counts if dlt's table of loads says that
    the load which brought it has ended (status 0), and a row by the sync or import that it names.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from math import ceil, floor
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

K = TypeVar("K")
V = TypeVar("V")
Row = dict[str, Any]
Record = Mapping[str, Any]
Raw = Mapping[str, Sequence[Record]]

STATES: Final = ("canceled", "delisted", "upcoming", "in_progress", "elapsed")
UNKNOWN: Final = "UNKNOWN"
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
MARTS: Final = {  # its dimension, the column of its key, and of its name
    "bookings_by_agent": ("agent", "agent_id", "agent_name"),
    "bookings_by_source": ("source", "meeting_source", None),
    "bookings_by_meeting_type": ("meeting_type", "meeting_type", None),
    "bookings_by_team": ("team", "team_id", "team_name"),
    "bookings_by_playbook": ("playbook", "playbook_id", "playbook_name"),
}
DIMENSIONS: Final = ("all", *(dimension for dimension, *_ in MARTS.values()))
"""Those that are computed here; what else meeting_groups has is left out of the comparison."""


@dataclass(frozen=True)
class Calendar:
    """Days in the organisation's zone, and what is known of them."""

    zone: ZoneInfo
    now: datetime | None
    complete_from_on: date | None
    gaps: Sequence[tuple[date, date]]

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def days_ago(self, day: date) -> int | None:
        return (self.day(self.now) - day).days if self.now else None

    def is_recent(self, day: date, first: int = 0) -> bool:
        """Whether it is one of the 28 days that ended `first` days before today."""
        ago = self.days_ago(day)
        return ago is not None and first < ago <= first + 28

    def is_known(self, first: date, last: date) -> bool:
        """Whether every booking made on these days is known."""
        return (
            self.complete_from_on is not None
            and first >= self.complete_from_on
            and not any(start <= last and first <= end for start, end in self.gaps)
        )

    def is_complete(self, first: date, following: date) -> bool:
        """Whether the period up to the day before `following` has ended and is known."""
        ago = self.days_ago(following)
        return ago is not None and ago >= 0 and self.is_known(first, following - DAY)


@dataclass(frozen=True)
class Known:
    """What is known of one meeting beside its row."""

    versions: Sequence[Record]
    delisted_at: datetime | None
    end: datetime | None
    """When it ends, or starts, where the end is not to be believed."""


class Facts:
    """The raw tables, ordered for looking things up."""

    def __init__(self, raw: Raw, time_zone: str) -> None:
        self.raw = raw = _loaded_whole(raw)
        self.syncs = sorted(raw["syncs"], key=lambda sync: sync["sync_id"])
        self.calendar = _calendar(self.syncs, ZoneInfo(time_zone))
        self.users = {user["id"]: user for user in raw["users"]}
        self.teams = _teams_of_agents(raw)
        log = sorted(raw["meeting_listings"], key=lambda row: row["sync_id"])
        self.listings = {row["slug"]: row for row in log}  # the last one of each
        self.listed = {slug for slug, row in self.listings.items() if row["is_listed"]}
        histories: dict[str, list[Record]] = defaultdict(list)
        for version in raw["meeting_versions"]:
            histories[version["slug"]].append(version)
        for versions in histories.values():
            versions.sort(key=lambda v: (v["updated_at"], v["sync_id"], v["content_hash"]))
        self.known = {
            slug: Known(versions, _delisted_at(self, slug, versions), _effective_end(versions[-1]))
            for slug, versions in histories.items()
        }

    def name_of(self, user_id: int | None) -> str | None:
        name: str | None = self.users.get(user_id, {}).get("name")
        return name

    def email_of(self, user_id: int | None) -> str | None:
        email: str | None = self.users.get(user_id, {}).get("email")
        return email

    def team_of(self, user_id: int | None) -> str | None:
        """The first by name of the teams that the user belongs to."""
        names = [team["name"] for team in self.teams.get(user_id, ())]
        return names[0] if names else None


def compute(raw: Raw, time_zone: str) -> dict[str, list[Row]]:
    """All tables, by name. Rows have the columns that the definitions name, in no fixed order."""
    facts = Facts(raw, time_zone)
    meetings = _meetings(facts)
    events = [event for row in meetings for event in _events(row, facts.known[row["meeting_id"]])]
    metrics = _booking_metrics(facts, meetings)
    return {
        "meetings": meetings,
        "meeting_events": events,
        "agents": _agents(facts),
        "booking_metrics": metrics,
        **{name: _mart(facts, name, metrics) for name in MARTS},
        "booking_trends": _booking_trends(facts, meetings),
        "agent_days": _agent_days(facts, meetings),
        "agent_conflicts": _agent_conflicts(facts, meetings),
        "team_distribution": _team_distribution(facts, meetings, events),
        "daily_bookings": _daily_bookings(meetings),
        "weekly_bookings": _weekly_bookings(facts, meetings),
        "booking_hours": _booking_hours(meetings),
        "lead_time_buckets": _lead_time_buckets(meetings),
        "data_health": [_data_health(facts, meetings)],
    }


def is_canceled(status: str | None) -> bool:
    return (status or "").upper() in ("CANCELED", "CANCELLED")


def _loaded_whole(raw: Raw) -> Raw:
    """Without the rows of loads that did not end."""
    ended = {load["load_id"] for load in raw["_dlt_loads"] if load["status"] == 0}
    whole = {
        table: [row for row in raw[table] if row["_dlt_load_id"] in ended]
        for table in ("syncs", "imports")
    }
    counting = {row["sync_id"] for rows in whole.values() for row in rows}
    brought = {
        table: [row for row in raw[table] if row["sync_id"] in counting]
        for table in ("meeting_versions", "meeting_listings", "rejected_meetings")
    }
    return {**raw, **whole, **brought}


def _calendar(syncs: Sequence[Record], zone: ZoneInfo) -> Calendar:
    gaps = [
        (sync["gap_from"].astimezone(zone).date(), sync["gap_to"].astimezone(zone).date())
        for sync in syncs
        if sync["gap_from"] is not None
    ]
    if not syncs:
        return Calendar(zone, None, None, gaps)
    window_from = syncs[0]["window_from"].astimezone(zone)
    begins_its_day = window_from.time() == time()
    first = window_from.date() + (timedelta() if begins_its_day else DAY)
    return Calendar(zone, syncs[-1]["started_at"], first, gaps)


def _delisted_at(facts: Facts, slug: str, versions: Sequence[Record]) -> datetime | None:
    """When the meeting was found missing though it should have been in sight."""
    start, syncs = versions[-1]["slot_start"], facts.syncs
    if slug in facts.listed or not syncs:
        return None
    missed = facts.listings.get(slug, {}).get("sync_id")
    by = next((sync for sync in syncs if sync["sync_id"] == missed), None)
    found: Record | None
    if by and _in_window(start, by):
        found = by
    elif all(version["sync_id"] < "1" for version in versions):
        updated_at = versions[-1]["updated_at"]
        found = next((sync for sync in syncs if sync["started_at"] >= updated_at), None)
        if found and start is not None and not _in_window(start, found):
            found = None
    elif start is None:
        found = by or syncs[-1]
    else:
        found = syncs[-1] if _in_window(start, syncs[-1]) else None
    at: datetime | None = found["started_at"] if found else None
    return at


def _in_window(start: datetime | None, sync: Record) -> bool:
    """Whether the read cannot but have seen it: a day or more inside of its window."""
    return start is not None and bool(sync["window_from"] + DAY <= start <= sync["window_to"])


def _effective_end(version: Record) -> datetime | None:
    start: datetime | None = version["slot_start"]
    end: datetime | None = version["slot_end"]
    return start if start is None or end is None or end < start else end


def _teams_of_agents(raw: Raw) -> dict[Any, list[Record]]:
    """The teams to which each agent belongs now, by name, those without one last."""
    teams = {team["id"]: team for team in raw["teams"]}
    found: dict[Any, list[Record]] = defaultdict(list)
    for member in raw["team_members"]:
        if member["is_current"]:
            found[member["user_id"]].append(teams[member["team_id"]])
    for several in found.values():
        several.sort(key=lambda team: (team["name"] is None, team["name"] or "", team["id"]))
    return found


def _meetings(facts: Facts) -> list[Row]:
    calendar, now, syncs, rows = facts.calendar, facts.calendar.now, facts.syncs, []
    contacts = {row["id"]: row for row in facts.raw["contacts"]}
    conversations = {row["id"]: row for row in facts.raw["conversations"]}
    playbooks = {str(row["id"]): row for row in facts.raw["playbooks"]}
    for slug, meeting in facts.known.items():
        first, newest = meeting.versions[0], meeting.versions[-1]
        start, end, zone = newest["slot_start"], newest["slot_end"], newest["known_time_zone"]
        booked_at = newest["scheduled_at"] or first["updated_at"]
        agent_id = newest["agent_id"]
        visitor = contacts.get(newest["scheduler_id"], {})
        conversation = conversations.get(newest["conversation_id"], {})
        playbook_id = conversation.get("playbook_id")
        canceled_at = _canceled_at(meeting.versions)
        moves = sum(map(_is_move, *_neighbours(meeting.versions)))
        is_old = bool(syncs and start and start < syncs[-1]["window_from"] + DAY)
        rows.append(
            {
                "meeting_id": slug,
                "org_id": newest["org_id"],
                "agent_id": agent_id,
                "agent_name": facts.name_of(agent_id),
                "agent_email": facts.email_of(agent_id),
                "agent_first_team": facts.team_of(agent_id),
                "agent_time_zone": facts.users.get(agent_id, {}).get("time_zone"),
                "scheduler_id": newest["scheduler_id"],
                "visitor_company": visitor.get("company"),
                "visitor_email_domain": _domain(visitor.get("email")),
                "conversation_id": newest["conversation_id"],
                "playbook_id": playbook_id,
                "playbook_name": playbooks.get(playbook_id or "", {}).get("name"),
                "booked_by_id": newest["booked_by"],
                "booked_by_name": facts.name_of(newest["booked_by"]),
                "event_id": newest["event_id"],
                "status": newest["status"],
                "meeting_source": _or_unknown(newest["meeting_source"]),
                "meeting_type": _or_unknown(newest["meeting_type"]),
                "end_user_time_zone": newest["end_user_time_zone"],
                "meeting_notes": newest["meeting_notes"],
                "booked_at": booked_at,
                "slot_start_at": start,
                "slot_end_at": end,
                "updated_at": newest["updated_at"],
                "first_slot_start_at": first["slot_start"],
                "canceled_at": canceled_at,
                "is_canceled": is_canceled(newest["status"]),
                "is_listed": slug in facts.listed or (is_old and meeting.delisted_at is None),
                "is_rescheduled": moves > 0,
                "is_self_booked": newest["booked_by"] is None,
                "is_due": bool(now and start and start <= now),
                "is_late_canceled": bool(
                    canceled_at and start and start - canceled_at < timedelta(hours=24)
                ),
                "reschedule_count": moves,
                "version_count": len(meeting.versions),
                "meeting_state": _state(meeting, now),
                "duration_minutes": _units(start, end, MINUTE)
                if start and end and end >= start
                else None,
                "lead_time_hours": _units(booked_at, start, HOUR),
                "time_to_book_minutes": _units(conversation.get("created_at"), booked_at, MINUTE),
                "cancel_notice_hours": _units(canceled_at, start, HOUR),
                "booked_on": calendar.day(booked_at),
                "meeting_on": calendar.day(start) if start else None,
                "local_start_at": _on_the_wall(start, zone),
                "agent_local_start_at": _on_the_wall(
                    start, facts.users.get(agent_id, {}).get("known_time_zone")
                ),
                "is_observed": bool(syncs and booked_at >= syncs[0]["started_at"]),
            }
        )
    _mark_rebooked(rows, facts)
    _number_bookings(rows)
    return rows


def _on_the_wall(moment: datetime | None, zone: str | None) -> datetime | None:
    """What a clock of that zone shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if moment and zone else None


def _number_bookings(rows: Sequence[Row]) -> None:
    """Each visitor's bookings, from 1."""
    for visitor, booked in _grouped((row["scheduler_id"], row) for row in rows).items():
        booked.sort(key=lambda row: (row["booked_at"], row["meeting_id"]))
        for number, row in enumerate(booked, start=1):
            row["visitor_booking_number"] = None if visitor is None else number


def _neighbours(
    versions: Sequence[Record],
) -> tuple[Sequence[Record], Sequence[Record]]:
    """Each version but the last, and the one that follows it."""
    return versions[:-1], versions[1:]


def _is_move(before: Record, after: Record) -> bool:
    starts = (before["slot_start"], after["slot_start"])
    return None not in starts and starts[0] != starts[1]


def _canceled_at(versions: Sequence[Record]) -> datetime | None:
    """When the version came about with which the cancellation in force began."""
    at: datetime | None = None
    for version in versions:
        if not is_canceled(version["status"]):
            at = None
        elif at is None:
            at = version["updated_at"]
    return at


def _state(meeting: Known, now: datetime | None) -> str:
    newest = meeting.versions[-1]
    if is_canceled(newest["status"]):
        return "canceled"
    if meeting.delisted_at is not None:
        return "delisted"
    if meeting.end is None or (now is not None and newest["slot_start"] > now):
        return "upcoming"
    return "in_progress" if now is not None and meeting.end > now else "elapsed"


def _mark_rebooked(rows: Sequence[Row], facts: Facts) -> None:
    now, of_visitor = facts.calendar.now, _grouped((row["scheduler_id"], row) for row in rows)
    for row in rows:
        lost_at = row["canceled_at"] or facts.known[row["meeting_id"]].delisted_at
        row["is_settled_loss"] = bool(lost_at and now and now - lost_at >= timedelta(days=14))
        row["is_rebooked"] = (
            lost_at is not None
            and row["scheduler_id"] is not None
            and any(
                lost_at <= other["booked_at"] <= lost_at + timedelta(days=14)
                for other in of_visitor[row["scheduler_id"]]
                if other is not row
            )
        )


def _events(row: Row, meeting: Known) -> Iterator[Row]:
    """Everything that happened to one meeting."""

    def event(kind: str, at: datetime, agent: Any, before: Any, after: Any) -> Row:
        return {
            "meeting_id": row["meeting_id"],
            "event_type": kind,
            "occurred_at": at,
            "agent_id": agent,
            "from_value": _as_text(before),
            "to_value": _as_text(after),
        }

    first, newest = meeting.versions[0], meeting.versions[-1]
    yield event("booked", row["booked_at"], first["agent_id"], None, first["slot_start"])
    if is_canceled(first["status"]):
        yield event("canceled", first["updated_at"], first["agent_id"], None, first["status"])
    for before, after in zip(*_neighbours(meeting.versions), strict=True):
        at, agent = after["updated_at"], after["agent_id"]
        if _is_move(before, after):
            yield event("rescheduled", at, agent, before["slot_start"], after["slot_start"])
        if is_canceled(before["status"]) != is_canceled(after["status"]):
            kind = "canceled" if is_canceled(after["status"]) else "reinstated"
            yield event(kind, at, agent, before["status"], after["status"])
        if before["agent_id"] != agent:
            yield event("reassigned", at, agent, before["agent_id"], agent)
    if row["meeting_state"] == "delisted" and meeting.delisted_at:
        yield event("delisted", meeting.delisted_at, newest["agent_id"], None, None)


def _as_text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return None if value is None else str(value)


def _agents(facts: Facts) -> list[Row]:
    named = {version["agent_id"] for version in facts.raw["meeting_versions"]} - {None}
    return [
        {
            "agent_id": agent_id,
            "agent_name": facts.name_of(agent_id),
            "agent_email": facts.email_of(agent_id),
            "team_name": facts.team_of(agent_id),
            "time_zone": facts.users.get(agent_id, {}).get("time_zone"),
            "known_time_zone": facts.users.get(agent_id, {}).get("known_time_zone"),
            "user_created_at": facts.users.get(agent_id, {}).get("created_at"),
            "is_current": bool(facts.users.get(agent_id, {}).get("is_current")),
        }
        for agent_id in named | facts.users.keys()
    ]


def _groups(facts: Facts, row: Row) -> Iterator[tuple[str, str, str]]:
    """Dimension, key and name of each group that a meeting belongs to."""
    yield "all", "all", "all"
    agent_id = row["agent_id"]
    if agent_id is None:
        yield "agent", UNKNOWN, "Unassigned"
    else:
        yield "agent", str(agent_id), facts.name_of(agent_id) or str(agent_id)
    yield "source", row["meeting_source"], row["meeting_source"]
    yield "meeting_type", row["meeting_type"], row["meeting_type"]
    for team in facts.teams.get(agent_id, ()):
        yield "team", str(team["id"]), team["name"] or str(team["id"])
    if agent_id not in facts.teams:
        yield "team", UNKNOWN, UNKNOWN
    playbook = _or_unknown(row["playbook_id"])
    yield "playbook", playbook, row["playbook_name"] or playbook


def _counts(rows: Iterable[Row]) -> Row:
    """The counts and the rate that several tables have."""
    rows = list(rows)
    due = [row for row in rows if row["is_due"]]
    canceled = sum(row["is_canceled"] for row in due)
    states = Counter(row["meeting_state"] for row in rows)
    return {
        "bookings": len(rows),
        **{f"{state}_meetings": states[state] for state in STATES},
        "due_meetings": len(due),
        "due_canceled_meetings": canceled,
        "cancel_rate": _ratio(canceled, len(due)),
    }


def _booking_metrics(facts: Facts, meetings: Sequence[Row]) -> list[Row]:
    calendar = facts.calendar
    grouped = _grouped((group, row) for row in meetings for group in _groups(facts, row))
    today = calendar.day(calendar.now) if calendar.now else None
    all_known = today is not None and calendar.is_known(today - 56 * DAY, today - DAY)
    metrics = []
    for (dimension, key, name), rows in grouped.items():
        counts = _counts(rows)
        bookings = len(rows)
        late = [row for row in rows if row["is_late_canceled"]]
        due_late = sum(row["is_due"] for row in late)
        settled = [row for row in rows if row["is_settled_loss"]]
        settled_rebooked = sum(row["is_rebooked"] for row in settled)
        observed_due = [row for row in rows if row["is_observed"] and row["is_due"]]
        observed_moved = sum(row["is_rescheduled"] for row in observed_due)
        self_booked = sum(row["is_self_booked"] for row in rows)
        last = sum(calendar.is_recent(row["booked_on"]) for row in rows)
        prior = sum(calendar.is_recent(row["booked_on"], 28) for row in rows)
        visitors = Counter(row["scheduler_id"] for row in rows if row["scheduler_id"] is not None)
        metrics.append(
            {
                "dimension": dimension,
                "group_key": key,
                "group_name": name,
                **counts,
                "rescheduled_meetings": sum(row["is_rescheduled"] for row in rows),
                "self_booked_meetings": self_booked,
                "late_canceled_meetings": len(late),
                "due_late_canceled_meetings": due_late,
                "rebooked_meetings": sum(row["is_rebooked"] for row in rows),
                "settled_losses": len(settled),
                "settled_rebooked_meetings": settled_rebooked,
                "observed_due_meetings": len(observed_due),
                "observed_rescheduled_meetings": observed_moved,
                "late_cancel_rate": _ratio(due_late, counts["due_meetings"]),
                "rebook_rate": _ratio(settled_rebooked, len(settled)),
                "reschedule_rate": _ratio(observed_moved, len(observed_due)),
                "self_booked_rate": self_booked / bookings,
                "bookings_share": bookings / len(meetings),
                "bookings_last_28_days": last,
                "bookings_prior_28_days": prior,
                "bookings_change": last / prior - 1 if prior and all_known else None,
                "median_lead_time_hours": _percentile(rows, "lead_time_hours", 0.5),
                "p90_lead_time_hours": _percentile(rows, "lead_time_hours", 0.9),
                "median_time_to_book_minutes": _percentile(rows, "time_to_book_minutes", 0.5),
                "median_cancel_notice_hours": _percentile(rows, "cancel_notice_hours", 0.5),
                "booked_hours": _booked_hours(rows),
                "visitors": len(visitors),
                "repeat_visitors": sum(times >= 2 for times in visitors.values()),
                "first_booked_at": min(row["booked_at"] for row in rows),
                "last_booked_at": max(row["booked_at"] for row in rows),
            }
        )
    return metrics


def _mart(facts: Facts, name: str, metrics: Sequence[Row]) -> list[Row]:
    dimension, key_column, name_column = MARTS[name]
    rows = []
    for metric in metrics:
        if metric["dimension"] != dimension:
            continue
        row = {k: v for k, v in metric.items() if k not in ("dimension", "group_key", "group_name")}
        key = metric["group_key"]
        if name_column is None:
            row[key_column] = key
        else:
            is_text = dimension == "playbook"
            row[key_column] = key if is_text else None if key == UNKNOWN else int(key)
            row[name_column] = metric["group_name"]
        if dimension == "agent":
            if key != UNKNOWN:
                row["agent_name"] = facts.name_of(row["agent_id"])
            row["agent_email"] = facts.email_of(row["agent_id"])
            row["team_name"] = facts.team_of(row["agent_id"])
        rows.append(row)
    return rows


def _booking_trends(facts: Facts, meetings: Sequence[Row]) -> list[Row]:
    periods: Mapping[str, tuple[Callable[[date], date], Callable[[date], date]]] = {
        "week": (_monday, lambda day: day + 7 * DAY),
        "month": (lambda day: day.replace(day=1), lambda day: (day + 31 * DAY).replace(day=1)),
    }
    grouped = _grouped(
        ((period, start_of(row["booked_on"]), *group), row)
        for row in meetings
        for group in _groups(facts, row)
        for period, (start_of, _) in periods.items()
    )
    return [
        {
            "period": period,
            "period_start_on": start,
            "dimension": dimension,
            "group_key": key,
            "group_name": name,
            **_counts(rows),
            "is_complete": facts.calendar.is_complete(start, periods[period][1](start)),
        }
        for (period, start, dimension, key, name), rows in grouped.items()
    ]


def _agent_days(facts: Facts, meetings: Sequence[Row]) -> list[Row]:
    of_agent = _grouped((row["agent_id"], row) for row in meetings if _takes_place(row))
    of_day = _grouped(
        ((row["agent_id"], row["meeting_on"]), row)
        for row in meetings
        if row["agent_id"] is not None and row["meeting_on"] is not None
    )

    def end(row: Row) -> Any:
        return facts.known[row["meeting_id"]].end

    def overlaps(row: Row) -> bool:
        others = of_agent[row["agent_id"]]
        return any(_starts_during(facts, row, other) for other in others if other is not row)

    days = []
    for (agent_id, day), rows in of_day.items():
        live = [row for row in rows if _takes_place(row)]
        days.append(
            {
                "agent_id": agent_id,
                "meeting_on": day,
                "meetings": len(live),
                "canceled_meetings": sum(row["meeting_state"] == "canceled" for row in rows),
                "booked_hours": _booked_hours(rows),
                "first_start_at": min((row["slot_start_at"] for row in live), default=None),
                "last_end_at": max(map(end, live), default=None),
                "overlapping_meetings": sum(map(overlaps, live)),
            }
        )
    return days


def _starts_during(facts: Facts, row: Row, other: Row) -> bool:
    """Whether a meeting starts while the other one is on."""
    start, during = row["slot_start_at"], other["slot_start_at"]
    if start is None or during is None:
        return False
    end = facts.known[other["meeting_id"]].end
    return bool(during <= start and end is not None and start < end)


def _agent_conflicts(facts: Facts, meetings: Sequence[Row]) -> list[Row]:
    of_agent = _grouped((row["agent_id"], row) for row in meetings if _takes_place(row))
    conflicts = []
    for agent_id, rows in of_agent.items():
        for one, two in combinations(rows if agent_id is not None else [], 2):
            if not (_starts_during(facts, one, two) or _starts_during(facts, two, one)):
                continue
            if one["meeting_state"] == two["meeting_state"] == "elapsed":
                continue
            first, later = sorted(
                (one, two), key=lambda row: (row["slot_start_at"], row["meeting_id"])
            )
            ends = (facts.known[row["meeting_id"]].end for row in (one, two))
            together_until = min(end for end in ends if end is not None)
            conflicts.append(
                {
                    "agent_id": agent_id,
                    "agent_name": facts.name_of(agent_id),
                    "meeting_id": later["meeting_id"],
                    "other_meeting_id": first["meeting_id"],
                    "meeting_on": later["meeting_on"],
                    "slot_start_at": later["slot_start_at"],
                    "overlap_minutes": _units(later["slot_start_at"], together_until, MINUTE),
                }
            )
    return conflicts


def _team_distribution(facts: Facts, meetings: Sequence[Row], events: Sequence[Row]) -> list[Row]:
    calendar = facts.calendar
    names = {team["id"]: team["name"] for team in facts.raw["teams"]}
    members = _grouped(
        (member["team_id"], member["user_id"])
        for member in facts.raw["team_members"]
        if member["is_current"]
    )
    bookings = Counter(row["agent_id"] for row in meetings if calendar.is_recent(row["booked_on"]))
    moves = [
        event
        for event in events
        if event["event_type"] == "reassigned"
        and calendar.is_recent(calendar.day(event["occurred_at"]))
    ]
    rows = []
    for team_id, agents in members.items():
        total = sum(bookings[agent] for agent in agents)
        for agent in agents:
            share, equal = _ratio(bookings[agent], total), 1 / len(agents)
            rows.append(
                {
                    "team_id": team_id,
                    "team_name": names[team_id],
                    "agent_id": agent,
                    "agent_name": facts.name_of(agent),
                    "bookings_last_28_days": bookings[agent],
                    "bookings_share": share,
                    "equal_share": equal,
                    "deviation": None if share is None else share - equal,
                    "reassigned_to": sum(move["to_value"] == str(agent) for move in moves),
                    "reassigned_away": sum(move["from_value"] == str(agent) for move in moves),
                }
            )
    return rows


def _daily_bookings(meetings: Sequence[Row]) -> list[Row]:
    keys = ("booked_on", "agent_id", "meeting_source", "meeting_type")
    return [
        {
            **dict(zip(keys, key, strict=True)),
            **{name: count for name, count in _counts(rows).items() if name != "cancel_rate"},
            "rescheduled_meetings": sum(row["is_rescheduled"] for row in rows),
            "self_booked_meetings": sum(row["is_self_booked"] for row in rows),
            "duration_minutes": _total(rows, "duration_minutes"),
            "lead_time_hours": _total(rows, "lead_time_hours"),
        }
        for key, rows in _grouped(
            (tuple(row[name] for name in keys), row) for row in meetings
        ).items()
    ]


def _weekly_bookings(facts: Facts, meetings: Sequence[Row]) -> list[Row]:
    of_week = _grouped((_monday(row["booked_on"]), row) for row in meetings)
    weeks: list[Row] = []
    week = min(of_week, default=date.max)
    while week <= max(of_week, default=date.min):
        row = {"week_start_on": week, **_counts(of_week.get(week, []))}
        row["is_complete"] = facts.calendar.is_complete(week, week + 7 * DAY)
        row["bookings_difference"] = row["cancel_rate_difference"] = None
        before = weeks[-1] if weeks else {"is_complete": False}
        if row["is_complete"] and before["is_complete"]:
            row["bookings_difference"] = row["bookings"] - before["bookings"]
            if None not in (row["cancel_rate"], before["cancel_rate"]):
                row["cancel_rate_difference"] = row["cancel_rate"] - before["cancel_rate"]
        weeks.append(row)
        week += 7 * DAY
    return weeks


def _booking_hours(meetings: Sequence[Row]) -> list[Row]:
    grouped = _grouped(
        ((at.isoweekday(), at.hour) if at else (None, None), row)
        for row in meetings
        for at in [row["local_start_at"]]
    )
    return [
        {"local_weekday": weekday, "local_hour": hour, **_bookings_and_rate(rows)}
        for (weekday, hour), rows in grouped.items()
    ]


def _lead_time_buckets(meetings: Sequence[Row]) -> list[Row]:
    def bucket(row: Row) -> str:
        if row["meeting_on"] is None:
            return UNKNOWN
        days = (row["meeting_on"] - row["booked_on"]).days
        limits = {1: "0-1 days", 7: "2-7 days", 21: "8-21 days"}
        return next((name for most, name in limits.items() if days <= most), "over 21 days")

    grouped = _grouped((bucket(row), row) for row in meetings)
    return [
        {"lead_time_bucket": name, **_bookings_and_rate(rows)} for name, rows in grouped.items()
    ]


def _bookings_and_rate(rows: Sequence[Row]) -> Row:
    counts = _counts(rows)
    names = ("bookings", "due_meetings", "due_canceled_meetings", "cancel_rate")
    return {name: counts[name] for name in names}


def _data_health(facts: Facts, meetings: Sequence[Row]) -> Row:
    raw, syncs, calendar = facts.raw, facts.syncs, facts.calendar
    seen = {contact["id"] for contact in raw["contacts"] if contact["is_gone"] is False}
    staff = {user_id for user_id, user in facts.users.items() if not user["is_gone"]}
    newest = syncs[-1] if syncs else {"sync_id": None, "started_at": None}
    return {
        "newest_sync_id": newest["sync_id"],
        "newest_sync_at": newest["started_at"],
        "hours_since_previous_sync": _units(syncs[-2]["started_at"], newest["started_at"], HOUR)
        if len(syncs) > 1
        else None,
        "meetings": len(meetings),
        "versions": len(raw["meeting_versions"]),
        "rejected": len(raw["rejected_meetings"]),
        "open_gaps": len(calendar.gaps),
        "complete_from_on": calendar.complete_from_on,
        "observed_from_at": syncs[0]["started_at"] if syncs else None,
        "agent_known_share": _ratio(
            sum(row["agent_id"] in staff for row in meetings), len(meetings)
        ),
        "visitor_known_share": _ratio(
            sum(row["scheduler_id"] in seen for row in meetings), len(meetings)
        ),
    }


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _takes_place(row: Row) -> bool:
    return row["meeting_state"] not in ("canceled", "delisted")


def _booked_hours(rows: Iterable[Row]) -> float:
    return _total(filter(_takes_place, rows), "duration_minutes") / 60


def _total(rows: Iterable[Row], column: str) -> float:
    return float(sum(row[column] for row in rows if row[column] is not None))


def _percentile(rows: Iterable[Row], column: str, share: float) -> float | None:
    values = sorted(row[column] for row in rows if row[column] is not None)
    if not values:
        return None
    at = share * (len(values) - 1)
    below, above = values[floor(at)], values[ceil(at)]
    return float(below + (at - floor(at)) * (above - below))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _units(start: datetime | None, end: datetime | None, unit: timedelta) -> float | None:
    return (end - start) / unit if start and end else None


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _or_unknown(value: str | None) -> str:
    return UNKNOWN if value is None else value


def _domain(email: str | None) -> str | None:
    return (email.rpartition("@")[2].lower() or None) if email and "@" in email else None
