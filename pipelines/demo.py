"""The demo: a stand-in for Drift, over real HTTP, that moves on by a day with each run."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from dlt import Pipeline
from dlt.extract.source import DltSource

from drift import drift_source, last_read
from standin.organisation import Organisation
from standin.server import StandIn


@contextmanager
def demo_source(pipeline: Pipeline, *, full_refresh: bool) -> Iterator[DltSource]:
    """The source, reading a stand-in at the day after the one that the pipeline has seen."""
    organisation = Organisation()
    pipeline.sync_destination()
    last = last_read(pipeline)
    now = last["started_at"] + timedelta(days=1) if last else organisation.first_day
    with StandIn(organisation.meetings_at(now), clock=lambda: now) as server:
        yield drift_source(
            base_url=server.url,
            access_token=server.token,
            started_at=now,
            full_refresh=full_refresh,
        )
