"""Drift's API: its limits, the attributes of a meeting, the endpoints that are read, and how they
fail.

`README.md` says how each is known, and has each endpoint's page in Drift's documentation.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

BASE_URL: Final = "https://driftapi.com"

LIMIT: Final = 1000
"""Rows asked for, and the most that Drift puts into one answer. Left out, it is 100."""

VISIBLE_DAYS: Final = 30
"""Drift answers with meetings that took place up to this many days ago."""

LIKELY_AHEAD_DAYS: Final = 366
"""Most bookings lie within a year; halving starts there, and its last window still reaches to the
end of time."""

FAR_MS: Final = 15_000_000_000_000
"""2445, the end of every read: a bound that was seen in public clients."""

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


@dataclass(frozen=True)
class Endpoint:
    """One request, which reads. `{id}` in a path is the id of what is asked for."""

    path: str
    scope: str | None = None
    """The scope that a token needs, where it is documented."""
    method: Literal["GET", "POST"] = "GET"
    """POST for a report alone: its query is the body."""


MEETINGS: Final = Endpoint("/users/meetings/org", "user_read")
USERS: Final = Endpoint("/users/list", "user_read")
SOME_USERS: Final = Endpoint("/users", "user_read")
TEAMS: Final = Endpoint("/teams/org")
CONTACT: Final = Endpoint("/contacts/{id}", "contact_read")
CONVERSATION: Final = Endpoint("/conversations/{id}", "conversation_read")
CONVERSATION_REPORT: Final = Endpoint("/reports/conversations", "conversation_read", "POST")
PLAYBOOKS: Final = Endpoint("/playbooks/list", "playbook_read")


# --- what can go wrong, in sentences for the person who runs the pipeline


class DriftError(Exception):
    """The source could not do its work. The message is one sentence, or a few."""

    exit_code: ClassVar[int] = 1
    """What a command that ends by this error should exit with."""


class RefusedError(DriftError):
    """Drift refused the request itself: asking again cannot help."""


class ForbiddenError(RefusedError):
    """Drift refused the token, or the token lacks a scope.

    `refusal` says so without naming the scope.
    """

    def __init__(self, refusal: str, scope: str | None = None) -> None:
        self.refusal = refusal
        super().__init__(f"{refusal} It needs the scope {scope}." if scope else refusal)


class GoneError(RefusedError):
    """Drift has nothing at that address any more."""


class OutOfTimeError(DriftError):
    """The time is over that was set for some requests."""
