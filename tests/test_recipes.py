"""The recipes of where to run it, as far as a machine without those services can tell."""

import importlib
import json
import re
import runpy
import shlex
import shutil
import stat
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.conftest import ROOT, Project, Serve, meeting

pytestmark = pytest.mark.process

RECIPES = ROOT / "recipes"


def test_the_crontabs_lines_run_in_crons_bare_environment_and_write_in_the_project_alone(
    project: Project, serve: Serve
) -> None:
    server = serve([meeting("m1")])
    (project.folder / ".venv" / "bin").mkdir(parents=True)
    (project.folder / ".venv" / "bin" / "python").write_text(
        f'#!/bin/sh\nexec {project.command()[0]} "$@"\n'
    )
    (project.folder / ".venv" / "bin" / "python").chmod(0o755)
    (project.folder / ".dlt" / "secrets.toml").write_text(
        f'[sources.drift]\nbase_url = "{server.url}"\naccess_token = "{server.token}"\n'
    )
    config = project.folder / ".dlt" / "config.toml"
    config.write_text(re.sub(r"^base_url = .*$", "", config.read_text(), flags=re.M))
    bare = {"HOME": str(project.home), "LOGNAME": "x", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    crontab = (RECIPES / "crontab").read_text("utf-8")
    bare |= dict(re.findall(r"^([A-Z]+)=(.*)$", crontab, flags=re.M))
    assert "PROJECT" in bare
    bare["PROJECT"] = str(project.folder)
    lines = re.findall(r"^(?:[0-9*/]+ +){5} *(.+)$", crontab, flags=re.M)
    assert len(lines) == 2
    for line in lines:
        assert "%" not in line  # to cron, the end of the command
        assert not re.search(r"(^|[\s>\"'])[/~]", line)  # what is not the user's own
        done = subprocess.run(
            ["/bin/sh", "-c", line], env=bare, cwd=project.home, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    log = project.folder / "drift-bookings.log"
    assert "loaded     1 in the warehouse" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    stale = subprocess.run(
        ["/bin/sh", "-c", lines[1]],
        env=bare | {"BOOKINGS__STALE_AFTER_HOURS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert stale.stdout.startswith("state      stale")


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    units = []
    for name in ("drift-bookings.service", "drift-bookings.timer"):
        text = (RECIPES / name).read_text("utf-8")
        # The program and its user are not on this machine.
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", text, flags=re.M)
        (tmp_path / name).write_text(text.replace("User=drift\n", "User=root\n"))
        units.append(str(tmp_path / name))
        for line in text.splitlines():
            assert re.fullmatch(r"|#.*|\[\w+\]|\w+=\S.*", line), line
    service = (RECIPES / "drift-bookings.service").read_text("utf-8")
    (start,) = re.findall(r"^ExecStart=(.+)$", service, flags=re.M)
    folder = "/opt/drift-bookings"
    assert start == f"{folder}/.venv/bin/python {folder}/pipelines/meetings.py"
    assert f"ReadWritePaths={folder}\n" in service
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
        )
        said = [line for line in done.stderr.splitlines() if "drift-bookings" in line]
        assert said == []


def test_the_workflows_steps_run_in_their_order(project: Project, serve: Serve) -> None:
    serve([meeting("m1")])
    workflow = yaml.safe_load((RECIPES / "github-actions.yml").read_text("utf-8"))
    assert workflow[True]["schedule"] == [{"cron": "17 */2 * * *"}]  # YAML's own reading of `on`
    job = workflow["jobs"]["run"]
    commands = {step["name"]: step["run"] for step in job["steps"] if "run" in step}
    assert list(commands) == ["Install", "Run", "Report", "State"]
    assert "'.[postgres,report]'" in commands.pop("Install")  # from a package index: not here
    python = project.home / "python"
    python.write_text(f'#!/bin/sh\nexec {project.command()[0]} "$@"\n')
    python.chmod(0o755)
    environment = project.environ()
    environment["PATH"] = f"{project.home}:{environment['PATH']}"
    for command in commands.values():
        subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],  # as GitHub runs them
            cwd=project.folder,
            env=environment,
            check=True,
            capture_output=True,
        )
    upload = job["steps"][-1]["with"]["path"].split()
    assert [(project.folder / name).exists() for name in upload] == [True, True, True]
    assert '"state": "fresh"' in (project.folder / "status.json").read_text()
    names = set(re.findall(r"secrets\.(\w+)", (RECIPES / "github-actions.yml").read_text()))
    assert names == {"DRIFT_ACCESS_TOKEN", "WAREHOUSE_CREDENTIALS"}
    assert all(variable.count("__") == 2 for variable in job["env"])


def test_the_images_files_and_commands_are_all_that_a_run_needs(
    project: Project, serve: Serve, tmp_path: Path
) -> None:
    serve([meeting("m1")])
    text = re.sub(r"\\\n\s*", "", (RECIPES / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    steps = [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]
    assert [word for word, _ in steps if word != "COPY"] == [
        *("FROM", "RUN", "WORKDIR", "RUN", "ENV", "USER", "ENTRYPOINT")
    ]
    root, shims = tmp_path / "image", tmp_path / "bin"
    shims.mkdir()
    own = {
        "useradd": "exit 0",
        "chown": "exit 0",
        "pip": "exit 0",
    }  # another system's, or from afar
    own["python"] = f'exec {project.command()[0]} "$@"'
    for name, script in own.items():
        (shims / name).write_text(f"#!/bin/sh\n{script}\n")
        (shims / name).chmod(0o755)
    environment = project.environ(HOME=str(tmp_path))
    environment["PATH"] = f"{shims}:{environment['PATH']}"
    folder = root
    shipped: set[Path] = set()

    def inside(path: str) -> str:
        return re.sub(r"(?<![\w.])/(?=app|data)", f"{root}/", path)

    def files(root: Path) -> set[Path]:
        volumes = (root / "data", root / "app/.dlt/.var")
        found = {path for path in root.rglob("*") if path.is_file()}
        return {p for p in found if p.suffix != ".pyc" and not {*volumes} & {*p.parents}}

    for word, rest in steps:
        if word == "WORKDIR":
            folder = Path(inside(rest))
        elif word == "COPY":
            *sources, target = shlex.split(rest)
            for name in sources:
                to = folder / target / name if target.endswith("/") else folder / target
                to.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, to)
        elif word == "ENV":
            name, _, value = inside(rest).partition("=")
            environment[name] = value
        elif word in ("RUN", "ENTRYPOINT"):
            command = ["sh", "-ec", inside(rest)] if word == "RUN" else json.loads(rest)
            root.mkdir(exist_ok=True)
            shipped = files(root)
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    metadata = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert all(
        (folder / name).exists() for name in (metadata["readme"], *metadata["license-files"])
    )
    assert not (folder / ".dlt" / "secrets.toml").exists()
    with duckdb.connect(str(root / "data" / "warehouse.duckdb"), read_only=True) as published:
        assert published.execute("select count(*) from bookings.meetings").fetchall() == [(1,)]
    assert files(root) == shipped  # a run writes into the two volumes alone


@pytest.mark.skipif(not find_spec("dagster"), reason="needs dagster: .ci/run has a step for it")
def test_dagster_materializes_the_bookings_and_checks_that_they_are_fresh(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve([meeting("m1")])
    for name, value in project.environ(
        DRIFT_BOOKINGS=str(project.folder), DRIFT_BOOKINGS_PYTHON=project.command()[0]
    ).items():
        monkeypatch.setenv(name, value)
    recipe = runpy.run_path(str(RECIPES / "dagster_bookings.py"))
    recipe["defs"].validate_loadable(recipe["defs"])
    everything = [recipe["bookings"], recipe["data_are_fresh"]]
    done = importlib.import_module("dagster").materialize(everything)
    (check,) = done.get_asset_check_evaluations()
    assert (done.success, check.passed, check.metadata["state"].value) == (True, True, "fresh")
    (made,) = done.get_asset_materialization_events()
    assert "loaded     1 in the warehouse" in made.materialization.metadata["summary"].value
    monkeypatch.setenv("BOOKINGS__TIME_ZONE", "Moon")
    done = importlib.import_module("dagster").materialize(everything, raise_on_error=False)
    (failed,) = done.get_step_failure_events()
    assert "bookings.time_zone is no time zone" in str(failed.step_failure_data.error)


def test_the_projects_own_workflow_checks_everything_on_the_oldest_python_and_a_newer_one() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert workflow[True] == {"push": {"branches": ["main"]}, "pull_request": None}
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest"
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    oldest, newest = job["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f">={oldest}" == project["requires-python"]
    assert [int(part) for part in newest.split(".")] > [int(part) for part in oldest.split(".")]
    # Both pip's Python and uv's are the one of the matrix.
    assert job["env"] == {"UV_PYTHON": "${{ matrix.python }}"}
    versions = [step["with"]["python-version"] for step in job["steps"] if "with" in step]
    assert versions == ["${{ matrix.python }}"]


@pytest.mark.parametrize("recipe", sorted(RECIPES.iterdir()), ids=lambda path: path.name)
def test_no_recipe_holds_a_secret(recipe: Path) -> None:
    text = recipe.read_text("utf-8")
    assert not re.search(r"ACCESS_TOKEN=[A-Za-z0-9]", text)
