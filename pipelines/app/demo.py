"""The demo: a fake Drift, over real HTTP, that moves on by a day with each run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from dlt import Pipeline
from dlt.extract.source import DltSource

from drift import drift_source, last_read
from fake_drift.organisation import Organisation
from fake_drift.people import people_of
from fake_drift.server import FakeDrift


@contextmanager
def demo_source(pipeline: Pipeline, reading: Mapping[str, Any]) -> Iterator[DltSource]:
    """The source, reading a fake Drift at the day after the one that the pipeline has seen.

    `reading` are further arguments of `drift_source`.
    """
    organisation = Organisation()
    pipeline.sync_destination()
    last = last_read(pipeline)
    now = last["started_at"] + timedelta(days=1) if last else organisation.first_day
    meetings = organisation.meetings_at(now)
    with FakeDrift(meetings, people=people_of(meetings), clock=lambda: now) as server:
        yield drift_source(
            base_url=server.url,
            access_token=server.token,
            started_at=now,
            **reading,
        )
