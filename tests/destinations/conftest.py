"""A real PostgreSQL, reached over TCP through a proxy that can cut the line."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest

from tests.conftest import Project
from tests.destinations.bigquery_emulator import Front, emulated
from tests.destinations.places import COLUMNS
from tests.destinations.postgres_server import EndedError, Server

PASSWORD = "synthetic-password"


@dataclass
class Line:
    """A TCP port that leads to a server's socket, until it is cut."""

    socket_path: str
    _listener: socket.socket = field(default_factory=socket.socket)
    _ends: set[socket.socket] = field(default_factory=set)
    cut_after: int | None = None
    """Bytes from the client after which every connection breaks, and no new one is made."""

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        hang_up(self._listener)  # closed alone, it would be listened to for ever
        self._listener.close()
        self._break()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        """Passes on what both say, until one ends. A run makes some hundred connections."""
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            if self.cut_after is not None and self.cut_after <= 0:
                return
            server.connect(self.socket_path)
            self._ends |= {client, server}
            back = threading.Thread(target=self._pass, args=(server, client, False), daemon=True)
            back.start()
            self._pass(client, server, True)
            back.join()
            self._ends -= {client, server}

    def _pass(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if counts and self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after <= 0:
                        self._break()
                        return
                other.sendall(data)
        hang_up(one, other)

    def _break(self) -> None:
        hang_up(*self._ends)


def hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@dataclass
class Postgres:
    """One database of its own on the server, and the role that loads into it."""

    database: str
    line: Line
    admin_uri: str

    def uri(self, role: str = "loader", password: str = PASSWORD) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.line.port}/{self.database}"

    @property
    def settings(self) -> dict[str, str]:
        """The two variables that take a project from DuckDB to here."""
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres",
            "DESTINATION__WAREHOUSE__CREDENTIALS": self.uri(),
        }

    def connect(self, uri: str | None = None) -> "psycopg2.extensions.connection":
        connection = psycopg2.connect(uri or self.uri())
        connection.autocommit = True
        return connection

    def query(self, sql: str, uri: str | None = None) -> list[tuple[Any, ...]]:
        return self.queries({"": sql}, uri)[""]

    def queries(
        self, asked: Mapping[str, str], uri: str | None = None
    ) -> dict[str, list[tuple[Any, ...]]]:
        found = {}
        with contextlib.closing(self.connect(uri)) as connection, connection.cursor() as cursor:
            cursor.execute("set timezone = 'UTC'")
            for name, sql in asked.items():
                cursor.execute(sql)
                found[name] = cursor.fetchall() if cursor.description else []
        return found

    def change(self, sql: str) -> None:
        self.query(sql)

    def columns(self) -> list[tuple[str, str]]:
        return [(table, column) for table, column in self.query(COLUMNS)]


@dataclass
class Kept:
    """The PostgreSQL of this session, once one has been asked for."""

    server: Server | None = None
    fails: str = ""
    """Why none could be started."""

    def drop(self) -> None:
        if self.server:
            self.server.stop()
        self.server = None


@pytest.fixture(scope="session")
def kept_server() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.drop()


@pytest.fixture
def server(kept_server: Kept) -> Iterator[str]:
    """The URI of a PostgreSQL's superuser.

    If it ends, this fails the one test that was under way, and the next one has another. If it
    cannot be started, the first test says why, and the others are skipped.
    """
    if kept_server.fails:
        pytest.skip("PostgreSQL could not be started: the first test that needs it says why")
    if kept_server.server and kept_server.server.process.poll() is not None:
        kept_server.drop()
    if not kept_server.server:
        try:
            kept_server.server = Server.started(PASSWORD)
        except Exception as failure:
            kept_server.fails = str(failure)
            raise
    yield kept_server.server.uri
    try:
        kept_server.server.check()
    except EndedError as ended:
        kept_server.drop()
        pytest.fail(str(ended))


@pytest.fixture(scope="session")
def bigquery_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """BigQuery's API."""
    with emulated(tmp_path_factory.mktemp("bigquery")) as front:
        yield front


@pytest.fixture
def postgres(server: str, request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A database that is empty, and in which the role `loader` may create schemas."""
    name = f"test_{abs(hash(request.node.nodeid)) % 10**12}"
    with contextlib.closing(psycopg2.connect(server)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database {name}")
            cursor.execute(f"grant create on database {name} to loader")
    (folder,) = parse_qs(urlsplit(server).query)["host"]
    with Line(f"{folder}/.s.PGSQL.5432") as line:
        yield Postgres(name, line, server.replace("/postgres?", f"/{name}?"))


@pytest.fixture
def on_postgres(project: Project, postgres: Postgres) -> Postgres:
    """The project, switched to the database."""
    project.environment |= postgres.settings
    return postgres
