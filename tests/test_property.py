"""An organisation that does what it likes, and a warehouse that must know what could be known.

Hypothesis invents weeks in an organisation: bookings, moves, cancellations, edits, deletions,
versions committed late, changes that do not raise `updatedAt`, records without one, records that
are none; with runs at any moment, runs that fail half-way, and runs that are cut off between
reading and loading. After each run the raw tables are compared with a model of what an observer of
the API can know.
"""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import hypothesis.strategies as st
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from drift import drift_source
from tests.conftest import ROOT, milliseconds
from tests.hostile import Fault, HostileDrift
from warehouse.build import build
from warehouse.recovery import finish_interrupted

FAULTS = [
    Fault("rate_limited"),
    Fault("rate_limited", retry_after=0),
    Fault("server_error", status=502, html=False),
    Fault("reset"),
    Fault("cut_body"),
    Fault("cut_unannounced"),
    Fault("broken_json"),
    Fault("error_with_200"),
    Fault("empty_200"),
]

UNDOCUMENTED = [1, 2.5, True, "text", {"a": [1]}, "\x00nul", None]

Record = dict[str, Any]
State = tuple[datetime, int, tuple[tuple[str, Any], ...]]
"""When a state came about, which run saw it first, and what Drift sent."""


def no_faults(*_: object) -> None:
    return None


