"""The records that the organisation's meetings name.

They are plainly made up: names say that they are examples, addresses end in .example or
example.com. They follow from the ids alone, but for when a conversation began.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, cast

from fake_drift.organisation import AGENTS, MINUTE, ORG_ID, Meeting
from fake_drift.server import People, Person

CREATED: Final = 1_735_689_600_000  # 2025-01-01: when the organisation began
TEAM_NAMES: Final = {
    "America/New_York": "US East",
    "America/Chicago": "US Central",
    "America/Los_Angeles": "US West",
    "Europe/London": "UK",
    "Europe/Berlin": "Germany",
}
PLAYBOOK_NAMES: Final = ("Book a demo", "Pricing page", "Fast lane", "Webinar follow-up")
FIRST_PLAYBOOK: Final = 60_001
COMPANIES: Final = 400


def people_of(meetings: Sequence[Meeting]) -> People:
    """The organisation's agents, their teams, and the visitors behind these meetings."""

    @cache  # built when somebody asks
    def conversations() -> dict[int, Person]:
        began = {
            cast(int, one["conversationId"]): one for one in meetings if "conversationId" in one
        }
        return {number: _conversation(number, booked) for number, booked in began.items()}

    return People(
        users=[_user(number, agent.id, agent.time_zone) for number, agent in enumerate(AGENTS, 1)],
        teams=_teams(),
        playbooks=[
            _playbook(number, name) for number, name in enumerate(PLAYBOOK_NAMES, FIRST_PLAYBOOK)
        ],
        contact=_contact,
        conversation=lambda number: conversations().get(number),
        conversations=lambda: list(conversations().values()),
    )


def _user(number: int, user: int, time_zone: str) -> Person:
    return {
        "id": user,
        "orgId": ORG_ID,
        "name": f"Agent {number} Example",
        "alias": f"Agent {number}",
        "email": f"agent-{number}@example.com",
        "locale": "en-US",
        "availability": "AVAILABLE" if number % 3 else "OFFLINE",
        "role": "admin" if number == 1 else "agent",
        "timeZone": time_zone,
        "verified": True,
        "bot": False,
        "createdAt": CREATED + number * MINUTE,
        "updatedAt": CREATED + number * MINUTE,
    }


def _teams() -> list[Person]:
    """A team for each zone, and one across them; the last agent of all is in none."""
    members = {
        name: [a.id for a in AGENTS[:-1] if a.time_zone == z] for z, name in TEAM_NAMES.items()
    }
    members["Enterprise"] = [agent.id for agent in AGENTS[:-1:4]]
    return [
        {
            "id": 300_001 + number,
            "orgId": ORG_ID,
            "workspaceId": 1,
            "name": name,
            "updatedAt": CREATED,
            "members": users,
            "owner": AGENTS[0].id,
            "status": "ENABLED",
            "main": number == 0,
        }
        for number, (name, users) in enumerate(members.items())
    ]


def _playbook(number: int, name: str) -> Person:
    return {
        "id": number,
        "name": f"{name} (example)",
        "orgId": ORG_ID,
        "meta": {},
        "createdAt": CREATED,
        "updatedAt": CREATED + number % 10 * MINUTE,
        "createdAuthorId": AGENTS[0].id,
        "updatedAuthorId": AGENTS[0].id,
        "interactionId": number + 10_000,
        "reportType": "BOOK_MORE_MEETINGS",
        "goals": [{"id": 1, "message": "Book a meeting"}],
    }


def _contact(number: int) -> Person:
    """A visitor: one in eight writes from a private address, the others from a company's.

    Few companies send many of them, and most of them few.
    """
    visitor = number % 10_000_000
    company = int(COMPANIES * (visitor * 0.618_033_99 % 1) ** 2)
    is_private = visitor % 8 == 7
    domain = "mail.example" if is_private else f"company-{company}.example"
    return {
        "id": number,
        "createdAt": CREATED + visitor % 500 * 60 * MINUTE,
        "attributes": {
            "email": f"visitor-{visitor}@{domain}",
            "first_name": "Visitor",
            "last_name": f"{visitor} Example",
            "company": None if is_private else f"Company {company} Example",
            "ip": "192.0.2.1",
            "_END_USER_VERSION": 7,
            "_end_user_version": 8,
        },
    }


def _conversation(number: int, booked: Meeting) -> Person:
    scheduled = cast(int, booked["scheduledAt"])
    return {
        "id": number,
        "status": "closed",
        "participants": [],
        "contactId": booked.get("schedulerId"),
        "createdAt": scheduled - (number % 29 + 1) * MINUTE,
        "updatedAt": scheduled,
        "relatedPlaybookId": FIRST_PLAYBOOK + number % len(PLAYBOOK_NAMES) if number % 5 else None,
        "inboxId": 1,
        "conversationTags": [],
    }
