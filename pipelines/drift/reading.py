"""What the resources of a `drift_source` are given, tell each other, and tell whoever runs them."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.sources import DltSource

from .api import DriftError
from .client import Budget, DriftClient
from .known_state import Destination, KnownState, opened
from .privacy import PrivacyPolicy
from .tables import VERSIONS, Row

LIST_SECONDS: Final = 15.0
"""The most that a list may take: meetings wait for it to be published."""

NAMED: Final = pa.schema(
    [
        VERSIONS.schema.field(name)
        for name in ("agent_id", "scheduler_id", "conversation_id", "scheduled_at", "updated_at")
    ]
)

log = logging.getLogger(__name__)


@dataclass
class Found:
    """What `meetings`, and `conversations`, have found in this run for the resources after them.

    It is in no table before all is loaded.
    """

    read_at: datetime | None = None
    """When the read of meetings began."""
    versions: list[pa.Table] = field(default_factory=list)
    """What the new versions name."""
    single_conversations: list[int] | None = None
    """Those that the report has left for a request each, once it has been asked."""
    details: Budget | None = None
    """The time for records that are read one by one, once the first of them is."""

    def keep(self, versions: pa.Table) -> None:
        """Keeps what new versions name."""
        self.versions.append(versions.select(NAMED.names))

    def ids(self, column: str) -> pa.Table:
        """`id` and `booked_at` of what they name in a column."""
        versions = pa.concat_tables([NAMED.empty_table(), *self.versions])
        booked_at = pc.coalesce(versions["scheduled_at"], versions["updated_at"])
        named = pa.table({"id": versions[column], "booked_at": booked_at})
        return named.filter(pc.is_valid(named["id"]))


@dataclass(frozen=True)
class Reading:
    """What each resource is given."""

    client: DriftClient
    policy: PrivacyPolicy = field(default_factory=PrivacyPolicy)
    """As the settings have it: it knows nobody who is to be forgotten."""
    full_refresh: bool = False
    now: datetime | None = None
    """When this run starts, where that is not now."""
    contacts_seconds: float = 60.0
    destination: Destination = field(default_factory=Destination)
    found: Found = field(default_factory=Found)

    def read_at(self, stored: KnownState) -> datetime:
        """When the read of meetings began that names the records; now, where there was none."""
        moment: datetime = self.found.read_at or stored.newest_sync().get(
            "started_at", datetime.now(UTC)
        )
        return moment

    def list_budget(self, name: str) -> Budget:
        """The time that a list may take."""
        return self.client.budget.part(LIST_SECONDS, name)

    def details_budget(self, share: float) -> Budget:
        """A share of what is left of the time for records that are read one by one, which begins
        with the first of them."""
        name = "people's details (sources.drift.contacts_seconds)"
        if self.found.details is None:
            self.found.details = self.client.budget.part(self.contacts_seconds, name)
        return self.found.details.part(share * self.found.details.left(), name)


def check_read(*sources: DltSource) -> None:
    """Raises `DriftError` if the read of one of these sources is not accepted. Call it after
    `pipeline.run`: what such a read could tell is loaded all the same.
    """
    for one in _metrics(sources):
        if objection := one.get("objection"):
            raise DriftError(objection)


def summary(*sources: DltSource) -> list[str]:
    """Lines that say which related records these sources have read, what was missing, and which
    attributes of meetings are new."""
    metrics = _metrics(sources)
    read = [line for one in metrics for line in one.get("read", [])]
    missing = [f"missing    {line}" for one in metrics for line in one.get("missing", [])]
    new = [name for one in metrics for name in one.get("new_attributes", [])]
    return [
        *[f"related    {', '.join(read)}"] * bool(read),
        *missing,
        *[f"new        Drift now sends {', '.join(new)}: in other_attributes"] * bool(new),
    ]


def _metrics(sources: Sequence[DltSource]) -> list[dict[str, Any]]:
    return [
        resource.custom_metrics
        for source in sources
        for resource in source.resources.selected.values()
    ]


class Report:
    """What the resource that is being read has found, kept in its metrics."""

    def __init__(self) -> None:
        self._metrics = dlt.current.resource_metrics()
        self._metrics |= {"read": [], "missing": []}

    def read(self, line: str) -> None:
        self._metrics["read"].append(line)

    def missing(self, line: str) -> None:
        log.warning(f"missing: {line}")
        self._metrics["missing"].append(line)

    @contextmanager
    def contain(self, name: str) -> Iterator[None]:
        """Turns a failure to read into a line."""
        try:
            yield
        except DriftError as failure:
            self.missing(f"{name}: {failure}")


def last_read(pipeline: dlt.Pipeline) -> Row:
    """The row of `syncs` of the last complete read that was loaded; {} before the first."""
    with opened(pipeline) as stored:
        return stored.newest_sync()
