"""Drift's booked meetings in Dagster: an asset, its freshness as a check, and an hourly schedule.

    pip install dagster dagster-webserver
    DRIFT_BOOKINGS=/path/to/drift-bookings dagster dev -f recipes/dagster_bookings.py

Dagster may run in an environment of its own: the run is a process of the project's. (dagster-dlt's
`@dlt_assets` would load the raw tables alone: no models, no checks, nothing published.) The token
stands in the project's .dlt/secrets.toml, or in the environment.
"""

import json
import os
import subprocess
from pathlib import Path

import dagster as dg

PROJECT = Path(os.environ.get("DRIFT_BOOKINGS", "/path/to/drift-bookings"))
PYTHON = os.environ.get("DRIFT_BOOKINGS_PYTHON", str(PROJECT / ".venv" / "bin" / "python"))
UNDER_WAY = 3
"""The exit code of a run that found another one under way, which does the work."""


def meetings(*options: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(PROJECT / "pipelines" / "meetings.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@dg.asset(group_name="drift", kinds={"dlt", "duckdb"})
def bookings(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The tables of the schema `bookings`, read from Drift, built, checked and published."""
    run = meetings()
    context.log.info("%s\n%s", run.stderr, run.stdout)
    if run.returncode not in (0, UNDER_WAY):
        # The run has asked again by itself: the next scheduled one is soon enough.
        raise dg.Failure(run.stderr.splitlines()[-1], allow_retries=False)
    return dg.MaterializeResult(metadata={"summary": dg.MetadataValue.md(f"```\n{run.stdout}```")})


@dg.asset_check(asset=bookings)
def data_are_fresh() -> dg.AssetCheckResult:
    """Whether the newest read is recent, and came in time. Worth a schedule of its own."""
    found = meetings("--status", "--json")
    if not found.stdout:
        raise dg.Failure(found.stderr)
    told = json.loads(found.stdout)
    return dg.AssetCheckResult(
        passed=told["state"] == "fresh",
        metadata={key: told[key] for key in ("state", "data_age_hours", "days_until_gap")},
    )


every_hour = dg.ScheduleDefinition(
    name="every_hour",
    cron_schedule="17 * * * *",
    target=dg.AssetSelection.assets(bookings),
    default_status=dg.DefaultScheduleStatus.RUNNING,
)

defs = dg.Definitions(assets=[bookings], asset_checks=[data_are_fresh], schedules=[every_hour])
