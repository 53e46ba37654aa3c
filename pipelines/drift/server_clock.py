"""The server's clock, as the `Date` of its answers tells it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final

TOLERATED: Final = timedelta(minutes=5)
"""How far apart two clocks may be."""

LONGEST_SLEEP: Final = timedelta(days=1)
"""How far it may get ahead while this machine sleeps during a run."""

PLAUSIBLE_YEARS: Final = range(2020, 2100)


class ServerClock:
    """What it said first and last. Not to be used by several threads at once."""

    def __init__(self) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None
        """The earliest and the latest of the times that go together."""
        self.read_at = 0.0
        """When the first of them came, by `monotonic`."""

    def note(self, date: str) -> None:
        """Takes a header's value, unless it is none, or says what no other answer does."""
        try:
            moment = parsedate_to_datetime(date).astimezone(UTC)
        except (ValueError, OverflowError):
            return
        if moment.year not in PLAUSIBLE_YEARS:
            return
        if self.first is None:
            self.read_at = monotonic()
            self.first = self.last = moment
            return
        ahead = moment - self.first - timedelta(seconds=monotonic() - self.read_at)
        if -TOLERATED <= ahead <= LONGEST_SLEEP:
            self.first = min(moment, self.first)
            self.last = max(moment, self.last or moment)
