"""What BigQuery alone has: its API's refusals, partitions and clusters, descriptions, costs."""

import json
from collections.abc import Iterator

import pytest

from drift import tables
from tests.conftest import Project, Serve, meeting
from tests.destinations.bigquery_emulator import Front, front, refused
from tests.destinations.places import BigQuery
from tests.destinations.test_contract import NEEDS
from warehouse.errors import words_of
from warehouse.models import read_models

CREDENTIALS = "DESTINATION__WAREHOUSE__CREDENTIALS"


@pytest.fixture
def refusing() -> Iterator[Front]:
    """BigQuery's API as it refuses everything; no emulator is needed."""
    with front() as server:
        yield server


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "accessDenied", "Access Denied: Project demo: User does not have permission"),
        (404, "notFound", "Not found: Project demo"),
        (400, "invalid", "Invalid storage region Mars"),
    ],
)
def test_what_google_refuses_is_told_in_a_sentence_before_drift_is_read(
    project: Project, serve: Serve, refusing: Front, status: int, reason: str, words: str
) -> None:
    server = serve([meeting("m1")])
    refusing.refusal = refused(status, reason, words)
    done = project.run(code=1, **refusing.settings("demo"))
    assert done.stderr.strip() == f"The destination failed: {words}"
    assert server.requests == []


def test_credentials_that_are_refused_or_are_none_are_told_in_a_sentence(
    project: Project, serve: Serve, refusing: Front
) -> None:
    serve([meeting("m1")])
    settings = refusing.settings("demo")
    refusing.refuses_tokens, refusing.refusal = True, (400, b'{"error": "invalid_grant"}')
    done = project.run(code=1, **settings)
    assert done.stderr.strip().startswith("The destination refuses the credentials: ")
    assert "invalid_grant" in done.stderr
    pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    broken = json.dumps(refusing.account("demo") | {"private_key": pem})
    done = project.run(code=1, **settings | {CREDENTIALS: broken})
    assert done.stderr.startswith("The destination cannot be reached: ")
    assert done.stderr.count("\n") == 1
    assert "c2VjcmV0" not in done.stderr
    done = project.run(code=2, **settings | {CREDENTIALS: "no JSON"})
    assert CREDENTIALS in done.stderr


def test_why_a_transaction_never_began_is_said_and_not_that_it_did_not() -> None:
    said = RuntimeError("Transaction was not started")
    said.__context__ = ValueError("Not found: Project demo")
    assert words_of(said) == "Not found: Project demo"


@pytest.mark.long
@pytest.mark.skipif(bool(NEEDS["bigquery"]), reason=NEEDS["bigquery"])
def test_tables_are_partitioned_clustered_and_described_and_a_run_without_news_makes_none(
    project: Project, serve: Serve, bigquery_front: Front
) -> None:
    place = BigQuery(bigquery_front, "described")
    project.keep_few_models()
    project.environment |= place.settings | {"SOURCES__DRIFT__CONTACTS": "false"}
    serve([meeting("m1")])
    bigquery_front.statements.clear()
    project.run()
    sent = ";\n".join(bigquery_front.statements).replace("\\n", "\n").split(";\n")
    (made,) = [
        s for s in sent if s.startswith("CREATE TABLE `described`.`drift`.`meeting_versions`")
    ]
    assert "\nPARTITION BY DATE(`updated_at`)\nCLUSTER BY `slug`\n" in made
    keys = "`meeting_id`, `booked_on`, `agent_id`"
    clustered = f"create or replace table `described`.`bookings`.`meetings` cluster by {keys} as"
    assert [statement for statement in sent if statement.startswith(clustered)]

    for table in tables.ALL:
        found = place.client.get_table(f"drift.{table.name}")
        assert found.description == table.description
        words = {field.name: field.description for field in found.schema}
        assert {name: words[name] for name in table.columns} == {
            name: text for name, (_, text) in table.columns.items()
        }
    for model in read_models(project.folder / "sql"):
        found = place.client.get_table(f"{model.dataset}.{model.name}")
        assert found.description == model.description
        assert all(field.description for field in found.schema), model.name

    bigquery_front.statements.clear()
    assert ", 0 versions of them new" in project.run().stdout
    news = "create or replace table `described`.`bookings`", "insert into `described`.`drift`.`m"
    assert [s for s in bigquery_front.statements if s.lower().startswith(news)] == []
