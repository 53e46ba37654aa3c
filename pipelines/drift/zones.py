"""Time zones that every destination knows.

One unknown id fails a whole model, so only checked ids reach SQL. The list is IANA's own, as the
package `tzdata` carries it; DuckDB and PostgreSQL were compared on each of its ids.
"""

from functools import cache
from importlib import resources
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

LINKED: Final = {
    "CET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "MET": "Europe/Brussels",
    "WET": "Europe/Lisbon",
}
"""Old ids that PostgreSQL takes for abbreviations without summer time, by what they stand for."""


@cache
def known_zones() -> frozenset[str]:
    """Every id in IANA's list, spelled as there."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def _lookup() -> tuple[pa.Array, pa.Array]:
    ids = sorted(known_zones())
    return pa.array(ids), pa.array([LINKED.get(zone, zone) for zone in ids])


def checked_zones(zones: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same ids, null where one is not in the list."""
    ids, targets = _lookup()
    return targets.take(pc.index_in(zones, ids))
