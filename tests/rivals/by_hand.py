"""What one would write by hand: requests one after another, halved at the cap, and DuckDB's JSON.

    python by_hand.py http://localhost:8080 token meetings.duckdb

The benchmark's yardstick, and fast for its size: bodies are counted and handed to DuckDB without
being decoded here. It keeps each meeting's newest state alone; a bad record ends it.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import requests

LIMIT = 1000
DAY = 86_400_000  # milliseconds

NUMBERS = ("agentId", "orgId", "schedulerId", "conversationId", "bookedBy")
TIMES = ("slotStart", "slotEnd", "updatedAt", "scheduledAt")
TEXTS = ("status", "meetingSource", "meetingType", "eventId", "endUserTimeZone", "meetingNotes")
COLUMNS = {"slug": "varchar", **dict.fromkeys(TEXTS, "varchar")}
COLUMNS |= dict.fromkeys((*NUMBERS, *TIMES), "bigint")


def bodies(session: requests.Session, url: str, first: int, last: int) -> Iterator[bytes]:
    """Answers that hold every meeting whose slot starts from `first` to `last`."""
    window = {"min_start_time": first, "max_start_time": last, "limit": LIMIT}
    answer = session.get(f"{url}/users/meetings/org", params=window, timeout=60)
    answer.raise_for_status()
    if answer.content.count(b'"slug":') < LIMIT:
        yield answer.content
    elif first == last:
        raise SystemExit(f"Too many meetings start at {first}.")
    else:
        middle = (first + last) // 2
        yield from bodies(session, url, first, middle)
        yield from bodies(session, url, middle + 1, last)


def fetch(url: str, token: str, folder: Path) -> None:
    """Every meeting in sight, as files of JSON lists."""
    now = int(time.time() * 1000)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for number, body in enumerate(bodies(session, url, now - 30 * DAY, now + 366 * DAY)):
            records = body[body.index(b"[") : body.rindex(b"]") + 1]
            (folder / f"{number}.json").write_bytes(records)


def load(files: str, database: str) -> None:
    values = [f"epoch_ms({name}) as {name}" if name in TIMES else name for name in COLUMNS]
    kinds = {name: "timestamp" if name in TIMES else kind for name, kind in COLUMNS.items()}
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    with duckdb.connect(database) as connection:
        table = f"create table if not exists meetings ({columns}, primary key (slug))"
        connection.execute(table).fetchall()
        connection.execute(
            f"insert or replace into meetings select {', '.join(values)}"
            f" from read_json('{files}', format = 'array', columns = {COLUMNS})"
        ).fetchall()
        for name in ("agentId", "meetingSource", "meetingType"):
            connection.execute(
                f"create or replace table bookings_by_{name} as"
                f" select {name}, count(*) as bookings,"
                "  count(*) filter (status = 'CANCELED') as canceled,"
                "  count(*) filter (slotStart > now()::timestamp) as upcoming,"
                "  avg(epoch(slotStart - scheduledAt)) / 3600 as lead_time_hours"
                " from meetings group by all"
            ).fetchall()


if __name__ == "__main__":
    url, token, database = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        fetch(url, token, Path(folder))
        load(f"{folder}/*.json", database)
