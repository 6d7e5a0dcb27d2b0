"""The embedded server: started by who needs it, stopped with its last user, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings

from config.embedded import EmbeddedServer
from config.embedded_programs import EmbeddedError
from tests.support.processes import folder_of_its_own, kill_all, processes_of, wait_for

USER = """
import sys
from pathlib import Path
from config.embedded import EmbeddedServer
EmbeddedServer.at(Path(sys.argv[1])).ensure_running()
print("up", flush=True)
sys.stdin.read()
"""


@contextmanager
def user(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the server until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(home)],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def is_down(server: EmbeddedServer) -> bool:
    return server.pid() is None and not server.keeper_runs()


def ask(server: EmbeddedServer, statement: str, role: str = "postgres") -> object:
    with (
        closing(psycopg2.connect(server.dsn(role, "sightline"))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        connection.commit()
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


@pytest.fixture
def home() -> Iterator[Path]:
    with folder_of_its_own() as folder:
        yield folder / "home"


@pytest.fixture
def server(home: Path) -> EmbeddedServer:
    return EmbeddedServer(home)


def test_it_stops_with_its_last_user_and_keeps_the_data(server: EmbeddedServer) -> None:
    with user(server.home) as first:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        with user(server.home):
            pass
        assert server.pid() is not None, "somebody still uses it"
        first.communicate("")
    wait_for(lambda: is_down(server))
    wait_for(lambda: processes_of(server.home) == [])  # the keeper ends after the server
    with user(server.home):
        assert ask(server, "SELECT answer FROM kept") == 42


def test_ten_users_at_once_share_one_server(server: EmbeddedServer) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(server.home)],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    for process in starts:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
    assert len(processes_of(server.home, naming=str(server.data))) == 1
    assert len(processes_of(server.home, naming="config.keeper")) == 1
    for process in starts:
        process.communicate("")
    wait_for(lambda: is_down(server))


def test_killing_a_user_leaves_no_server_behind(server: EmbeddedServer) -> None:
    with user(server.home) as process:
        process.kill()
        process.wait()
        wait_for(lambda: is_down(server))


def test_killing_the_server_loses_nothing_committed(server: EmbeddedServer) -> None:
    with user(server.home):
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: server.pid() is None)
        with user(server.home):
            assert server.pid() not in {None, pid}
            assert ask(server, "SELECT answer FROM kept") == 42


def test_killing_everything_at_once_is_mended_by_the_next_start(server: EmbeddedServer) -> None:
    with user(server.home):
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill_all(processes_of(server.home))
        wait_for(lambda: is_down(server))
    assert (server.data / "postmaster.pid").exists()
    with user(server.home):
        assert ask(server, "SELECT answer FROM kept") == 42


def test_a_stale_process_file_that_names_another_process(server: EmbeddedServer) -> None:
    with user(server.home):
        pass
    wait_for(lambda: is_down(server))
    # The number has been given to somebody else in the meantime: to this very process.
    lines = [str(os.getpid()), str(server.data), "0", "5432", str(server.socket_folder), "", "", ""]
    (server.data / "postmaster.pid").write_text("\n".join(lines))
    assert server.pid() is None
    with user(server.home):
        assert ask(server, "SELECT 1") == 1


def test_killing_the_keeper_is_mended_by_the_next_user(server: EmbeddedServer) -> None:
    with user(server.home):
        kill_all(processes_of(server.home, naming="config.keeper"))
        wait_for(lambda: not server.keeper_runs())
        with user(server.home):
            assert server.keeper_runs()
    wait_for(lambda: is_down(server))


def test_a_half_made_data_folder_is_made_anew(server: EmbeddedServer) -> None:
    half_made = server.folder / "new-1"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with user(server.home):
        assert ask(server, "SELECT 1") == 1
    assert not half_made.exists()


def test_a_folder_with_other_things_is_left_alone(server: EmbeddedServer) -> None:
    server.data.mkdir(parents=True)
    (server.data / "diary.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="is not a database folder"):
        server.ensure_running()
    assert (server.data / "diary.txt").read_text() == "mine"
    server.leave()


def test_a_path_too_long_for_a_socket(home: Path) -> None:
    server = EmbeddedServer(home / ("long-" * 20) / "home")
    assert len(str(server.folder)) > 108
    with user(server.home):
        assert ask(server, "SELECT 1") == 1
    wait_for(lambda: is_down(server))
    wait_for(lambda: not server.socket_folder.exists())


def test_a_path_with_a_space_and_a_quote(home: Path) -> None:
    server = EmbeddedServer(home / "it's a home")
    with user(server.home):
        assert ask(server, "SELECT 1") == 1


def test_nobody_else_can_reach_the_server(server: EmbeddedServer) -> None:
    with user(server.home):
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW fsync") == "on"
        assert server.socket_folder.stat().st_mode & 0o077 == 0


def test_the_two_roles(server: EmbeddedServer) -> None:
    with user(server.home):
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'sightline'"
        assert ask(server, owner) == "sightline_owner"
        rights = (
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls "
            "FROM pg_roles WHERE rolname = current_user"
        )
        assert ask(server, rights, role="sightline_app") is False
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            ask(server, "CREATE TABLE mine (id int)", role="sightline_app")


def test_leaving_waits_until_the_server_is_down(server: EmbeddedServer) -> None:
    server.ensure_running()
    with user(server.home):
        assert server.leave() is False
        assert server.pid() is not None
        server.ensure_running()
    assert server.leave() is True
    assert processes_of(server.home) == []
