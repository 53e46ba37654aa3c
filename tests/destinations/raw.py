"""Raw tables as a few runs could have left them, made up by dice: every case that a model tells."""

import datetime as dt
import random
from typing import Any

from tests.models.conftest import NOW, Row, sync, user, version

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", None)


def raw_tables(meetings: int, seed: int) -> dict[str, list[Row]]:
    """Rows of every raw table, by its name."""
    dice = random.Random(seed)

    def maybe(share: float, value: Any) -> Any:
        return value if dice.random() < share else None

    versions: list[Row] = []
    listed: list[Row] = []
    for number in range(meetings):
        booked = NOW - dt.timedelta(minutes=dice.randint(-600, 60 * 24 * 200))
        start = booked + dt.timedelta(minutes=15 * dice.randint(-8, 96 * 40))
        zone, updated = dice.choice(ZONES), booked
        fixed = {
            "slug": f"m{number}",
            "scheduled_at": maybe(0.9, booked),
            "meeting_source": maybe(0.8, dice.choice(("EMAIL_DROP", "WIDGET"))),
            "meeting_type": maybe(0.8, dice.choice(("Demo", "Follow Up", "D\u00e9mo 'x'"))),
            "end_user_time_zone": zone or "Mars/Olympus",
            "known_time_zone": zone,
            "scheduler_id": maybe(0.9, dice.randint(1, max(2, meetings // 3))),
            "booked_by": maybe(0.3, dice.randint(1, 5)),
            "conversation_id": maybe(0.8, dice.randint(0, 40)),
            "meeting_notes": maybe(0.5, f"note 'of' {number}\n%"),
        }
        for _ in range(dice.randint(1, 5)):
            end = start + dt.timedelta(minutes=dice.choice((30, 45, -15)), milliseconds=123)
            changed = {
                "updated_at": updated,
                "sync_id": (f"s{dice.randint(0, 2)}", "0-saved")[number % 7 == 0],
                "content_hash": dice.getrandbits(62),
                "agent_id": maybe(0.85, dice.randint(1, 6)),
                "status": dice.choice(("ACTIVE", "ACTIVE", "CANCELED", "cancelled", None)),
                "slot_start": maybe(0.95, start),
                "slot_end": maybe(0.95, end),
            }
            versions.append(version(**(fixed | changed)))
            if dice.random() < 0.8:
                updated += dt.timedelta(milliseconds=dice.randint(1, 10**9))
            if dice.random() < 0.4:
                start += dt.timedelta(minutes=30 * dice.randint(-50, 50))
        if dice.random() < 0.8:
            listed.append({"slug": f"m{number}"})
    dice.shuffle(versions)
    runs = [NOW - dt.timedelta(days=25 * ago) for ago in (2, 1, 0)]
    syncs = [sync(f"s{number}", at) for number, at in enumerate(runs)]
    seen = {str(row["slug"]) for row in listed}
    gone = [f"m{number}" for number in range(meetings) if f"m{number}" not in seen]
    return {
        "drift.meeting_versions": versions,
        "drift.listed_meetings": listed,
        "drift.unlisted_meetings": [
            {"slug": slug, "sync_id": f"s{dice.randint(0, 2)}"} for slug in gone[::2]
        ],
        "drift.rejected_meetings": [
            {"record_id": "r", "slug": None, "raw_json": "{}", "reason": "no", "sync_id": "s1"}
        ],
        "drift.syncs": syncs,
        # agents 1 to 5 of 6 are known, one is gone, one has left; 2 and 3 are in two teams
        "drift.users": [
            user(number, is_current=number != 4, is_gone=number == 5) for number in range(1, 6)
        ],
        "drift.teams": [
            {"id": team, "name": f"Team {team}", "is_current": team != 13} for team in (11, 12, 13)
        ],
        "drift.team_members": [
            {"team_id": team, "user_id": agent, "is_current": agent != 4}
            for team, members in {11: (1, 2, 3), 12: (2, 3, 4), 13: (6,)}.items()
            for agent in members
        ],
        "drift.conversations": [
            {
                "id": number,
                "playbook_id": maybe(0.8, dice.choice(("60", "61"))),
                "created_at": maybe(0.9, NOW - dt.timedelta(minutes=dice.randint(0, 10**5))),
            }
            for number in range(0, 40, 2)
        ],
    }
