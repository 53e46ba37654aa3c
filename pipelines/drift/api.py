"""Drift's API: its limits, and the attributes of a meeting. `README.md` says how each is known."""

from typing import Final

BASE_URL: Final = "https://driftapi.com"

LIMIT: Final = 1000
"""Rows asked for, and the most that Drift puts into one answer. Left out, it is 100."""

ROUND: Final = 50
"""An answer whose length is a multiple of this may have been cut by a cap nobody wrote down (the
default limit of 100 among them), even where an earlier read has seen longer ones."""

SMALLEST_CAP: Final = 10
"""The shortest answer that may have been cut. A first read asks again for longer ones alone."""

DEFAULT_LIMIT: Final = 100
"""Drift's own limit where `limit` is left out, or is not honoured."""

VISIBLE_DAYS: Final = 30
"""Drift answers with meetings that took place up to this many days ago."""

LIKELY_AHEAD_DAYS: Final = 366
"""Most bookings lie within a year; halving starts there, and its last window still reaches to the
end of time."""

LAST_MS: Final = 253_402_214_400_000
"""9999-12-31, the end of every read: no meeting can lie beyond it and come into view later."""

FAR_MS: Final = 15_000_000_000_000
"""2445: the farthest bound that was seen in public clients, should 9999 be refused."""

SPANS_DAYS: Final = (360, 89, 29)
"""How many days are asked for at once, should longer spans be refused: a year, 90 days, a month."""

AHEAD_DAYS: Final = 731
"""How far ahead is read then: what lies beyond comes into view later, and is not lost."""

USERS_AT_ONCE: Final = 20
"""The most users that one request may ask for by their ids."""

ID_ATTRIBUTES: Final = ("agentId", "orgId", "schedulerId", "conversationId", "bookedBy")
TIME_ATTRIBUTES: Final = ("slotStart", "slotEnd", "updatedAt", "scheduledAt")
TEXT_ATTRIBUTES: Final = (
    "slug",
    "eventId",
    "status",
    "meetingSource",
    "meetingType",
    "endUserTimeZone",
    "meetingNotes",
)
ATTRIBUTES: Final = (*ID_ATTRIBUTES, *TEXT_ATTRIBUTES, *TIME_ATTRIBUTES)
"""The sixteen documented attributes of a meeting. Each of them, the slug apart, may be absent."""
