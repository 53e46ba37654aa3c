"""`personal_data`: with hash and drop, nothing of a person is in any file, table, log or line."""

import gzip
import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow.parquet as pq
import pytest

from app.console import say_failure
from app.errors import explain
from drift import tables
from drift.decode import Rejected, decode_page
from drift.privacy import PrivacyPolicy
from drift.redact import redact
from fake_drift.server import People
from tests.conftest import Project, Serve, meeting
from tests.hostile import HostileDrift

KEY = "a key that nobody guesses"
HASH: dict[str, Any] = {
    "SOURCES__DRIFT__PERSONAL_DATA": "hash",
    "SOURCES__DRIFT__PERSONAL_DATA_KEY": KEY,
}
DROP: dict[str, Any] = {"SOURCES__DRIFT__PERSONAL_DATA": "drop"}

COMPANY = "Planted Company"
"""What `hash` keeps, and `drop` does not."""

PLANTS = [
    "planted note",
    "planted again",
    "planted attribute",
    "planted nested",
    "491700000042",
    "planted type",
    "planted reject",
    "Planted Reason",
    "planted prose",
    "planted record",
    "planted words",
    "Planted Agent",
    "planted alias",
    "planted locale",
    "planted-agent@example.com",
    "+49 planted phone",
    "example.com/planted.png",
    "planted-visitor@example.com",
    "Planted First",
    "Planted Last",
    "planted tag",
    "planted town",
]


