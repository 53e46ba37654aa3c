"""Raw tables that a nasty but believable organisation would have left behind, from a seed.

Times are drawn to the second and sit on edges on purpose: midnights and Mondays of the zone in
which days are counted, exactly 24 hours before a start, exactly 14 days after a cancellation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

Row = dict[str, Any]

MS: Final = timedelta(milliseconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
VISIBLE: Final = timedelta(days=30)
END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)
IMPORT: Final = "0-20240101T000000.000000Z-00000"
WHOLE: Final = "1735689600.5"
OTHER: Final = "1735689601.25"
"""Loads: one that ended, and one that did not."""

AGENTS: Final = (101, 102, 103, 104, 105, 106, 199)  # Drift knows nothing of 106; 199 is no user
VISITORS: Final = tuple(range(5001, 5041))
ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC")
ACTIVE: Final = ("ACTIVE", "ACTIVE", "ACTIVE", "active", "PENDING", None)
CANCELED: Final = ("CANCELED", "CANCELLED", "canceled", "Cancelled")
SOURCES: Final = ("WIDGET", "LINK", "EMAIL_DROP", "UNKNOWN", None)
TYPES: Final = ("Demo", "demo", "Onboarding", None)

# How much is known: days since the first read, and days slept before the 3rd last read.
LIVES: Final = ((150, 0), (150, 45), (75, 0), (75, 33), (57, 0), (20, 0), (3, 0), (0, 0))


@dataclass
class _World:
    dice: Random
    zone: ZoneInfo
    syncs: list[Row]
    now: datetime
    oldest: datetime
    versions: list[Row] = field(default_factory=list)
    number: int = 0

    def maybe(self, share: float) -> bool:
        return self.dice.random() < share

    def midnight(self, moment: datetime, *, monday: bool = False) -> datetime:
        """The start of its day, or of its week."""
        day = moment.astimezone(self.zone).date()
        day -= timedelta(days=day.weekday()) if monday else timedelta()
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def moment(self) -> datetime:
        """When something is booked: often lately, now and then on the edge of a day or week."""
        age = (self.now - self.oldest) * self.dice.random() ** self.dice.choice((1, 2, 3))
        at = (self.now - age).replace(microsecond=self.dice.choice((0, 0, 123000)))
        if self.maybe(0.25):
            edge = self.midnight(at, monday=self.maybe(0.5))
            at = edge + self.dice.choice((-MS, timedelta(), MS))
        return at

    def start(self, booked_at: datetime) -> datetime | None:
        if self.maybe(0.06):
            return None
        days = self.dice.choice((0.05, 0.6, 1, 2, 5, 7, 8, 12, 21, 22, 35))
        at = booked_at + timedelta(days=days * self.dice.uniform(0.8, 1.2))
        at = at.replace(minute=self.dice.choice((0, 15, 30)), second=0, microsecond=0)
        if self.maybe(0.1):
            at = self.midnight(at) + self.dice.choice((-30 * MINUTE, timedelta(), -MINUTE))
        if self.maybe(0.03):
            at = self.now + self.dice.choice((timedelta(), -30 * MINUTE, MS))
        return at

    def end(self, start: datetime | None) -> datetime | None:
        lengths = (15, 30, 30, 30, 60, 90, 0, -15, None)
        length = self.dice.choice(lengths)
        return None if length is None or start is None else start + length * MINUTE

    def sync_for(self, at: datetime) -> str:
        """The read that saw a state which came about at a moment."""
        later = (sync for sync in self.syncs if sync["started_at"] >= at)
        sync = next(later, self.syncs[-1] if self.syncs else None)
        return str(sync["sync_id"]) if sync else f"{IMPORT}0"

    def meeting(self, booked_at: datetime | None = None, **fixed: Any) -> list[Row]:
        """One meeting's first state, alone in a history that `change` goes on with."""
        self.number += 1
        dice, booked_at = self.dice, booked_at or self.moment()
        start = fixed.get("slot_start", self.start(booked_at))
        zone = dice.choice((*ZONES, None, "Mars/Base"))
        first: Row = {
            "slug": f"m{self.number:04}",
            "updated_at": booked_at,
            "agent_id": dice.choice((*AGENTS, 101, 102, None)),
            "org_id": 1,
            "scheduler_id": None if self.maybe(0.08) else dice.choice(VISITORS),
            "conversation_id": None if self.maybe(0.3) else 9000 + self.number,
            "booked_by": dice.choice((None, None, 101, 105, 106, 199)),
            "event_id": None if self.maybe(0.1) else f"event-{self.number}",
            "status": dice.choice(ACTIVE),
            "meeting_source": dice.choice(SOURCES),
            "meeting_type": dice.choice(TYPES),
            "end_user_time_zone": zone,
            "meeting_notes": dice.choice((None, "Bring the numbers; 'all' of them")),
            "slot_start": start,
            "slot_end": self.end(start),
            "scheduled_at": None if self.maybe(0.08) else booked_at,
            "is_updated_at_inferred": False,
            "known_time_zone": None if zone == "Mars/Base" else zone,
            "content_hash": dice.getrandbits(62),
            "sync_id": self.sync_for(booked_at),
        }
        return [first | fixed]

    def change(self, history: list[Row], at: datetime | None = None, **changes: Any) -> None:
        """One more state of the meeting, by default some time after the newest."""
        before = history[-1]
        at = at or before["updated_at"] + self.dice.choice((MS, HOUR, DAY, 3 * DAY, 8 * DAY))
        at = max(min(at, self.now - MINUTE), before["updated_at"])
        if self.maybe(0.08):
            at = before["updated_at"]  # Drift has not said that every change raises it
        sync_id = max(self.sync_for(at), before["sync_id"])
        content = self.dice.getrandbits(62)
        if (at, sync_id) == (before["updated_at"], before["sync_id"]):
            content = before["content_hash"] + 1 + self.dice.getrandbits(40)
        history.append(
            before | changes | {"updated_at": at, "sync_id": sync_id, "content_hash": content}
        )

    def live(self, history: list[Row]) -> None:
        """Whatever may happen to a meeting."""
        for _ in range(self.dice.choice((0, 0, 1, 1, 2, 3, 5))):
            newest = history[-1]
            start = newest["slot_start"]
            kind = self.dice.choice(("move", "cancel", "cancel", "reinstate", "hand", "note"))
            if kind == "move":
                moved = self.start(newest["updated_at"])
                self.change(history, slot_start=moved, slot_end=self.end(moved))
            elif kind == "cancel":
                status = self.dice.choice(CANCELED)
                before = self.dice.choice((24 * HOUR, 24 * HOUR - MS, 24 * HOUR + MS, HOUR, -HOUR))
                at = start - before if start and self.maybe(0.5) else None
                self.change(history, at, status=status)
            elif kind == "reinstate":
                self.change(history, status=self.dice.choice(ACTIVE))
            elif kind == "hand":
                self.change(history, agent_id=self.dice.choice((*AGENTS, None)))
            else:
                self.change(history, meeting_notes="Moved to the small room")
        self.versions += history


