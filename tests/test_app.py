"""The house around the source and the warehouse: what loads what, and what the settings are."""

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
from typing import Any

import dlt
import pytest

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
    source = (ROOT / "pipelines" / "app" / "settings.py").read_text("utf-8")
    (modes,) = re.findall(r'personal_data: str = setting\("keep", one_of\((.+)\)\)', source)
    assert tuple(json.loads(f"[{modes}]")) == MODES


def test_the_configuration_file_has_each_setting_with_its_default() -> None:
    config = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text("utf-8"))
    written = {"sources.drift": config["sources"]["drift"], "bookings": config["bookings"]}
    for section, kind in SPECS.items():
        spec: Any = kind()
        defaults = {name: getattr(spec, name) for name in kind.get_resolvable_fields()}
        kept = {name: value for name, value in defaults.items() if name not in SECRETS}
        assert written[section] == kept | ({"contact_attributes": []} if "users" in kept else {})


@pytest.mark.parametrize("section", SPECS)
def test_every_setting_has_its_words_below_it(section: str) -> None:
    lines = inspect.getsource(SPECS[section]).splitlines()
    for name in SPECS[section].get_resolvable_fields():
        (at,) = (n for n, line in enumerate(lines) if line.startswith(f"    {name}: "))
        assert lines[at + 1].startswith('    """'), name


def test_packages_import_each_other_one_way_and_nothing_private() -> None:
    may = {
        "app": {"app", "drift", "warehouse", "report", "fake_drift"},
        "report": {"report", "warehouse"},
        "warehouse": {"warehouse"},
        "drift": set(),  # relative imports
        "fake_drift": {"fake_drift"},
    }
    for package, allowed in may.items():
        for path in (ROOT / "pipelines" / package).rglob("*.py"):
            text = path.read_text("utf-8")
            names = re.findall(r"^\s*(?:from|import) (\w+)", text, flags=re.M)
            assert set(names) & {*PACKAGES, "meetings", "dictionary"} <= allowed, path
            imported = re.findall(r"^\s*from \S+ import (\([^)]*\)|.+)$", text, flags=re.M)
            private = re.findall(r"\b_[a-z]\w*", " ".join(imported))
            assert private == [], path


def test_the_command_line_is_short_and_so_is_every_function() -> None:
    for path in (ROOT / "pipelines").rglob("*.py"):
        text = path.read_text("utf-8")
        most = 119 if path.name == "meetings.py" and path.parent.name == "pipelines" else 300
        assert len(text.splitlines()) <= most, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name != "drift_source":
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_what_is_set_for_the_whole_process_is_set_in_one_place() -> None:
    touched = re.compile(r"\bgc\.|os\.chdir|os\._exit|os\.environ(?:\[[^]]+\] =|\.setdefault)")
    for path in (ROOT / "pipelines").rglob("*.py"):
        if path.name != "process.py":
            assert not touched.search(path.read_text("utf-8")), path
