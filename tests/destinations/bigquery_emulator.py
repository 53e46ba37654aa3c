"""BigQuery's API on this machine: an emulator, and what stands between it and Google's client.

The emulator, `bqemulator`, wants an environment of its own; `BQEMULATOR` in the environment says
where its program is (see docs/testing.md). The front before it gives tokens, keeps the statements
that were sent, and mends what the emulator does otherwise than the service:

- it does not unpack files in gzip, and waits for ever for the rest of a file of no bytes;
- it answers 200 to a query that fails, whose error Google's client then overlooks;
- it knows no `bq.abort_session`;
- a `create table` with columns that may be null and have descriptions fails outside of scripts;
- it takes a zone in `datetime(…, zone)` for a time of day, and `date - int64` for a mistake.
"""

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import bigquery
from google.oauth2.service_account import Credentials

PROGRAM: Final = os.environ.get("BQEMULATOR", "")
TOKEN: Final = b'{"access_token": "synthetic", "expires_in": 3600, "token_type": "Bearer"}'
PASSED_BACK: Final = ("content-type", "location", "range")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Front"

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.title(): value for name, value in self.headers.items()}
        headers.pop("Content-Length", None)
        if "Content-Range" in headers:
            body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
            body = body or b"\n"
            headers["Content-Range"] = f"bytes 0-{len(body) - 1}/{len(body)}"
        elif body:
            self.server.statements += re.findall(r'"query": "(.+?)(?<!\\)"', body.decode())
            body = _mended(body.decode()).encode()
        if self.server.refusal and (self.path != "/token" or self.server.refuses_tokens):
            self.answer(*self.server.refusal, {})
        elif self.path == "/token":
            self.answer(200, TOKEN, {})
        else:
            upstream = HTTPConnection("127.0.0.1", self.server.emulator)
            upstream.request(self.command, self.path, body, headers)
            got = upstream.getresponse()
            kept = {name: value for name, value in got.getheaders() if name in PASSED_BACK}
            status, data = got.status, got.read()
            upstream.close()
            self.answer(*_failed(status, data), kept)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - its names

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        default = {"content-type": "application/json", "content-length": str(len(body))}
        for name, value in (default | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _mended(text: str) -> str:
    text = text.replace(";CALL BQ.ABORT_SESSION()", "")
    if '"query": "CREATE TABLE `' in text:  # with descriptions it fails alone, and not in a script
        text = text.replace(';", "requestId"', ';SELECT 1;", "requestId"')
    text = re.sub(r"\bDATETIME\(([\w.]+), ([\w.']+|\\'\w+\\')\)", r"TIMEZONE(\2, \1)", text)
    days = r"(\w+) - CAST\((MOD\(.+?, 7\).*?) AS INT64\)"
    return re.sub(days, r"DATE_SUB(\1, INTERVAL (\2) DAY)", text)


def _failed(status: int, data: bytes) -> tuple[int, bytes]:
    """The status and body of an answer, by which the service tells that a query failed."""
    answer = json.loads(data) if status == 200 and b'"errors":[' in data else {}
    if answer.get("kind") != "bigquery#queryResponse":
        return status, data
    first = answer["errors"][0]
    return refused(404 if first["reason"] == "notFound" else 400, first["reason"], first["message"])


def refused(status: int, reason: str, message: str) -> tuple[int, bytes]:
    """An error as the service says it."""
    errors = [{"domain": "global", "reason": reason, "message": message}]
    error = {"code": status, "message": message, "errors": errors}
    return status, json.dumps({"error": error}).encode()


class Front(ThreadingHTTPServer):
    """What Google's client talks to, and the key of an account that may."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, emulator: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.emulator = emulator
        self.statements: list[str] = []
        self.refusal: tuple[int, bytes] | None = None
        self.refuses_tokens = False
        key = rsa.generate_private_key(65537, 2048)
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        self.key = key.private_bytes(*pem, serialization.NoEncryption()).decode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def account(self, project: str) -> dict[str, str]:
        """A service account, as its file has it."""
        return {
            "type": "service_account",
            "project_id": project,
            "private_key": self.key,
            "client_email": f"loader@{project}.example.com",
            "token_uri": f"{self.url}/token",
        }

    def settings(self, project: str) -> dict[str, str]:
        """What takes a project from DuckDB to here; the first variable is for Google's client."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "bigquery",
            "DESTINATION__WAREHOUSE__CREDENTIALS": json.dumps(self.account(project)),
            "DESTINATION__WAREHOUSE__LOCATION": "EU",
        }

    def client(self, project: str) -> bigquery.Client:
        """Google's own client."""
        credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            self.account(project)
        )
        options = {"api_endpoint": self.url}
        return bigquery.Client(project, credentials, location="EU", client_options=options)


@contextmanager
def front(emulator: int = 0) -> Iterator[Front]:
    """The front alone: without an emulator, for what is refused before."""
    with Front(emulator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def emulated(folder: Path) -> Iterator[Front]:
    """The emulator, and the front before it. What it writes lies in `folder`."""
    program = Path(PROGRAM).absolute()
    (extension,) = program.parents[1].glob("**/spatial.duckdb_extension")
    place = folder / ".duckdb/extensions" / extension.parent.name / "linux_amd64"
    place.mkdir(parents=True)
    shutil.copy(extension, place)
    rest, grpc = _free_port(), _free_port()
    ports = "--rest-port", str(rest), "--grpc-port", str(grpc)
    home = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.environ["PATH"]}
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [program, "start", *ports, "--log-level", "error"],
            env=home, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        while not _listens(rest):
            assert running.poll() is None, (folder / "log").read_text("utf-8")
            time.sleep(0.1)
        with front(rest) as server:
            yield server
    finally:
        running.terminate()
        running.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