def invent(seed: int, time_zone: str) -> dict[str, list[Row]]:
    """The raw tables by their names. Every life of `LIVES` is met by eight seeds in a row."""
    dice, zone = Random(seed), ZoneInfo(time_zone)
    days, sleep = LIVES[seed % len(LIVES)]
    # Some days after the clocks changed, in the north or in the south.
    now = datetime(2025, dice.choice((4, 10, 11)), dice.randint(3, 27), tzinfo=UTC)
    now += timedelta(seconds=dice.randint(0, 86_399))
    syncs = _syncs(dice, now, days, sleep)
    oldest = now - timedelta(days=days + 40)
    world = _World(dice, zone, syncs, now, oldest)
    for _ in range(90):
        world.live(world.meeting())
    _book_again(world)
    _fill_calendars(world)
    _import(world)
    if not syncs:
        for version in world.versions:
            version["sync_id"] = f"{IMPORT}{dice.randint(0, 2)}"
    brought = {str(version["sync_id"]) for version in world.versions}
    raw: dict[str, list[Row]] = {
        "meeting_versions": dice.sample(world.versions, len(world.versions)),
        "meeting_listings": dice.sample(listings := _listings(world), len(listings)),
        "syncs": dice.sample(syncs, len(syncs)),
        "imports": [
            {"sync_id": sync_id, "_dlt_load_id": WHOLE}
            for sync_id in sorted(brought - {sync["sync_id"] for sync in syncs})
        ],
        "attributes": [],
        "_dlt_loads": [{"load_id": WHOLE, "status": 0}, {"load_id": OTHER, "status": 1}],
        "rejected_meetings": [
            {
                "record_id": f"r{number}",
                "slug": None,
                "raw_json": "[]",
                "reason": "it is no object",
                "sync_id": syncs[0]["sync_id"] if syncs else f"{IMPORT}0",
            }
            for number in range(seed % 3)
        ],
        **_people(world),
    }
    _break_off(raw, dice)
    return raw


