"""An organisation that does what it likes, and a warehouse that must know what could be known.

Hypothesis invents weeks in an organisation: bookings, moves, cancellations, edits, deletions,
versions committed late, changes that do not raise `updatedAt`, records without one, records that
are none, two states at once; answers that are blank, another organisation's, or hold meetings from
beside the window; bounds that are refused, and clocks that are wrong; with runs at any moment, runs
that fail half-way, runs that are cut off between reading and loading, and the pipeline's own files
lost, emptied or torn between them. After each run the raw tables are compared with a model of what
an observer of the API can know.
"""

import os
import shutil
import tempfile
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import hypothesis
import hypothesis.strategies as st
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from drift import DriftError, check_read, drift_source
from drift.tables import COUNTS, IS_WHOLE
from fake_drift.http import Answer
from tests.conftest import ROOT, milliseconds
from tests.hostile import Fault, HostileDrift
from warehouse.build import Project, make
from warehouse.copies import next_copy
from warehouse.destination import demo_warehouse
from warehouse.own_file import bring_back
from warehouse.publish import client_of

pytestmark = pytest.mark.long

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

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
DONE = Counter[str]()
"""Steps, runs, simulated days and harms to files, of all organisations."""

BLANKS = [Answer(404, b"{}"), Answer(204, b""), Answer(200, b"{}"), Answer(200, b'{"data": null}')]

UNDOCUMENTED = [1, 2.5, True, "text", {"a": [1]}, "\x00nul", None]

Record = dict[str, Any]
State = tuple[datetime, int, tuple[tuple[str, Any], ...]]
"""When a state came about, which run saw it first, and what Drift sent."""


def content_of(record: Record) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((k, repr(v)) for k, v in record.items() if v is not None))


def no_faults(*_: object) -> None:
    return None


