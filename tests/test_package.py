"""The source by itself: a wheel, installed elsewhere, in anyone's pipeline."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from drift import api, tables
from fake_drift.server import FakeDrift, People
from tests.conftest import ROOT, meeting

pytestmark = pytest.mark.process

PLAIN_PIPELINE = """
import json, sys
import dlt
from drift import drift_source

pipeline = dlt.pipeline("anyone", destination="duckdb", pipelines_dir="working")
pipeline.run(drift_source(base_url=sys.argv[1], access_token=sys.argv[2], conversations=True))
with pipeline.sql_client() as client:
    names = [name for name in pipeline.default_schema.data_table_names()]
    counts = {name: client.execute_sql(f"select count(*) from {name}")[0][0] for name in names}
print(json.dumps(counts))
"""


def run(*command: str, cwd: Path) -> str:
    kept = ("PATH", "HOME", "UV_CACHE_DIR", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def needed(wheel: Path) -> set[str]:
    """The packages that a wheel asks for, whatever its extras add."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("METADATA")]
        words = packed.read(name).decode()
    return set(re.findall(r"^Requires-Dist: ([\w-]+)(?!.*extra ==)", words, flags=re.M))


def imported() -> set[str]:
    """The packages that the source imports, Python's own left out."""
    files = (ROOT / "pipelines" / "drift").glob("*.py")
    names = {
        name
        for file in files
        for name in re.findall(r"^ *(?:from|import) (\w+)", file.read_text("utf-8"), flags=re.M)
    }
    return {name for name in names if importlib.util.find_spec(name)} - sys.stdlib_module_names


def test_the_wheel_runs_in_an_empty_folder_and_a_second_time_adds_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "copy"  # a build leaves files behind
    shutil.copytree(ROOT / "pipelines" / "drift", copy / "pipelines" / "drift")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    run("uv", "build", "--wheel", "--out-dir", str(tmp_path / "dist"), cwd=copy)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert needed(wheel) == imported() - {"sqlglot"} | {"tzdata", "urllib3"}  # dlt's own, and data
    python = str(tmp_path / "venv" / "bin" / "python")
    run("uv", "venv", "--python", sys.executable, str(tmp_path / "venv"), cwd=tmp_path)
    run("uv", "pip", "install", "--python", python, str(wheel), cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    people = People(
        users=[{"id": 11}],
        teams=[{"id": 5, "members": [11]}],
        playbooks=[{"id": 60}],
        contact=lambda number: {"id": number},
        conversation=lambda number: {"id": number},
    )
    with FakeDrift([meeting(f"m{n}", schedulerId=n) for n in range(20)], people=people) as server:
        counted: list[dict[str, Any]] = [
            json.loads(run(python, "-c", PLAIN_PIPELINE, server.url, server.token, cwd=empty))
            for _ in range(2)
        ]
        asked = [one.path for one in server.requests]
    once = {
        "meeting_versions": 20,
        "meeting_listings": 20,
        "rejected_meetings": 0,
        "syncs": 1,
        "imports": 0,
        "attributes": 0,
        "users": 1,
        "teams": 1,
        "team_members": 1,
        "playbooks": 1,
        "contacts": 20,
        "conversations": 1,
    }
    assert counted == [once, once | {"syncs": 2}]
    assert sum(path.startswith("/contacts/") for path in asked) == 20


def test_the_package_imports_nothing_of_the_project() -> None:
    for file in (ROOT / "pipelines" / "drift").glob("*.py"):
        imported = re.findall(r"^\s*(?:from|import) (\w+)", file.read_text("utf-8"), flags=re.M)
        others = {path.stem for path in (ROOT / "pipelines").iterdir()}
        assert not set(imported) & others, file


def test_private_names_stay_in_their_modules() -> None:
    for file in (ROOT / "pipelines" / "drift").glob("*.py"):
        assert not re.search(r"^from \.\w* import .*\b_[a-z]", file.read_text("utf-8"), flags=re.M)


def test_the_readme_has_every_endpoint_with_its_scope_and_every_table() -> None:
    words = (ROOT / "pipelines" / "drift" / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `((?:GET|POST) /.+?)` \| (.+)$", words, flags=re.M))
    endpoints = [one for one in vars(api).values() if isinstance(one, api.Endpoint)]
    assert rows.keys() == {f"{one.method} {one.path}" for one in endpoints}
    for one in endpoints:
        scope = rows[f"{one.method} {one.path}"].split(" | ")[1]
        assert scope == (f"`{one.scope}`" if one.scope else "unknown")
    named = {name for row in rows.values() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    assert named == {table.name for table in tables.ALL}