def _break_off(raw: dict[str, list[Row]], dice: Random) -> None:
    """What two loads left behind that did not end: of a read and of an import."""
    newest = max((sync["sync_id"] for sync in raw["syncs"]), default="2025")
    for load, sync_id in ((None, f"{newest}-broken"), (OTHER, f"{IMPORT}9")):
        for version in dice.sample(raw["meeting_versions"], 5):
            later = version["updated_at"] + DAY
            broken = {"updated_at": later, "sync_id": sync_id, "status": "CANCELED"}
            raw["meeting_versions"] += [version | broken, version | broken | {"slug": "never"}]
        raw["meeting_listings"] += [
            row | {"sync_id": sync_id, "is_listed": not row["is_listed"]}
            for row in raw["meeting_listings"][:5]
        ]
        raw["rejected_meetings"].append({"record_id": sync_id, "sync_id": sync_id})
        if load:  # its rows are there, and the load is not marked as done
            raw["imports"].append({"sync_id": sync_id, "_dlt_load_id": load})
        raw["syncs"] += [
            sync | {"sync_id": sync_id, "_dlt_load_id": load or "never"}
            for sync in raw["syncs"][:1]
            if not load
        ]


def _syncs(dice: Random, now: datetime, days: int, sleep: int) -> list[Row]:
    """Reads up to now, none in a life of 0 days. A gap where more than 30 days lay between two."""
    starts = [now] if days else []
    while starts and now - starts[-1] < timedelta(days=days):
        pause = timedelta(days=sleep) if sleep and len(starts) == 3 else dice.uniform(0.5, 3) * DAY
        starts.append((starts[-1] - pause).replace(microsecond=0))
    rows: list[Row] = []
    for started_at in reversed(starts):
        finished_at = started_at + timedelta(seconds=dice.randint(1, 60))
        window_from = finished_at - VISIBLE
        before = rows[-1]["started_at"] if rows else None
        slept = before is not None and before < window_from
        rows.append(
            {
                "sync_id": started_at.strftime("%Y%m%dT%H%M%S.%fZ"),
                "started_at": started_at,
                "finished_at": finished_at,
                "window_from": window_from,
                "window_to": END_OF_TIME,
                "requests": 3,
                "meetings_seen": 100,
                "versions_added": 10,
                "rejected": 0,
                "gap_from": before if slept else None,
                "gap_to": window_from if slept else None,
                "_dlt_load_id": WHOLE,
            }
        )
    return rows


