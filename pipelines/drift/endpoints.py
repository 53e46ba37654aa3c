"""The endpoints of Drift's API that are read: one description each.

The client takes paths and scopes from here; `README.md` has the same lines, and a test compares.
"""

from dataclasses import dataclass
from typing import Final, Literal

PAGES: Final = "https://devdocs.drift.com/docs/"


@dataclass(frozen=True)
class Endpoint:
    """One request, which reads. `{id}` in a path is the id of what is asked for."""

    path: str
    tables: tuple[str, ...]
    """The raw tables made of its answers."""
    how_known: Literal["documented", "seen"]
    """In Drift's documentation, or in public client code alone."""
    scope: str | None = None
    """The scope that a token needs, where it is documented."""
    page: str = ""
    """The name of its page in Drift's developer documentation."""
    method: Literal["GET", "POST"] = "GET"
    """POST for a report alone: its query is the body."""

    @property
    def documentation(self) -> str:
        """The address of that page."""
        return PAGES + self.page


MEETINGS: Final = Endpoint(
    "/users/meetings/org",
    ("meeting_versions", "listed_meetings", "unlisted_meetings", "rejected_meetings", "syncs"),
    "documented",
    "user_read",
    "get-booked-meetings",
)
USERS: Final = Endpoint("/users/list", ("users",), "seen", "user_read", "listing-users")
SOME_USERS: Final = Endpoint("/users", ("users",), "documented", "user_read", "retrieving-user")
TEAMS: Final = Endpoint("/teams/org", ("teams", "team_members"), "seen", None, "listing-teams-org")
CONTACT: Final = Endpoint(
    "/contacts/{id}", ("contacts",), "documented", "contact_read", "retrieving-contact"
)
CONVERSATION: Final = Endpoint(
    "/conversations/{id}",
    ("conversations",),
    "documented",
    "conversation_read",
    "retrieve-a-conversation",
)
CONVERSATION_REPORT: Final = Endpoint(
    "/reports/conversations",
    ("conversations",),
    "documented",
    "conversation_read",
    "conversation-reporting",
    "POST",
)
PLAYBOOKS: Final = Endpoint(
    "/playbooks/list", ("playbooks",), "documented", "playbook_read", "get-playbooks"
)
ALL: Final = (
    MEETINGS,
    USERS,
    SOME_USERS,
    TEAMS,
    CONTACT,
    CONVERSATION_REPORT,
    CONVERSATION,
    PLAYBOOKS,
)