class Organisation(RuleBasedStateMachine):
    """Drift's side, the pipeline's side, and what an observer between them knows."""

    @initialize(
        bounds=st.sampled_from(["inclusive", "exclusive", "half-open"]),
        order=st.sampled_from(["slot_start", "newest", "shuffled", "updated"]),
        survivors=st.sampled_from(["first", "last", "shuffled"]),
        cap=st.sampled_from([1000, 100, 50]),
    )
    def start(self, bounds: Any, order: Any, survivors: Any, cap: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.records: dict[str, Record] = {}
        self.bad: list[bytes] = []
        self.server = HostileDrift(
            self.served,
            clock=lambda: self.now,
            bounds=bounds,
            order=order,
            survivors=survivors,
            cap=cap,
            serves_unscheduled=True,
        ).__enter__()
        self.pipeline = self.new_pipeline()
        self.states: dict[str, list[State]] = {}
        self.runs = 0
        self.last_started: datetime | None = None
        self.holes: list[datetime] = []
        self.refused: set[bytes] = set()
        self.pending = False

    def served(self) -> list[Any]:
        return [*self.records.values(), *self.bad]

    def new_pipeline(self) -> dlt.Pipeline:
        """What a new process has: nothing but the files."""
        return dlt.pipeline(
            "drift_bookings",
            destination=dlt.destinations.duckdb(str(self.folder / "pipeline.duckdb")),
            dataset_name="drift",
            pipelines_dir=str(self.folder / "pipelines"),
        )

    def visible(self) -> list[Record]:
        oldest = milliseconds(self.now - timedelta(days=30))
        return [r for r in self.records.values() if r.get("slotStart", oldest) >= oldest]

    @rule(minutes=st.integers(1, 60 * 30))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(days=st.integers(20, 45))
    def weeks_pass(self, days: int) -> None:
        # Never 30 days to the second: whether that is a hole depends on how long the read takes.
        self.now += timedelta(days=days, minutes=7)

    @rule(
        hours=st.integers(-200, 2000),
        count=st.integers(1, 60),
        updated=st.booleans(),
        scheduled=st.booleans(),
        scheduled_slot=st.booleans(),
    )
    def book(
        self, hours: int, count: int, updated: bool, scheduled: bool, scheduled_slot: bool
    ) -> None:
        """Several at once, in one millisecond, more often than people do it."""
        at = milliseconds(self.now)
        for _ in range(count):
            slug = f"m{len(self.records) + len(self.bad)}-{self.runs}-{self.now:%d%H%M}"
            slug = f"{slug}-{len(self.records)}"
            record: Record = {"slug": slug, "status": "ACTIVE", "agentId": len(slug)}
            if scheduled_slot or count > 3:
                record["slotStart"] = at + hours * 3_600_000
            if updated:
                record["updatedAt"] = at
            if scheduled:
                record["scheduledAt"] = at
            self.records[slug] = record

    @precondition(lambda self: self.records)
    @rule(data=st.data(), hours=st.integers(-300, 900))
    def move(self, data: st.DataObject, hours: int) -> None:
        record = self.one(data)
        record["slotStart"] = milliseconds(self.now) + hours * 3_600_000
        self.touch(record, data)

    @precondition(lambda self: self.records)
    @rule(data=st.data(), status=st.sampled_from(["CANCELED", "ACTIVE", "Cancelled", None]))
    def set_status(self, data: st.DataObject, status: str | None) -> None:
        record = self.one(data)
        if status is None:
            record.pop("status", None)
        else:
            record["status"] = status
        self.touch(record, data)

    @precondition(lambda self: self.records)
    @rule(
        data=st.data(), value=st.sampled_from([1, 2.5, True, "text", {"a": [1]}, "\x00nul", None])
    )
    def edit_an_attribute_that_nobody_documented(self, data: st.DataObject, value: Any) -> None:
        record = self.one(data)
        record["somethingNew"] = value
        self.touch(record, data)

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        del self.records[data.draw(st.sampled_from(sorted(self.records)))]

    @rule(body=st.sampled_from([b'{"slug": 7}', b'{"status": "ACTIVE"}', b"null", b'{"slug": ""}']))
    def send_a_record_that_is_none(self, body: bytes) -> None:
        if body not in self.bad:
            self.bad.append(body)

    def one(self, data: st.DataObject) -> Record:
        slug = data.draw(st.sampled_from(sorted(self.records)))
        self.records[slug] = dict(self.records[slug])
        return self.records[slug]

    def touch(self, record: Record, data: st.DataObject) -> None:
        how = data.draw(st.sampled_from(["rises", "rises", "late", "stays", "ahead"]))
        at = milliseconds(self.now)
        if how == "rises":
            record["updatedAt"] = at
        elif how == "late":  # committed now, dated up to an hour before the run that comes next
            record["updatedAt"] = at - 3_000_000
        elif how == "ahead":
            record["updatedAt"] = at + 1_000_000_000

    @rule(full=st.booleans(), faulty=st.booleans())
    def run(self, full: bool, faulty: bool) -> None:
        self.pipeline = self.new_pipeline()
        finish_interrupted(self.pipeline)
        self.pending = False
        self.server.faults = self.third_of_requests if faulty else no_faults
        self.pipeline.run(self.source(full))
        self.server.faults = no_faults
        self.observe()
        self.compare()

    @rule()
    def fail_half_way(self) -> None:
        self.pipeline = self.new_pipeline()
        finish_interrupted(self.pipeline)
        self.pending = False
        self.server.faults = lambda *_: Fault("server_error")
        with pytest.raises(PipelineStepFailed):
            self.pipeline.run(self.source(full=False))
        self.server.faults = no_faults
        if self.runs:
            self.compare()

    @precondition(lambda self: not self.pending)
    @rule(normalized=st.booleans())
    def be_cut_off_between_reading_and_loading(self, normalized: bool) -> None:
        self.pipeline = self.new_pipeline()
        finish_interrupted(self.pipeline)
        self.pipeline.extract(self.source(full=False))
        if normalized:
            self.pipeline.normalize()
        self.observe()
        self.pending = True

    def third_of_requests(self, number: int, _: str) -> Fault | None:
        return FAULTS[number // 3 % len(FAULTS)] if number % 3 == 1 else None

    def source(self, full: bool) -> Any:
        return drift_source(
            base_url=self.server.url,
            access_token=self.server.token,
            started_at=self.now,
            full_refresh=full,
        )

    def observe(self) -> None:
        """What the run that just read can know, by the contract alone."""
        started = self.now
        if self.last_started:
            started = max(started, self.last_started + timedelta(milliseconds=1))
            if self.last_started <= self.now - timedelta(days=30):
                self.holes.append(self.last_started)
        for record in self.visible():
            sent = record.get("updatedAt")
            updated = sent and datetime.fromtimestamp(sent / 1000, UTC)
            content = tuple(sorted((k, repr(v)) for k, v in record.items() if v is not None))
            states = self.states.setdefault(record["slug"], [])
            same_key = [s for s in states if dict(s[2]).get("updatedAt") == (sent and repr(sent))]
            if same_key and same_key[-1][2] == content:
                continue
            scheduled = record.get("scheduledAt")
            at = updated or (scheduled and datetime.fromtimestamp(scheduled / 1000, UTC)) or started
            states.append((at, self.runs, content))
        self.refused |= set(self.bad)
        self.listed = {record["slug"] for record in self.visible()}
        self.last_started, self.runs = started, self.runs + 1

    def compare(self) -> None:
        with duckdb.connect(str(self.folder / "pipeline.duckdb"), read_only=True) as warehouse:
            warehouse.execute("set timezone = 'UTC'").fetchall()

            def rows(sql: str) -> list[tuple[Any, ...]]:
                return warehouse.execute(sql).fetchall()

            if not self.pending:
                assert rows("select slug from drift.listed_meetings order by 1") == [
                    (slug,) for slug in sorted(self.listed)
                ]
                assert rows("select count(*) from drift.syncs") == [(self.runs,)]
            assert rows(
                "select slug, updated_at from drift.meeting_versions order by slug, updated_at"
            ) == sorted((slug, state[0]) for slug in self.states for state in self.states[slug])
            newest = {
                slug: dict(max(states, key=lambda state: state[:2])[2])
                for slug, states in self.states.items()
            }
            assert rows(
                "select distinct on (slug) slug, epoch_ms(slot_start), status from"
                " drift.meeting_versions order by slug, updated_at desc, sync_id desc"
            ) == [
                (
                    slug,
                    int(newest[slug]["slotStart"]) if "slotStart" in newest[slug] else None,
                    newest[slug]["status"].strip("'") if "status" in newest[slug] else None,
                )
                for slug in sorted(newest)
            ]
            refused = {raw for (raw,) in rows("select raw_json from drift.rejected_meetings")}
            assert refused == {body.decode() for body in self.refused}
            holes = rows("select gap_from from drift.syncs where gap_from is not null order by 1")
            assert holes == [(hole,) for hole in self.holes]

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.server.__exit__(None, None, None)
            if self.runs and not self.pending:
                build(self.pipeline, ROOT / "sql", {"time_zone": "America/New_York"})
            shutil.rmtree(self.folder, ignore_errors=True)


def test_the_warehouse_knows_what_can_be_known(
    monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.001")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "6")
    run_machine(
        Organisation,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=examples == 8,
            phases=[Phase.explicit, Phase.generate],  # a failure is told, not made smaller
            suppress_health_check=list(HealthCheck),
        ),
    )
