"""What the source takes for granted about Drift: limits, the attributes of a meeting, and why.

`README.md` beside this file says how each of these facts is known.
"""

from typing import Final

import pyarrow as pa

SCOPES: Final = {
    "users": "user_read",
    "contacts": "contact_read",
    "conversations": "conversation_read",
}
"""The scope that a token needs, by a path's first part; named when Drift refuses a token. Which one
`/teams/org` needs is not documented."""


def scope_of(path: str) -> str | None:
    """The scope that a token needs for a path, where it is known."""
    return SCOPES.get(path.split("/")[1])


MEETINGS_PATH: Final = "/users/meetings/org"
USERS_PATH: Final = "/users/list"
SOME_USERS_PATH: Final = "/users"
TEAMS_PATH: Final = "/teams/org"

USERS_AT_ONCE: Final = 20
"""The most users that one request may ask for by their ids."""

LIMIT: Final = 1000
"""Rows asked for, and the most that Drift puts into one answer. Left out, it is 100."""

ROUND: Final = 50
"""An answer whose length is a multiple of this may have been cut by a cap nobody wrote down (the
default limit of 100 among them): such caps are round numbers, and asking again is cheap."""

DEFAULT_LIMIT: Final = 100
"""Drift's own limit where `limit` is left out, or is not honoured."""

VISIBLE_DAYS: Final = 30
"""Drift answers with meetings that took place up to this many days ago."""

LAST_MS: Final = 253_402_214_400_000
"""9999-12-31, the end of every read: no meeting can lie beyond it and come into view later."""

LIKELY_AHEAD_DAYS: Final = 366
"""Most bookings lie within a year; halving starts there, and its last window still reaches to the
end of time."""

TIME_MIN_MS: Final = -62_135_596_800_000
TIME_MAX_MS: Final = 253_402_300_799_999
"""Years 1 to 9999: what a timestamp holds on every destination."""

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
"""The sixteen documented attributes. Each of them, the slug apart, may be absent."""

UTC_TIME: Final = pa.timestamp("us", tz="UTC")

OWN_COLUMNS: Final = (
    "is_updated_at_inferred",
    "known_time_zone",
    "content_hash",
    "sync_id",
)
"""What the source adds to a version; an undocumented attribute of that name gets another."""
