"""What a command loads, and what the settings are.

Which package imports which is for import-linter (`lint-imports`), by the contracts in pyproject.
"""

import inspect
import json
import subprocess
import sys
import tomllib
from dataclasses import fields
from typing import Any

import dlt

from app.settings import SPECS
from app.status import VISIBLE
from drift import drift_source
from drift.api import VISIBLE_DAYS
from drift.privacy import MODES
from tests.conftest import ROOT, Project

OWN_ARGUMENTS = {
    *("full_refresh", "started_at", "max_delisted_share", "accept_delisted", "accept_organisation")
}
"""Arguments of the source that the run passes itself."""


SECRETS = {"access_token", "personal_data_key"}
PACKAGES = ("app", "drift", "warehouse", "report", "fake_drift")


def loaded(project: Project, *arguments: str) -> set[str]:
    """The project's modules that a command loads."""
    script = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(project.folder / 'pipelines')!r})\n"
        "import meetings\n"
        f"meetings.main({list(arguments)!r})\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=project.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    names = json.loads(done.stdout.splitlines()[-1])
    return {name for name in names if name.partition(".")[0] in PACKAGES}


def test_the_status_loads_neither_the_source_nor_what_builds(project: Project) -> None:
    names = loaded(project, "--status")
    assert "app.status" in names
    assert [n for n in names if n.startswith(("drift", "report", "fake_drift"))] == []
    assert not names & {"app.run", "app.session", "warehouse.build", "warehouse.lease"}


def test_importing_the_command_line_loads_nothing_large() -> None:
    script = "import sys, meetings; print(*{'dlt', 'duckdb', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "pipelines")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


def test_the_settings_of_the_source_are_its_arguments_with_their_defaults() -> None:
    parameters = inspect.signature(drift_source).parameters
    taken = {
        name: None if parameter.default in (dlt.secrets.value, None) else parameter.default
        for name, parameter in parameters.items()
        if name not in OWN_ARGUMENTS
    }
    spec: Any = SPECS["sources.drift"]()
    assert {name: getattr(spec, name) for name in spec.get_resolvable_fields()} == taken


def test_what_the_settings_and_the_status_know_of_drift_is_what_the_source_knows() -> None:
    assert VISIBLE.days == VISIBLE_DAYS
    (check,) = (
        one.metadata["check"]
        for one in fields(SPECS["sources.drift"])
        if one.name == "personal_data"
    )
    *others, last = MODES
    assert [check(mode) for mode in MODES] == [None] * len(MODES)
    assert check("") == f"must be {', '.join(others)} or {last}, not ''"


def test_the_configuration_file_has_each_setting_with_its_default() -> None:
    config = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text("utf-8"))
    written = {"sources.drift": config["sources"]["drift"], "bookings": config["bookings"]}
    for section, kind in SPECS.items():
        spec: Any = kind()
        defaults = {name: getattr(spec, name) for name in kind.get_resolvable_fields()}
        kept = {name: value for name, value in defaults.items() if name not in SECRETS}
        assert written[section] == kept | ({"contact_attributes": []} if "users" in kept else {})
