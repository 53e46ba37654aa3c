"""A believable, plainly synthetic organisation: its agents, and the meetings people book with them.

Everything follows from a seed: the same seed gives the same bytes in every process. Records carry
the documented attributes of a meeting (reference: Drift's meeting-model page); an unset one is
absent. Ids, times and notes are invented; no person stands behind any of them.
"""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

Meeting = dict[str, object]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # epoch milliseconds, as everywhere in Drift
ORG_ID = 100_001
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The longest way from a booking to the day its slot leaves Drift's 30 days: 46 days of lead, two
# moves of 8, a weekend after each, the 30 days themselves. Older bookings can no longer be served.
REACH = timedelta(days=110)


@dataclass(frozen=True)
class Agent:
    """One who takes meetings, Monday to Friday, 9 to 17 o'clock in their own zone."""

    id: int
    time_zone: str
    busy: int
    """Meetings in a usual day."""
    cancels: float
    """The share of these that visitors cancel."""
    saturdays: bool
    """Whether there are a few on Saturdays too."""

    def works_on(self, day: date) -> bool:
        return day.weekday() < 5 + self.saturdays


STAFF = {
    "America/New_York": 7,
    "America/Chicago": 4,
    "America/Los_Angeles": 5,
    "Europe/London": 5,
    "Europe/Berlin": 3,
}
AGENTS = tuple(
    Agent(
        2_000_001 + number, zone, 8 - number % 4, 0.32 if number % 9 == 4 else 0.13, not number % 6
    )
    for number, zone in enumerate(chain.from_iterable([z] * n for z, n in STAFF.items()))
)
OPENS, HOURS_OPEN, QUARTER = 9, 8, 15

