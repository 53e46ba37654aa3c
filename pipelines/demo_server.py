"""Serves the demo's organisation as Drift would, until Ctrl-C: to try what reads Drift.

    uv run pipelines/demo_server.py

Prints the lines that set its address and token where a run, or a pipeline of your own, is started.
"""

from contextlib import suppress
from datetime import UTC, datetime
from threading import Event

from fake_drift.organisation import Organisation
from fake_drift.people import people_of
from fake_drift.server import FakeDrift

if __name__ == "__main__":
    meetings = Organisation().meetings_at(datetime.now(UTC))
    with FakeDrift(meetings, people=people_of(meetings)) as server, suppress(KeyboardInterrupt):
        print(f"export SOURCES__DRIFT__BASE_URL={server.url}")
        print(f"export SOURCES__DRIFT__ACCESS_TOKEN={server.token}", flush=True)
        Event().wait()
