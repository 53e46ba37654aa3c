"""What the destination has is asked for in its own words, and a missing table is an empty one."""

from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.destinations.sql_client import WithSqlClient

from drift import drift_source, is_waiting, last_read, tables
from drift.known_state import Destination, transpile
from fake_drift.server import FakeDrift
from tests.drift.conftest import NOW, NOW_MS

QUERY = (
    "select id from (select id from users where id is not null) as known left join teams on true"
)


def open_pipeline(folder: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        "known",
        destination=dlt.destinations.duckdb(str(folder / "known_state.duckdb")),
        dataset_name="drift",
        pipelines_dir=str(folder / "pipelines"),
    )


def test_before_the_first_run_and_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    pipeline = open_pipeline(tmp_path)
    query = f"select slug from {tables.LISTING.name}"
    with Destination().open() as stored:
        assert stored.values(query) == []
    with FakeDrift([{"slug": "a", "slotStart": NOW_MS, "schedulerId": 1}]) as server:
        server.clock = lambda: NOW
        source = drift_source(server.url, server.token, contacts=False)
        pipeline.run(source)
    assert is_waiting(pipeline)
    with pipeline.sql_client() as client:
        client.execute_sql(f"drop table {tables.CONTACT.name}")
    assert not is_waiting(pipeline)
    with Destination().open() as stored:
        assert stored.values(query) == ["a"]
        assert stored.values(f"{query} join {tables.CONTACT.name} on true") == []


def test_what_a_load_left_that_did_not_end_counts_nowhere_and_is_deleted(tmp_path: Path) -> None:
    pipeline = open_pipeline(tmp_path)
    meetings = [{"slug": slug, "slotStart": NOW_MS, "x": slug} for slug in ("a", "b")]
    with FakeDrift(meetings[:1]) as server:
        server.clock = lambda: NOW
        sources = [drift_source(server.url, server.token, contacts=False) for _ in range(3)]
        pipeline.run(sources[0])
        before = last_read(pipeline)
        server.set_meetings([meetings[1], {**meetings[0], "status": 5}])
        pipeline.run(sources[1].with_resources("meetings"))
        with pipeline.sql_client() as client:  # as if it had been killed at its end
            client.execute_sql(
                "delete from _dlt_loads where load_id = (select max(load_id) from _dlt_loads)"
            )
        assert last_read(pipeline) == before
        server.set_meetings(meetings[:1])
        pipeline.run(sources[2].with_resources("meetings"))
    with pipeline.sql_client() as client:
        for table, rows in {
            "meeting_versions": 1,
            "meeting_listings": 1,
            "rejected_meetings": 0,
            "attributes": 1,
            "syncs": 2,
        }.items():
            assert client.execute_sql(f"select count(*) from {table}") == [(rows,)], table


GOOGLE: Any = {"project_id": "p", "client_email": "a@b", "private_key": "x"}


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        (
            dlt.destinations.postgres("postgresql://loader:secret@127.0.0.1/db"),
            'SELECT id FROM (SELECT id FROM "drift"."users" AS users WHERE NOT id IS NULL) AS known'
            ' LEFT JOIN "drift"."teams" AS teams ON TRUE',
        ),
        (
            dlt.destinations.bigquery(credentials=GOOGLE),
            "SELECT id FROM (SELECT id FROM `p`.`drift`.`users` AS users WHERE NOT id IS NULL) AS"
            " known LEFT JOIN `p`.`drift`.`teams` AS teams ON TRUE",
        ),
    ],
    ids=["postgres", "bigquery"],
)
def test_a_query_names_its_tables_in_full(tmp_path: Path, destination: Any, expected: str) -> None:
    pipeline = dlt.pipeline(
        "named", destination=destination, dataset_name="drift", pipelines_dir=str(tmp_path)
    )
    client = pipeline.destination_client()
    assert isinstance(client, WithSqlClient)
    assert transpile(client.sql_client, QUERY) == expected
