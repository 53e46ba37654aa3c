"""The demo: a stand-in for Drift, over real HTTP, that moves on by a day with each run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from dlt import Pipeline
from dlt.extract.source import DltSource

from drift import drift_source, last_read
from drift.neighbours import Neighbours, read_neighbours
from standin.organisation import Organisation
from standin.people import people_of
from standin.server import StandIn

CONTACTS_PER_RUN: Final = 200
"""One request each: a first look should not wait for thousands."""


@contextmanager
def demo_source(
    pipeline: Pipeline, *, full_refresh: bool
) -> Iterator[tuple[DltSource, Callable[..., Neighbours]]]:
    """The source, reading a stand-in at the day after the one that the pipeline has seen.

    And the reader of its neighbours.
    """
    organisation = Organisation()
    pipeline.sync_destination()
    last = last_read(pipeline)
    now = last["started_at"] + timedelta(days=1) if last else organisation.first_day
    meetings = organisation.meetings_at(now)
    with StandIn(meetings, people=people_of(meetings), clock=lambda: now) as server:
        source = drift_source(
            base_url=server.url,
            access_token=server.token,
            started_at=now,
            full_refresh=full_refresh,
        )
        yield (
            source,
            partial(
                read_neighbours,
                base_url=server.url,
                access_token=server.token,
                contacts_per_run=CONTACTS_PER_RUN,
            ),
        )
