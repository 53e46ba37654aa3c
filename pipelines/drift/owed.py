"""What an answer held that was thrown away: the narrower answers in its place must bring it again.

Else they were cut where nobody noticed, as by a cap that changes from one request to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .errors import DriftError
from .values import from_milliseconds

MOVED_MOST: Final = 20
"""Starts of such an answer that may be gone: a few meetings may move while they are read."""


@dataclass
class _Debt:
    first: int
    last: int
    starts: set[int]
    unusable: int = 0
    """Records in its place that have no start, or cannot be read: theirs may be among them."""


class Owed:
    """The slot starts in answers that were thrown away, until others bring them."""

    def __init__(self) -> None:
        self._debts: list[_Debt] = []

    def add(self, first: int, last: int, slot_starts: Sequence[int]) -> None:
        """An answer for the milliseconds from `first` to `last` is thrown away."""
        starts = {at for at in slot_starts if first <= at <= last}
        self._debts.append(_Debt(first, last, starts))

    def bring(self, first: int, last: int, slot_starts: Sequence[int], rows: int) -> None:
        """An answer for these milliseconds, of so many records, is kept."""
        for debt in self._debts:
            if debt.first <= first and last <= debt.last:
                debt.starts.difference_update(slot_starts)
                debt.unusable += rows - len(slot_starts)

    def check(self) -> None:
        """Raises `DriftError` if too much has not come again. To be called when all is read."""
        for debt in self._debts:
            if len(debt.starts) > MOVED_MOST + debt.unusable:
                first, last = (from_milliseconds(at) for at in (min(debt.starts), max(debt.starts)))
                raise DriftError(
                    f"Asked in parts, Drift answers without {len(debt.starts):,} of the meetings"
                    f" from {first:%Y-%m-%d} to {last:%Y-%m-%d} that it had answered with before:"
                    " its answers are cut where nobody can tell, so a read cannot be complete."
                    " Nothing was loaded."
                )