_REGULARS = 300  # visitors who come back
_LEAD = 40  # days
MINUTES = (15, 30, 30, 30, 45, 60)
SOURCES = ("WIDGET", "WIDGET", "WIDGET", "EMAIL_DROP", "EMAIL_DROP", "LINK", "LINK", "PLAYBOOK")
_CHAT_SOURCES = ("WIDGET", "PLAYBOOK")  # those in which a conversation came first
TYPES = ("New Meeting",) * 3 + ("Follow Up",) * 2 + ("Product Demo",) * 2 + ("Onboarding Call",)
_FAR_ZONES = ("Europe/Paris", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo", "Asia/Tokyo")
NOTES = (
    "Would like to see the reporting.",
    "Comparing three vendors, decision this quarter.",
    "Please keep it short.",
    "Question about seats and billing.",
    "Second call, the whole team joins.",
    "Voir la démo en français si possible.",
)


@dataclass(frozen=True)
class Organisation:
    """Two dozen agents and the meetings booked with them.

    An agent's day is laid out first, without two meetings at once, and each of its meetings gets
    the moment of its booking, mostly on a working day. Later some are moved, canceled, reinstated,
    reassigned, or get other notes, each change raising `updatedAt`. Two that are moved to the same
    hour are the few conflicts. On `first_day` about 4,700 meetings lie within Drift's 30 days past
    or in the future.
    """

    seed: str = "demo"
    first_day: datetime = datetime(2026, 6, 1, 8, tzinfo=UTC)

    def day(self, number: int) -> datetime:
        """The moment, in UTC, at which day `number` is looked at; day 0 is `first_day`."""
        return self.first_day + timedelta(days=number)

    def meetings_at(self, now: datetime) -> list[Meeting]:
        """Every meeting booked in the `REACH` before `now`, each as it was known at `now`.

        Not filtered to Drift's 30 days: that is the server's part. The list is the same object
        for the same moment (a server renders it once), so copy it before changing it.
        `now` must carry a time zone.
        """
        return _known_at(self.seed, now.astimezone(UTC))


@lru_cache(maxsize=4)
def _known_at(seed: str, now: datetime) -> list[Meeting]:
    first, last = milliseconds(datetime.combine(now - REACH, time(), UTC)), milliseconds(now)
    days = (now.date() + timedelta(days=n) for n in range(-REACH.days, _LEAD + 7))
    lives = chain.from_iterable(_first_planned_on(seed, day) for day in days)
    known = ([s for moment, s in life if moment <= last] for life in lives if life[0][0] >= first)
    return [states[-1] for states in known if states]


Life = list[tuple[int, Meeting]]  # a meeting's versions, oldest first, each with its updatedAt


@lru_cache(maxsize=1_000)
def _first_planned_on(seed: str, day: date) -> list[Life]:
    """The lives of the meetings that were booked for one day, from dice of that day's own."""
    dice = random.Random(f"{seed}:{day}")
    return [
        _life(dice, seed, day, agent, number, quarter, minutes)
        for agent in AGENTS
        for number, (quarter, minutes) in enumerate(_planned(seed, agent, day))
    ]


@lru_cache(maxsize=10_000)
def _planned(seed: str, agent: Agent, day: date) -> list[tuple[int, int]]:
    """An agent's day as it was booked: quarter hours from opening to a start, and minutes."""
    if not agent.works_on(day):
        return []
    dice = random.Random(f"{seed}:{day}:{agent.id}")
    usual = agent.busy if day.weekday() < 5 else 1
    lengths = [dice.choice(MINUTES) // QUARTER for _ in range(usual + dice.randint(-1, 1))]
    pauses = sorted(dice.randint(0, HOURS_OPEN * 4 - sum(lengths)) for _ in lengths)
    return [
        (pause + sum(lengths[:number]), length * QUARTER)
        for number, (pause, length) in enumerate(zip(pauses, lengths, strict=True))
    ]


def _is_free(seed: str, agent: Agent, day: date, quarter: int, minutes: int) -> bool:
    """Whether nothing was booked for that time, whatever has been moved to it since."""
    end = quarter + minutes // QUARTER
    return agent.works_on(day) and all(
        end <= start or start + length // QUARTER <= quarter
        for start, length in _planned(seed, agent, day)
    )


def _life(
    dice: random.Random,
    seed: str,
    day: date,
    agent: Agent,
    number: int,
    quarter: int,
    minutes: int,
) -> Life:
    key = (day.toordinal() * 100 + AGENTS.index(agent)) * 10 + number
    starts = _start(agent, day, quarter)
    booked = _booking(dice, day, starts)
    source = _maybe(dice, 0.95, dice.choice(SOURCES))
    visitor = dice.randrange(_REGULARS) if dice.random() < 0.18 else key
    visitor_zone = agent.time_zone if dice.random() < 0.7 else dice.choice(_FAR_ZONES)
    state: Meeting = {
        "agentId": _maybe(dice, 0.98, agent.id),
        "orgId": ORG_ID,
        "status": "ACTIVE",
        "meetingSource": source,
        "schedulerId": 9_000_000_000 + visitor,
        "eventId": _maybe(dice, 0.97, f"evt_{dice.getrandbits(64):016x}"),
        "slug": _slug(key),
        "slotStart": starts,
        "slotEnd": starts + minutes * MINUTE,
        "updatedAt": booked,
        "scheduledAt": booked,
        "meetingType": _maybe(dice, 0.93, dice.choice(TYPES)),
        "conversationId": 4_000_000_000 + key if source in _CHAT_SOURCES else None,
        "endUserTimeZone": _maybe(dice, 0.92, visitor_zone),
        "meetingNotes": _maybe(dice, 0.4, dice.choice(NOTES)),
        "bookedBy": _maybe(dice, 0.15, dice.choice(AGENTS).id),
        "conferenceType": "ZOOM" if number % 3 else "GOOGLE_MEET",  # seen, and documented nowhere
    }
    life = [(booked, {name: value for name, value in state.items() if value is not None})]

    def change(moment: int, **changes: object) -> None:
        life.append((moment, {**life[-1][1], **changes, "updatedAt": moment}))

    def some_time() -> int:
        """A moment between the last change and the slot."""
        last = life[-1][0]
        return last + 1 + int(dice.random() * max(0, starts - last - 1))

    if dice.random() < 0.06:
        change(some_time(), meetingNotes=dice.choice(NOTES))
    if dice.random() < 0.06:  # to a colleague in the same zone, so that the hours still fit
        free = [
            one
            for one in AGENTS
            if one.time_zone == agent.time_zone and _is_free(seed, one, day, quarter, minutes)
        ]
        if free:
            agent = dice.choice(free)
            change(some_time(), agentId=agent.id)
    for _ in range(2):
        if dice.random() < 0.09:
            moved_at = some_time()
            earliest = moved_at + 2 * HOUR + int(dice.random() * 8 * DAY)
            starts = _open_slot(dice, seed, agent, earliest, minutes)
            change(moved_at, slotStart=starts, slotEnd=starts + minutes * MINUTE)
    if dice.random() < agent.cancels:
        moment = some_time()
        if dice.random() < 0.3:  # late, on the last day
            moment = max(life[-1][0] + 1, starts - dice.randint(5 * MINUTE, DAY))
        change(moment, status="CANCELED")
        if dice.random() < 0.05:
            change(some_time(), status="ACTIVE")
    return life


def _booking(dice: random.Random, day: date, starts: int) -> int:
    """When a meeting was booked: half of them within 10 days, and few on a weekend."""
    booked_on = day - timedelta(days=int(_LEAD * dice.random() ** 2))
    if booked_on.weekday() >= 5 and dice.random() < 0.9:
        booked_on -= timedelta(days=booked_on.weekday() - dice.randrange(5))
    booked = milliseconds(datetime.combine(booked_on, time(), UTC))
    booked += int(dice.triangular(0, DAY - 1, 15 * HOUR))  # most visitors come in the afternoon
    return min(booked, starts - 2 * HOUR - int(dice.random() * 4 * HOUR))


def _maybe(dice: random.Random, share: float, value: object) -> object:
    return value if dice.random() < share else None


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _slug(key: int) -> str:
    """A short id that does not count up; no two keys below 2**32 share one (odd multiplier)."""
    digits, rest = "", key * 0x9E37_79B1 % 2**32
    while rest:
        rest, digit = divmod(rest, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return f"mtg-{digits:0>7}"


def _start(agent: Agent, day: date, quarter: int) -> int:
    opens = datetime.combine(day, time(OPENS), ZoneInfo(agent.time_zone))
    return milliseconds(opens) + quarter * QUARTER * MINUTE


def _open_slot(dice: random.Random, seed: str, agent: Agent, earliest: int, minutes: int) -> int:
    """A start on a quarter hour of the agent's first working day with room from `earliest` on."""
    local = datetime.fromtimestamp(earliest / 1_000, ZoneInfo(agent.time_zone))
    day = local.date()
    first = max(0, ((local.hour - OPENS) * 60 + local.minute) // QUARTER + 1)
    while True:
        if not agent.works_on(day):  # a weekend: some day of the week after
            day, first = day + timedelta(days=7 - day.weekday() + dice.randrange(5)), 0
        quarters = range(first, (HOURS_OPEN * 60 - minutes) // QUARTER + 1)
        if free := [q for q in quarters if _is_free(seed, agent, day, q, minutes)]:
            return _start(agent, day, dice.choice(free))
        day, first = day + timedelta(days=1), 0