def _book_again(world: _World) -> None:
    """Visitors who cancel, and book another meeting just before, then, and just after."""
    offsets = (-MINUTE, timedelta(), MINUTE, 14 * DAY, 14 * DAY + MS, -HOUR)
    for visitor, offset in enumerate(offsets * 2, start=5101):
        canceled_at = world.now - world.dice.uniform(15, 25) * DAY
        booked_at = canceled_at - 5 * DAY
        lost = world.meeting(booked_at, scheduler_id=visitor, status="ACTIVE")
        lost.append(
            lost[0]
            | {
                "status": "CANCELED",
                "updated_at": canceled_at,
                "sync_id": max(world.sync_for(canceled_at), lost[0]["sync_id"]),
                "content_hash": 7,
            }
        )
        world.versions += lost
        again = canceled_at + offset
        world.live(world.meeting(again, scheduler_id=visitor, scheduled_at=again))


def _fill_calendars(world: _World) -> None:
    """Agents' meetings back to back, over a minute, at one moment, across midnight, and now."""
    for agent_id in (101, 103):
        days = [
            world.now + world.dice.randint(*span) * DAY for span in ((-20, -1), (1, 4), (5, 10))
        ]
        starts = [world.midnight(day) - world.dice.choice((20, 45, 480)) * MINUTE for day in days]
        for start in (*starts, world.now - world.dice.choice((30, 29, 45)) * MINUTE):
            at = start
            for gap in world.dice.sample((0, -1, -30, 5, -29), 4):
                booked_at = min(at, world.now) - 2 * DAY
                slot = {"slot_start": at, "slot_end": at + 30 * MINUTE}
                history = world.meeting(booked_at, agent_id=agent_id, status="ACTIVE", **slot)
                world.versions += history
                if world.maybe(0.2):
                    world.versions.append(
                        history[0]
                        | {"status": "CANCELED", "updated_at": booked_at + HOUR, "content_hash": 1}
                    )
                at += (30 + gap) * MINUTE


def _import(world: _World) -> None:
    """Meetings from files: states older than any read's, some of which a read has gone on with."""
    for number in range(24):
        booked_at = world.oldest - world.dice.uniform(-30, 30) * DAY
        if world.maybe(0.3):
            booked_at = world.moment()
        history = world.meeting(min(booked_at, world.now - HOUR), sync_id=f"{IMPORT}{number % 3}")
        if number == 0:  # a file had neither time
            epoch = datetime(1970, 1, 1, tzinfo=UTC)
            history[0] |= {"updated_at": epoch, "scheduled_at": None}
            history[0]["is_updated_at_inferred"] = True
        read_on = world.maybe(0.4)
        world.live(history)
        if not read_on:
            for version in history:
                version["sync_id"] = f"{IMPORT}{number % 3}"


def _listings(world: _World) -> list[Row]:
    """How each read's list differs: all in sight, but for meetings that vanish for some time.

    A few are read and never listed, and some that are known from files alone are listed too.
    """
    vanishing: dict[str, tuple[int, int]] = {}
    histories: dict[str, list[Row]] = {}
    for version in _in_order(world.versions):
        histories.setdefault(version["slug"], []).append(version)
    for slug, history in histories.items():
        is_imported = all(version["sync_id"] < "1" for version in history)
        if world.maybe(0.5 if is_imported else 0.02):
            vanishing[slug] = (0, len(world.syncs))
        elif world.syncs and world.maybe(0.15):
            first = world.dice.randrange(len(world.syncs))
            vanishing[slug] = (first, first + world.dice.choice((1, 5, 1000)))
    before: set[str] = set()
    log: list[Row] = []
    for number, sync in enumerate(world.syncs):
        listed = set()
        for slug, history in histories.items():
            seen = [version for version in history if version["sync_id"] <= sync["sync_id"]]
            first, last = vanishing.get(slug, (0, 0))
            if not seen or first <= number < last or seen[0]["updated_at"] > sync["started_at"]:
                continue
            start = seen[-1]["slot_start"]
            if start is None or start >= sync["window_from"]:
                listed.add(slug)
        log += [
            {"slug": slug, "sync_id": sync["sync_id"], "is_listed": slug in listed}
            for slug in sorted(before ^ listed)
        ]
        before = listed
    return log