def hashed(address: str) -> str:
    return "hashed:" + hmac.new(KEY.encode(), address.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def planted(project: Project, serve: Serve) -> HostileDrift:
    """A Drift in which something personal stands wherever it may."""
    project.environment |= {
        "SOURCES__DRIFT__CONVERSATIONS": "true",
        "SOURCES__DRIFT__CONTACT_ATTRIBUTES": json.dumps(["tags", "town"]),
    }
    one = meeting(
        "m1",
        schedulerId=9_000_000_001,
        meetingNotes="planted note",
        somethingNew="planted attribute",
        nested={"name": "planted nested"},
        telephone=491700000042,
        isPrivate=True,
        meetingType={"name": "planted type"},
    )
    two = meeting("m2", schedulerId=9_000_000_001, meetingType="[Internal] Demo")
    bad: list[Any] = [
        {"slug": "bad", "agentId": "Planted Reason", "meetingNotes": "planted reject"},
        "planted prose",
        {"name": "planted record"},
        {"slug": "far", "updatedAt": 10**18, "schedulerId": 5, "status": "ACTIVE"},
    ]
    user = {
        "id": 11,
        "name": "Planted Agent",
        "alias": "planted alias",
        "email": "Planted-Agent@example.com ",
        "phone": "+49 planted phone",
        "avatarUrl": "https://example.com/planted.png",
        "locale": {"of": "planted locale"},
        "role": "agent",
    }
    attributes = {
        "email": "planted-visitor@example.com",
        "first_name": "Planted First",
        "last_name": "Planted Last",
        "company": COMPANY,
        "tags": ["planted tag"],
        "town": "planted town",
    }
    return serve(
        [
            one,
            two,
            dict(two) | {"meetingNotes": "planted again"},
            *(json.dumps(b).encode() for b in bad),
        ],
        serves_unscheduled=True,
        people=People(users=[user], contact=lambda _: {"attributes": attributes}),
        scopes={"user_read", "contact_read"},
        refusal_words=" planted words",
    )


def everything(folder: Path, aside: Path) -> Iterator[tuple[Path, str]]:
    """Every file as text: as it lies there, and as what reads it would show it."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.suffix in (".py", ".sql", ".pyc"):
            continue
        body = path.read_bytes()
        yield path, body.decode("utf-8", "replace")
        if path.suffix == ".gz":
            yield path, gzip.decompress(body).decode()
        elif path.suffix == ".parquet":
            yield path, repr(pq.read_table(path).to_pydict())
        elif path.suffix == ".duckdb":
            copy = aside / f"{path.stem}-{len(list(aside.iterdir()))}.duckdb"
            shutil.copyfile(path, copy)
            with duckdb.connect(str(copy), read_only=True) as connection:
                names = connection.execute(
                    'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables()'
                ).fetchall()
                for (name,) in names:
                    yield path, repr(connection.execute(f"from {name}").fetchall())


def found(project: Project, aside: Path, plants: list[str]) -> set[str]:
    """Those of the plants that are anywhere in the project's folder, in whatever case."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    texts = [text.lower() for _, text in everything(project.folder, aside)]
    return {plant for plant in plants if any(plant.lower() in text for text in texts)}


@pytest.mark.parametrize(
    "mode",
    [pytest.param(HASH, id="hash", marks=pytest.mark.process), pytest.param(DROP, id="drop")],
)
def test_nothing_of_a_person_is_written_or_said(
    project: Project, planted: HostileDrift, mode: dict[str, str], tmp_path: Path
) -> None:
    project.environment |= mode
    done = project.run("--verbose")
    plants = PLANTS if mode is HASH else [*PLANTS, COMPANY]
    assert found(project, tmp_path / "aside", plants) == set()
    said = (done.stdout + done.stderr).lower()
    assert [plant for plant in plants if plant.lower() in said] == []
    assert (
        "missing    conversations: Drift refused the access token (403): Forbidden." in done.stdout
    )
    assert KEY not in done.stdout + done.stderr

    hashes = mode is HASH
    assert project.query("select name, alias, email, phone, locale, role from drift.users") == [
        (None, None, hashed("planted-agent@example.com") if hashes else None, None, None, "agent")
    ]
    assert project.query("select email, first_name, last_name, company from drift.contacts") == [
        (
            hashed("planted-visitor@example.com") if hashes else None,
            None,
            None,
            COMPANY if hashes else None,
        )
    ]
    assert project.query(
        "select slug, meeting_notes, other_attributes, meeting_type, agent_id, event_id"
        " from drift.meeting_versions order by 1"
    ) == [
        ("m1", None, None, None, 11, "event-m1"),
        ("m2", None, None, "[Internal] Demo", 11, "event-m2"),
    ]
    assert project.query(
        "select slug, raw_json, reason from drift.rejected_meetings order by slug, reason"
    ) == [
        ("bad", '{"slug": "bad"}', "agentId must be a whole number, not text"),
        (
            "far",
            '{"slug": "far", "updatedAt": 1000000000000000000, "schedulerId": 5,'
            ' "status": "ACTIVE"}',
            "updatedAt lies outside the years 1 to 9999",
        ),
        (None, "{}", "a meeting must be an object, not text"),
        (None, "{}", "slug, the meeting's id, must be text, not absent"),
    ]
    assert project.query("select agent_name, agent_email from bookings.bookings_by_agent") == [
        (None, hashed("planted-agent@example.com") if hashes else None)
    ]

    if mode is DROP:
        refused = project.run("--verbose", code=1, SOURCES__DRIFT__ACCESS_TOKEN="another")
        assert "planted words" not in refused.stderr


@pytest.mark.process
@pytest.mark.parametrize("mode", [HASH, DROP], ids=["hash", "drop"])
def test_what_was_kept_is_nowhere_in_clear_after_the_command(
    project: Project, planted: HostileDrift, mode: dict[str, str], tmp_path: Path
) -> None:
    stored = [plant for plant in PLANTS if plant != "planted words"]
    project.run()
    assert found(project, tmp_path / "aside", [*stored, COMPANY]) == {*stored, COMPANY}
    project.environment |= mode
    asked = len(planted.requests)
    (project.folder / ".dlt/.var/pipeline.duckdb.broken").write_text("planted note")
    project.run("--apply-personal-data")
    assert len(planted.requests) == asked
    plants = PLANTS if mode is HASH else [*PLANTS, COMPANY]
    assert found(project, tmp_path / "aside", plants) == set()
    assert project.query("select slug from drift.meeting_versions order by 1") == [("m1",), ("m2",)]
    if mode is DROP:
        return
    before = project.tables()
    done = project.run()
    assert "2 in the warehouse, 0 versions of them new; 4 rejected" in done.stdout
    assert project.tables() == before
    assert found(project, tmp_path / "aside", plants) == set()
    assert project.query("select email from drift.contacts") == [
        (hashed("planted-visitor@example.com"),)
    ]
    project.run("--apply-personal-data")  # again: no hash of a hash
    assert project.tables() == before


def test_the_command_says_when_there_is_nothing_to_apply(project: Project) -> None:
    kept = project.run("--apply-personal-data", code=2)
    assert kept.stderr.startswith("sources.drift.personal_data is keep, so there is nothing")
    nothing = project.run("--apply-personal-data", **DROP)
    assert nothing.stdout == "rewritten  nothing: no run has stored anything yet\n"


def test_an_address_has_one_hash_however_it_is_written() -> None:
    policy = PrivacyPolicy("hash", KEY)
    assert (
        policy.hashed(" A@Example.com\n")
        == policy.hashed("a@example.com")
        == hashed("a@example.com")
    )
    assert policy.hashed(policy.hashed("a@example.com")) == policy.hashed("a@example.com")
    assert PrivacyPolicy("hash", "another").hashed("a@example.com") != policy.hashed(
        "a@example.com"
    )


@pytest.mark.parametrize(
    "record",
    [
        "plant",
        {"slug": ["plant"]},
        {"slug": {"plant": 1}},
        {"slug": 777777},
        {"slug": "s", "status": 777777},
        {"slug": "s", "agentId": "plant"},
        {"slug": "s", "agentId": 0.777777},
        {"slug": "s", "agentId": 10**30 + 777777},
        {"slug": "s", "slotStart": 10**17 * 777777},
        {"slug": "s", "slotStart": "plant (: plant"},
    ],
)
def test_a_reason_says_nothing_of_the_value(record: Any) -> None:
    (rejected,) = decode_page(json.dumps({"data": [record]}).encode()).rejected
    reduced = PrivacyPolicy("drop").rejected(rejected)
    assert "plant" not in reduced.reason + reduced.raw_json
    assert "777777" not in reduced.reason
    assert len(reduced.reason) > 20
    assert PrivacyPolicy("drop").rejected(reduced) == reduced
    assert PrivacyPolicy().rejected(rejected) is rejected
    assert isinstance(reduced, Rejected)


def test_a_failure_that_nobody_foresaw_quotes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = RuntimeError("planted words")
    for mode, quoted in (("keep", True), ("drop", False)):
        monkeypatch.setenv("SOURCES__DRIFT__PERSONAL_DATA", mode)
        sentence, code = explain(failure)
        assert code == 1
        say_failure(sentence, code, failure)
        said = capsys.readouterr().err
        assert ("planted words" in said) is quoted
        assert "The run failed: RuntimeError" in said


def test_any_number_of_values_is_changed_whatever_stands_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dlt.source(name="drift", max_table_nesting=0)
    def stored() -> Any:
        def rows() -> Iterator[Any]:
            users = [{"id": n, "email": f"o'ne\\il{n}%s@example.com"} for n in range(1_100)]
            yield tables.USER.rows([{**user, "locale": '["it\'s"]', "name": "x"} for user in users])
            record = {
                "record_id": "1",
                "raw_json": '{"slug": "it\'s", "x": "y"}',
                "reason": "no: 1",
            }
            yield tables.REJECTED.rows([{**record, "sync_id": "2"}])
            for table in tables.ALL:
                if table not in (tables.USER, tables.REJECTED):
                    yield table.rows([])

        return dlt.resource(rows, name="rows")

    pipeline = dlt.pipeline(
        "any",
        destination=dlt.destinations.duckdb(str(tmp_path / "any.duckdb")),
        dataset_name="drift",
        pipelines_dir=str(tmp_path),
    )
    pipeline.run(stored())
    redact(pipeline, personal_data="hash", personal_data_key=KEY)
    with pipeline.sql_client() as client:
        users = client.execute_sql("select email, locale, name from drift.users order by id")
        record = client.execute_sql("select raw_json, reason from drift.rejected_meetings")
    assert users == [(hashed(f"o'ne\\il{n}%s@example.com"), None, None) for n in range(1_100)]
    assert record == [('{"slug": "it\'s"}', "no")]
