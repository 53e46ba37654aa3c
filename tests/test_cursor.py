"""The cursor on `updatedAt`, as dlt keeps it: how far it goes, and that nothing depends on more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest

from drift import drift_source
from tests.conftest import NOW, meeting, milliseconds
from tests.hostile import HostileDrift
from warehouse.destination import demo_warehouse


@pytest.fixture
def server() -> Iterator[HostileDrift]:
    with HostileDrift([], clock=lambda: NOW) as server:
        yield server


def sync(folder: Path, server: HostileDrift, started_at: datetime, **options: Any) -> dlt.Pipeline:
    """One run of the source, as a new process would make it."""
    pipeline = demo_warehouse(folder / "pipeline.duckdb").open(folder / "pipelines")
    source = drift_source(server.url, server.token, started_at=started_at, **options)
    pipeline.run(source)
    return pipeline


def cursor(pipeline: dlt.Pipeline) -> datetime:
    state: Any = pipeline.state
    resource = state["sources"]["drift"]["resources"]["meetings"]
    moment = resource["incremental"]["updated_at"]["last_value"]
    assert isinstance(moment, datetime)
    return moment


def versions(pipeline: dlt.Pipeline) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        rows = client.execute_sql("select slug, status from meeting_versions order by sync_id, 1")
    return [tuple(row) for row in rows or []]


def at(hours: float, **attributes: object) -> dict[str, object]:
    """A meeting tomorrow, updated so many hours from NOW."""
    slot = milliseconds(NOW) + 86_400_000
    moment = milliseconds(NOW + timedelta(hours=hours))
    return dict(meeting("m", slotStart=slot, slotEnd=slot, updatedAt=moment, **attributes))


@pytest.mark.parametrize(
    ("newest", "machine", "expected"),
    [
        (-2, 0, -2),  # the newest that was seen
        (9_000, 0, 0),  # a meeting dated ahead does not carry it past the start of the run
        (9_000, 8_000, 0),  # nor does a clock that runs ahead of the server's
        (9_000, -5, 0),  # nor one behind it: the run goes by the server's
    ],
)
def test_the_cursor_never_passes_the_start_of_the_run(
    tmp_path: Path, server: HostileDrift, newest: float, machine: float, expected: float
) -> None:
    server.set_meetings([at(newest)])
    pipeline = sync(tmp_path, server, NOW + timedelta(hours=machine))
    assert cursor(pipeline).astimezone(UTC) == NOW + timedelta(hours=expected)


@pytest.mark.parametrize("full_refresh", [False, True])
def test_what_is_older_than_the_cursor_is_loaded_when_it_is_not_known(
    tmp_path: Path, server: HostileDrift, full_refresh: bool
) -> None:
    old = at(-500, status="ACTIVE")
    newest = at(-1) | {"slug": "newest"}
    server.set_meetings([old, newest])
    sync(tmp_path, server, NOW)
    changed = old | {"status": "CANCELED"}  # without a new updatedAt
    late = at(-700, status="ACTIVE") | {"slug": "late"}
    server.set_meetings([changed, late, newest])
    for minutes in (1, 2):  # the second time, nothing is new
        started_at = NOW + timedelta(minutes=minutes)
        pipeline = sync(tmp_path, server, started_at, full_refresh=full_refresh)
    assert versions(pipeline) == [
        ("m", "ACTIVE"),
        ("newest", "ACTIVE"),
        ("late", "ACTIVE"),
        ("m", "CANCELED"),
    ]
