"""The recipes of where to run it, as far as a machine without those services can tell."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Project, Serve, meeting

RECIPES = ROOT / "recipes"


def test_the_crontabs_lines_run_in_crons_bare_environment(
    project: Project, serve: Serve, tmp_path: Path
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
    log = tmp_path / "log file"
    bare = {"HOME": str(project.home), "LOGNAME": "x", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    crontab = (RECIPES / "crontab").read_text("utf-8")
    bare |= dict(re.findall(r"^([A-Z]+)=(.*)$", crontab, flags=re.M))
    assert bare.keys() >= {"PROJECT", "LOG"}
    bare |= {"PROJECT": str(project.folder), "LOG": str(log)}
    lines = re.findall(r"^(?:[0-9*/]+ +){5} *(.+)$", crontab, flags=re.M)
    assert len(lines) == 2
    for line in lines:
        assert "%" not in line  # to cron, the end of the command
        done = subprocess.run(
            ["/bin/sh", "-c", line], env=bare, cwd=project.home, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "loaded     1 in the warehouse" in log.read_text()
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


@pytest.mark.parametrize("name", ["crontab", "drift-bookings.service", "github-actions.yml"])
def test_no_recipe_holds_a_secret(name: str) -> None:
    text = (RECIPES / name).read_text("utf-8")
    assert not re.search(r"ACCESS_TOKEN=[A-Za-z0-9]", text)
