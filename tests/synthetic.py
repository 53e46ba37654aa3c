"""Plain meetings for the benchmark and for tests that need many."""

import random
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from fake_drift.organisation import (
    AGENTS,
    DAY,
    HOUR,
    HOURS_OPEN,
    MINUTE,
    MINUTES,
    NOTES,
    OPENS,
    ORG_ID,
    QUARTER,
    SOURCES,
    STAFF,
    TYPES,
    Meeting,
    milliseconds,
)

Shape = Literal["uniform", "peak", "office"]


def synthetic_meetings(
    count: int, shape: Shape, now: datetime, seed: str = "benchmark"
) -> list[Meeting]:
    """`count` plain meetings for a benchmark, one version each, in no order of time.

    Slots lie from 30 days before `now` to 60 days after it: evenly (`uniform`), 95 % of them within
    three days (`peak`), or on quarter hours of the agents' working days (`office`). The first hour
    of the 30 days stays empty, so that none drops out while a benchmark runs.
    `updatedAt` lies within the 60 days before `now`. Notes are absent from one in four. Each has an
    attribute that nobody documented and a calendar's id of many digits, as Drift's own have.
    """
    dice = random.Random(f"{seed}:{shape}").random  # the cheapest die: a million meetings wait
    now_ms = milliseconds(now)
    first, span = now_ms - 30 * DAY + HOUR, 90 * DAY - HOUR
    office = {zone: _office_starts(zone, first, first + span) for zone in STAFF}

    def meeting(number: int) -> Meeting:
        agent = AGENTS[int(dice() * len(AGENTS))]
        minutes = MINUTES[number % len(MINUTES)]
        if shape == "office":
            choices = office[agent.time_zone]
            starts = choices[int(dice() * len(choices))]
        elif shape == "peak" and dice() < 0.95:
            starts = now_ms + DAY + int(dice() * 3 * DAY)
        else:
            starts = first + int(dice() * span)
        updated = now_ms - int(dice() * 60 * DAY)
        made: Meeting = {
            "agentId": agent.id,
            "orgId": ORG_ID,
            "status": "CANCELED" if dice() < 0.14 else "ACTIVE",
            "meetingSource": SOURCES[number % len(SOURCES)],
            "schedulerId": 9_000_000_000 + int(dice() * count * 0.85),  # some come twice
            "eventId": f"{number:026d}",
            "slug": f"mtg-{number:08x}",
            "slotStart": starts,
            "slotEnd": starts + minutes * MINUTE,
            "updatedAt": updated,
            "scheduledAt": updated - int(dice() * 10 * DAY),
            "meetingType": TYPES[number % len(TYPES)],
            "conversationId": 4_000_000_000 + number,
            "endUserTimeZone": agent.time_zone,
            "bookedBy": agent.id,
            "conferenceType": "ZOOM",
        }
        if number % 4:
            made["meetingNotes"] = NOTES[number % len(NOTES)]
        return made

    return [meeting(number) for number in range(count)]


def _office_starts(zone: str, first: int, end: int) -> list[int]:
    """Every quarter hour of the working days of a zone within [first, end), in epoch ms."""
    day = datetime.fromtimestamp(first / 1_000, ZoneInfo(zone)).replace(
        hour=OPENS, minute=0, second=0, microsecond=0
    )
    working_days = [d for d in (day + timedelta(days=n) for n in range(92)) if d.weekday() < 5]
    quarters = [timedelta(minutes=QUARTER * n) for n in range(HOURS_OPEN * 60 // QUARTER)]
    starts = [milliseconds(day + quarter) for day in working_days for quarter in quarters]
    return [start for start in starts if first <= start < end]