def _in_order(versions: Iterable[Row]) -> list[Row]:
    return sorted(versions, key=lambda v: (v["updated_at"], v["sync_id"], v["content_hash"]))


def _people(world: _World) -> dict[str, list[Row]]:
    """Users, teams, contacts, conversations and playbooks, each with holes."""
    read_at = world.syncs[-1]["started_at"] if world.syncs else world.now
    users: list[Row] = [
        _user(101, "Ada", time_zone="Pacific/Auckland", known_time_zone="Pacific/Auckland"),
        _user(102, "Bo", email=None, time_zone="Mars/Base", known_time_zone=None),
        _user(103, None, email="nameless@example.com"),
        _user(104, "Dee", is_current=False, created_at=None),
        _user(105, "Eve", time_zone=None, known_time_zone=None),
        _user(106, None, is_current=False, is_gone=True)
        | dict.fromkeys(("email", "time_zone", "known_time_zone", "created_at")),
        _user(107, "Never booked"),
    ]
    teams = [
        {"id": number, "org_id": 1, "name": name, "is_current": is_current}
        for number, name, is_current in (
            (1, "West", True),
            (2, "East", True),
            (3, None, True),
            (4, "Dissolved", False),
            (5, "Nobody's", True),
        )
    ]
    members = [
        {"team_id": team, "user_id": user, "is_current": is_current}
        for team, user, is_current in (
            (1, 101, True),
            (2, 101, True),
            (1, 102, True),
            (2, 103, False),
            (3, 103, True),
            (2, 104, True),
            (4, 105, False),
            (1, 199, True),
            (1, 107, True),
        )
    ]
    addresses: Sequence[str | None] = (
        "ann@Example.COM",
        "bob@sub.example.org",
        "hashed:" + "0a" * 32,
        None,
        '"odd@local"@Example.net',
        "no address",
    )
    schedulers = sorted({v["scheduler_id"] for v in world.versions} - {None})
    contacts = [
        {
            "id": visitor,
            "email": None if visitor % 11 == 0 else addresses[visitor % len(addresses)],
            "company": (None, "Initech", "Globex")[visitor % 3] if visitor % 11 else None,
            "is_gone": None if visitor % 5 == 0 else visitor % 11 == 0,
            "read_at": read_at,
        }
        for visitor in schedulers
        if visitor % 7
    ]
    booked = {v["conversation_id"]: v["updated_at"] for v in reversed(_in_order(world.versions))}
    conversations: list[Row] = []
    for number, booked_at in booked.items():
        if number is None or number % 5 == 0:
            continue
        is_gone = number % 13 == 0
        began_at = booked_at - world.dice.choice((-5, 0, 1, 7.5, 90, 3000)) * MINUTE
        conversations.append(
            {
                "id": number,
                "playbook_id": None if is_gone else world.dice.choice((None, *"123", "x-4")),
                "created_at": None if is_gone or number % 17 == 0 else began_at,
                "is_gone": is_gone,
                "read_at": read_at,
            }
        )
    playbooks = [
        {"id": 1, "name": "Pricing page", "is_current": True},
        {"id": 2, "name": "Old campaign", "is_current": False},
        {"id": 4, "name": "Unused", "is_current": True},
    ]
    return {
        "users": users,
        "teams": teams,
        "team_members": members,
        "contacts": contacts,
        "conversations": conversations,
        "playbooks": playbooks,
    }


def _user(number: int, name: str | None, **fixed: Any) -> Row:
    return {
        "id": number,
        "org_id": 1,
        "name": name,
        "alias": f"Agent {number}",
        "email": f"{number}@example.com",
        "time_zone": "Europe/Berlin",
        "known_time_zone": "Europe/Berlin",
        "created_at": datetime(2024, 1, number % 28 + 1, 9, tzinfo=UTC),
        "is_current": True,
        "is_gone": False,
    } | fixed