class Organisation(RuleBasedStateMachine):
    """Drift's side, the pipeline's side, and what an observer between them knows."""

    @initialize(
        bounds=st.sampled_from(["inclusive", "exclusive", "half-open"]),
        order=st.sampled_from(["slot_start", "newest", "shuffled", "updated"]),
        survivors=st.sampled_from(["first", "last", "shuffled"]),
        cap=st.sampled_from([1000, 333, 100, 70, 50]),
        strays=st.sampled_from([0, 0, 3]),
    )
    def start(self, bounds: Any, order: Any, survivors: Any, cap: int, strays: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.now = START
        self.records: dict[str, Record] = {}
        self.bad: list[bytes] = []
        self.doubled: set[str] = set()
        self.instead: list[Record] | None = None
        self.server = HostileDrift(
            self.served,
            clock=lambda: self.now,
            bounds=bounds,
            order=order,
            survivors=survivors,
            cap=cap,
            strays=strays,
            serves_unscheduled=True,
        ).__enter__()
        self.pipeline = self.new_pipeline()
        self.states: dict[str, list[State]] = {}
        self.runs = self.reads = 0
        self.listed: set[str] = set()
        self.has_listed = False
        self.last_started: datetime | None = None
        self.holes: list[datetime] = []
        self.refused: set[bytes] = set()
        self.tried: set[str] = set()  # what need not be done twice between two runs

    def served(self) -> list[Any]:
        return [*self.shown(), *self.bad] if self.instead is None else self.instead

    def shown(self) -> list[Record]:
        """The records, some in two states at once that nothing tells the order of."""
        twice = [self.records[slug] | {"agentId": -1} for slug in self.doubled & {*self.records}]
        return [*self.records.values(), *twice]

    def new_pipeline(self) -> dlt.Pipeline:
        """What a new process has: nothing but the files."""
        database, folder = self.folder / "pipeline.duckdb", self.folder / "pipelines"
        shutil.rmtree(folder, ignore_errors=True)  # as a run does with dlt's
        pipeline = demo_warehouse(database).open(folder)
        published, working = self.folder / "published.duckdb", Path(pipeline.working_dir)
        if bring_back(database, published, working):
            return demo_warehouse(database).open(folder)
        return pipeline

    def visible(self) -> list[Record]:
        oldest = milliseconds(self.now - timedelta(days=30))
        shown = self.shown() if self.instead is None else []
        return [r for r in shown if r.get("slotStart", oldest) >= oldest]

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
        for number in range(count):
            slug = f"m{len(self.records) + len(self.bad)}-{self.runs}-{self.now:%d%H%M}"
            slug = f"{slug}-{len(self.records)}"
            record: Record = {"slug": slug, "status": "ACTIVE", "agentId": len(slug), "orgId": 7}
            if scheduled_slot or count > 3:  # a cap of 50 could not show more than that at once
                record["slotStart"] = at + hours * 3_600_000 + number // 25 * 60_000
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
    @rule(data=st.data(), value=st.sampled_from(UNDOCUMENTED))
    def edit_an_attribute_that_nobody_documented(self, data: st.DataObject, value: Any) -> None:
        record = self.one(data)
        record["somethingNew"] = value
        self.touch(record, data)

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        del self.records[data.draw(st.sampled_from(sorted(self.records)))]

    @precondition(lambda self: len(self.records) > 30)
    @rule(share=st.floats(0.1, 0.9))
    def delete_many(self, share: float) -> None:
        for slug in sorted(self.records)[: int(share * len(self.records))]:
            del self.records[slug]

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def be_in_two_states_from_now_on(self, data: st.DataObject) -> None:
        self.doubled.add(self.one(data)["slug"])

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

    @rule(
        full=st.booleans(),
        faulty=st.booleans(),
        accept=st.booleans(),
        clock=st.sampled_from([0, 0, 0, 40, -40]),
    )
    def run(self, full: bool, faulty: bool, accept: bool, clock: int) -> None:
        self.tried.clear()
        self.pipeline = self.new_pipeline()
        self.server.faults = self.third_of_requests if faulty else no_faults
        source = self.source(full, accept_delisted=accept, started_at=self.now + DAY * clock)
        if self.has_others_alone() and not accept:
            with pytest.raises(PipelineStepFailed, match="nothing was loaded"):
                self.pipeline.run(source)
            self.server.faults = no_faults
            self.compare()
            return
        self.pipeline.run(source)
        self.server.faults = no_faults
        doubted = self.observe(accept=accept)
        with pytest.raises(DriftError) if doubted else nullcontext():
            check_read(source)
        self.compare()

    @rule(full=st.booleans(), accept=st.booleans(), shape=st.sampled_from([None, None, *BLANKS]))
    def answer_with_nothing(self, full: bool, accept: bool, shape: Answer | None) -> None:
        """A list of nothing; or none, which is believed where nothing was ever listed."""
        self.instead, self.server.nothing = [], shape
        if shape and self.has_listed:
            self.pipeline = self.new_pipeline()
            with pytest.raises(PipelineStepFailed, match=r"Drift refused|has no list of data"):
                self.pipeline.run(self.source(full))
            self.compare()
        else:
            self.run(full=full, faulty=False, accept=accept, clock=0)
        self.instead = self.server.nothing = None

    @precondition(lambda self: self.states and "foreign" not in self.tried)
    @rule(count=st.integers(1, 50))
    def answer_with_another_organisations(self, count: int) -> None:
        self.tried.add("foreign")
        at = milliseconds(self.now)
        self.instead = [{"slug": f"o{n}", "orgId": 8, "slotStart": at + n} for n in range(count)]
        with pytest.raises(PipelineStepFailed, match="the organisation 8"):
            self.new_pipeline().run(self.source(full=False))
        self.instead = None
        self.compare()

    @precondition(lambda self: "failing" not in self.tried)
    @rule()
    def fail_half_way(self) -> None:
        self.tried.add("failing")
        self.pipeline = self.new_pipeline()
        self.server.faults = lambda *_: Fault("server_error")
        with pytest.raises(PipelineStepFailed):
            self.pipeline.run(self.source(full=False))
        self.server.faults = no_faults
        if self.runs:
            self.compare()

    @rule()
    def be_cut_off_between_reading_and_loading(self) -> None:
        self.pipeline = self.new_pipeline()
        self.pipeline.sync_destination()  # as run() does
        self.pipeline.extract(self.source(full=False, accept_delisted=True))
        self.pipeline.normalize()

    @precondition(lambda self: self.runs)
    @rule()
    def be_killed_before_the_load_was_whole(self) -> None:
        self.pipeline = self.new_pipeline()
        self.pipeline.run(self.source(full=False, accept_delisted=True))
        with self.pipeline.sql_client() as client:
            client.execute_sql(
                "delete from _dlt_loads where load_id = (select max(load_id) from _dlt_loads)"
            )
        self.compare()

    @precondition(lambda self: self.runs)
    @rule(
        pattern=st.sampled_from(
            ["pipeline.duckdb", "pipelines", "pipelines/*/state.json", "pipelines/*/schemas/*"]
        ),
        harm=st.sampled_from(["lost", "emptied", "torn"]),
    )
    def lose_or_tear_files(self, pattern: str, harm: str) -> None:
        """The pipeline's own, after what is known was published."""
        files = list(self.folder.glob(pattern))
        own, published = self.folder / "pipeline.duckdb", self.folder / "published.duckdb"
        with next_copy(own, published, kept=3, mode=0o600):
            pass
        for file in files:
            if file.is_dir():
                shutil.rmtree(file)
            elif harm == "lost":
                file.unlink()
            else:
                os.truncate(file, 0 if harm == "emptied" else file.stat().st_size // 2)
        DONE[harm] += 1
        self.pipeline = self.new_pipeline()
        self.compare()

    @invariant()
    def be_counted(self) -> None:
        DONE["steps"] += 1

    def third_of_requests(self, number: int, _: str) -> Fault | None:
        return FAULTS[number // 3 % len(FAULTS)] if number % 3 == 1 else None

    def source(self, full: bool, **options: Any) -> Any:
        options = {"started_at": self.now, **options}
        return drift_source(self.server.url, self.server.token, full_refresh=full, **options)

    def observe(self, *, accept: bool) -> bool:
        """What the run that just read can know, by the contract alone; whether it is doubted."""
        started, visible = self.now, {record["slug"] for record in self.visible()}
        bad = self.bad if self.instead is None else []
        missing = self.expected() - visible
        doubted = bool(bad) and not visible
        doubted |= (
            not accept
            and bool(missing)
            and (missing == self.expected() or len(missing) > max(20, 0.2 * len(self.expected())))
        )
        for slug in visible:
            twice = [record for record in self.visible() if record["slug"] == slug]
            for record in self.new_states(slug, twice):
                sent, scheduled = record.get("updatedAt"), record.get("scheduledAt")
                at = sent or scheduled or milliseconds(started)
                at = datetime.fromtimestamp(at / 1000, UTC) if sent or scheduled else started
                self.states.setdefault(slug, []).append((at, self.reads, content_of(record)))
        self.refused |= set(bad)
        self.reads += 1
        if not doubted:
            if self.last_started and self.last_started <= self.now - timedelta(days=30):
                self.holes.append(self.last_started)
            self.has_listed |= bool(visible)
            self.listed, self.last_started, self.runs = visible, started, self.runs + 1
        return doubted

    def has_others_alone(self) -> bool:
        """Whether what is shown is nothing of what should be in sight, but something else."""
        visible = {record["slug"] for record in self.visible()}
        missing = self.expected() - visible
        return bool(missing and missing == self.expected() and visible - self.listed == visible)

    def expected(self) -> set[str]:
        """The meetings that were listed, and should be in sight."""
        oldest = milliseconds(self.now - timedelta(days=29))  # a day inside of what is shown
        newest = self.newest()
        return {
            slug for slug in self.listed if int(newest[slug].get("slotStart", oldest)) >= oldest
        }

    def newest(self) -> dict[str, dict[str, Any]]:
        return {
            slug: dict(max(states, key=lambda state: state[:2])[2])
            for slug, states in self.states.items()
        }

    def new_states(self, slug: str, records: list[Record]) -> list[Record]:
        """Those of the states that were never seen."""
        known = [state[2] for state in self.states.get(slug, [])]
        return [record for record in records if content_of(record) not in known]

    def compare(self) -> None:
        with duckdb.connect(str(self.folder / "pipeline.duckdb"), read_only=True) as warehouse:
            warehouse.execute("set timezone = 'UTC'").fetchall()
            warehouse.execute("set schema = 'drift'").fetchall()

            def rows(sql: str) -> list[tuple[Any, ...]]:
                return warehouse.execute(sql).fetchall()

            if self.runs:
                assert rows(
                    "select slug from (select slug, is_listed from drift.meeting_listings"
                    f" where {COUNTS}"
                    " qualify row_number() over (partition by slug order by sync_id desc) = 1)"
                    " where is_listed order by 1"
                ) == [(slug,) for slug in sorted(self.listed)]
                whole = f"select count(*) from drift.syncs where {IS_WHOLE}"
                assert rows(whole) == [(self.runs,)]
            assert rows(
                f"select slug, updated_at from drift.meeting_versions where {COUNTS}"
                " order by slug, updated_at"
            ) == sorted((slug, state[0]) for slug in self.states for state in self.states[slug])
            newest = self.newest()
            assert rows(
                "select distinct on (slug) slug, epoch_ms(slot_start), status from"
                f" drift.meeting_versions where {COUNTS}"
                " order by slug, updated_at desc, sync_id desc"
            ) == [
                (
                    slug,
                    int(newest[slug]["slotStart"]) if "slotStart" in newest[slug] else None,
                    newest[slug]["status"].strip("'") if "status" in newest[slug] else None,
                )
                for slug in sorted(newest)
            ]
            raw = f"select raw_json from drift.rejected_meetings where {COUNTS}"
            refused = {body for (body,) in rows(raw)}
            assert refused == {body.decode() for body in self.refused}
            if not self.runs:
                return
            gaps = f"where gap_from is not null and {IS_WHOLE} order by 1"
            holes = rows(f"select gap_from from drift.syncs {gaps}")
            assert holes == [(hole,) for hole in self.holes]

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.server.__exit__(None, None, None)
            DONE["runs"] += self.runs
            DONE["days"] += (self.now - START).days
            if self.runs:
                self.pipeline.sync_destination()  # files of dlt's may have been lost since
                database = self.folder / "pipeline.duckdb"
                with duckdb.connect(str(database)) as own, client_of(own) as client:
                    zone = {"time_zone": "America/New_York"}
                    make(client, Project.read(ROOT / "sql", zone))
            shutil.rmtree(self.folder, ignore_errors=True)


def test_the_warehouse_knows_what_can_be_known(
    monkeypatch: pytest.MonkeyPatch, examples: int, seed: int
) -> None:
    print(f"--examples {examples} --seed {seed} repeats this")  # shown where it fails
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.001")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "6")
    run_machine(
        hypothesis.seed(seed)(Organisation),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],  # a failure is told, not made smaller
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"Done: {dict(DONE)}")
