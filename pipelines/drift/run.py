"""What the resources of one `drift_source` share while they are read."""

import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from .client import DriftClient
from .endpoints import Endpoint
from .forgotten import forgetting
from .known_state import Destination
from .limits import Budget
from .privacy import PrivacyPolicy
from .server_clock import TOLERATED
from .values import UTC_TIME

log = logging.getLogger(__name__)

T = TypeVar("T")

MEETINGS = "meetings"
CONVERSATIONS = "conversations"
IDS = {
    "users": "agent_id",
    "contacts": "scheduler_id",
    CONVERSATIONS: "conversation_id",
    "conversations_by_id": "conversation_id",
}
"""The column of a meeting's version that names records, by the resource that reads them."""

LIST_SECONDS = 15.0
"""The most that a list may take: meetings wait for it to be published."""

IDLE_SECONDS = 10.0
"""How long records that are read one by one are asked for without a good answer."""


@dataclass
class Run:
    """The client, the settings, and what `meetings` has found for the resources after it."""

    client: DriftClient
    configured: PrivacyPolicy
    """As the settings have it: it knows nobody who is to be forgotten."""
    in_flight: int
    started_at: datetime
    full_refresh: bool
    contacts_seconds: float
    accept_delisted: bool = False
    accept_organisation: bool = False
    max_delisted_share: float = 0.2
    destination: Destination = field(default_factory=Destination)
    has_read_meetings: bool = False
    stored_lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of the destination that a resource has read for another: each takes its own."""
    single_conversations: list[int] | None = None
    """Those that the report has left for a request each, once it has been asked."""
    _privacy: PrivacyPolicy | None = None
    _details: Budget | None = None
    _ids: dict[str, list[pa.Table]] = field(default_factory=dict)
    _made_at: float = field(default_factory=monotonic)

    def now(self) -> datetime:
        """When the run started: by the server's clock, once it is known to differ from this one."""
        clock = self.client.clock
        date = clock.first
        if date:
            passed = timedelta(seconds=clock.read_at - self._made_at)
            ahead = self.started_at + passed - date
            if abs(ahead) > TOLERATED:
                way = "ahead of" if ahead > timedelta() else "behind"
                log.warning(
                    f"The clock here is {timedelta(seconds=abs(ahead) // timedelta(seconds=1))}"
                    f" {way} Drift's: the run goes by Drift's, {date:%Y-%m-%d %H:%M} UTC."
                )
                self.started_at, self._made_at = date, clock.read_at
        return self.started_at

    @property
    def privacy(self) -> PrivacyPolicy:
        """What may be written of people, by what the destination knows when it is first asked."""
        if self._privacy is None:
            with self.destination.open() as stored:
                self._privacy = forgetting(self.configured, stored)
        return self._privacy

    def begin(self) -> None:
        """`meetings` is read from here on."""
        self.client.begin()
        self.has_read_meetings, self.single_conversations = False, None
        self._details = self._privacy = None
        self._ids = {
            column: []
            for name, column in IDS.items()
            if name in dlt.current.source().resources.selected
        }

    def keep_ids(self, versions: pa.Table) -> None:
        """Keeps the ids that new versions name: they are in no table before all is loaded."""
        booked_at = pc.coalesce(versions["scheduled_at"], versions["updated_at"])
        for column, kept in self._ids.items():
            named = pa.table({"id": versions[column], "booked_at": booked_at})
            kept.append(named.filter(pc.is_valid(named["id"])))

    def ids(self, column: str) -> pa.Table:
        """`id` and `booked_at` of what the new versions of this read name in a column."""
        empty = pa.table({"id": pa.array([], pa.int64()), "booked_at": pa.array([], UTC_TIME)})
        return pa.concat_tables([empty, *self._ids.pop(column, [])])

    def wait_for_meetings(self) -> Iterator[None]:
        """Lets dlt go on with `meetings`, where that is read as well, until it is done."""
        while MEETINGS in dlt.current.source().resources.selected and not self.has_read_meetings:
            yield None

    def wait_for_report(self) -> Iterator[None]:
        """The same for `conversations`."""
        selected = dlt.current.source().resources.selected
        while CONVERSATIONS in selected and self.single_conversations is None:
            yield None

    def ask(
        self, endpoint: Endpoint, decode: Callable[[bytes], T], **given: Any
    ) -> Generator[None, None, T]:
        """What the client's `get` returns. dlt goes on with other resources until it has come."""
        with ThreadPoolExecutor(1, thread_name_prefix="drift") as pool:
            answer = pool.submit(lambda: self.client.get(endpoint, decode, **given))
            while not answer.done():
                yield None
            return answer.result()

    def list_budget(self, name: str) -> Budget:
        """The time that a list may take."""
        return Budget(LIST_SECONDS, name, within=self.client.budget)

    def details_budget(self, share: float) -> Budget:
        """A share of what is left of the time for records that are read one by one."""
        name = "people's details (sources.drift.contacts_seconds)"
        if self._details is None:
            self._details = Budget(self.contacts_seconds, name, within=self.client.budget)
        seconds = share * max(0.0, self._details.left())
        return Budget(seconds, name, within=self._details, idle=IDLE_SECONDS)

    def read_at(self) -> datetime:
        """When the read of meetings began that named the records."""
        last = dlt.current.resource_state(MEETINGS).get("last_read", {})
        moment: datetime = last.get("started_at", self.started_at)
        return moment


def last_read(pipeline: dlt.Pipeline) -> dict[str, Any]:
    """What the last complete read left for the next: `sync_id`, `started_at`, and more; or {}."""
    state: Any = pipeline.state
    for key in ("sources", "drift", "resources", MEETINGS, "last_read"):
        state = state.get(key, {})
    return dict(state)
