"""One run at a time on this machine, whatever becomes of the process that runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from warehouse.lock import LockedError, no_run_meanwhile, run_lock

pytestmark = pytest.mark.process

HOLD = """
import sys, time
from pathlib import Path
from warehouse.lock import run_lock
with run_lock(Path(sys.argv[1]), wait_seconds=0):
    print("held", flush=True)
    time.sleep(300)
"""


def is_held(path: Path) -> bool:
    with no_run_meanwhile(path) as is_free:
        return not is_free


def test_a_lock_needs_only_reading_to_be_seen_and_ends_with_its_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "folder" / "lock"
    assert not is_held(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "pipelines")},
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(LockedError, match="Another run is under way") as locked,
            run_lock(path, wait_seconds=0),
        ):
            pass
        assert locked.value.exit_code == 3
        path.chmod(0o444)
        assert is_held(path)
        holder.kill()
    assert not is_held(path)
    path.chmod(0o644)
    with run_lock(path, wait_seconds=0):
        assert is_held(path)
