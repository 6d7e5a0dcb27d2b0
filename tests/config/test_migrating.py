"""An embedded database is brought up to date by the command that finds it behind; no other is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings

from config.embedded import EmbeddedServer
from config.migration_stamp import MigrationStamp
from tests.support.processes import folder_of_its_own, processes_of, wait_for

WHO_AND_WHAT = """
from django.db import connection
cursor = connection.cursor()
cursor.execute("SELECT current_user, to_regclass('audit_entry') IS NOT NULL")
print(*cursor.fetchone())
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with folder_of_its_own() as folder:
        yield folder


def shell(home: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "shell", "--no-imports", "-c", code],
        env={"PATH": os.environ["PATH"], "SIGHTLINE_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_command_makes_and_migrates_the_database(home: Path) -> None:
    done = shell(home, WHO_AND_WHAT)
    assert (done.stdout, done.stderr) == ("sightline_app True\n", "")
    assert MigrationStamp(settings.BASE_DIR, home).is_current()
    wait_for(lambda: processes_of(home) == [])


def test_a_database_that_is_behind_is_brought_up_to_date(home: Path) -> None:
    server = EmbeddedServer(home)
    server.ensure_running()
    try:
        with (
            closing(psycopg2.connect(server.dsn(database="sightline"))) as connection,
            connection.cursor() as cursor,
        ):
            connection.autocommit = True
            cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
            cursor.execute("DROP TABLE django_session")
            MigrationStamp(settings.BASE_DIR, home).write("what an older version wrote")
            done = shell(home, WHO_AND_WHAT)
            assert (done.stdout, done.stderr) == ("sightline_app True\n", "")
            cursor.execute("SELECT to_regclass('django_session') IS NOT NULL")
            assert cursor.fetchone() == (True,)
            cursor.execute(
                "SELECT has_table_privilege('sightline_app', 'django_session', 'UPDATE')"
            )
            assert cursor.fetchone() == (True,), "the new table is the application's to use"
    finally:
        server.leave()


def test_a_database_named_by_its_address_is_never_migrated(home: Path) -> None:
    server = EmbeddedServer(home)
    server.ensure_running()
    try:
        with (
            closing(psycopg2.connect(server.dsn())) as connection,
            connection.cursor() as cursor,
        ):
            connection.autocommit = True
            cursor.execute("CREATE DATABASE somebody_elses")
        named = f"postgresql://postgres@/somebody_elses?host={server.socket_folder}"
        done = shell(home, WHO_AND_WHAT, DATABASE_URL=named, SIGHTLINE_DEBUG="1")
        assert done.stdout == "postgres False\n"
    finally:
        server.leave()


def test_migrating_as_the_owner_makes_the_applications_role(home: Path) -> None:
    server = EmbeddedServer(home)
    server.ensure_running()
    try:
        with (
            closing(psycopg2.connect(server.dsn())) as connection,
            connection.cursor() as cursor,
        ):
            connection.autocommit = True
            cursor.execute("CREATE ROLE landlord LOGIN")
            cursor.execute("CREATE DATABASE let OWNER landlord")
            socket = server.socket_folder
            environment = {
                "PATH": os.environ["PATH"],
                "SIGHTLINE_HOME": str(home),
                "SIGHTLINE_DEBUG": "1",
                "DATABASE_OWNER_URL": f"postgresql://landlord@/let?host={socket}",
                "DATABASE_URL": f"postgresql://tenant:top-secret@/let?host={socket}",
            }
            migrate = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate"]
            refused = subprocess.run(
                migrate, env=environment, capture_output=True, text=True, check=False
            )
            assert refused.returncode == 1
            assert "run CREATE ROLE tenant LOGIN" in refused.stderr
            assert "Traceback" not in refused.stderr

            cursor.execute("ALTER ROLE landlord CREATEROLE")
            subprocess.run(migrate, env=environment, capture_output=True, check=True)
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'tenant'")
            stored = cursor.fetchone()
            assert stored is not None
            assert stored[0].startswith("SCRAM-SHA-256$")
        environment.pop("PATH")
        assert shell(home, WHO_AND_WHAT, **environment).stdout == "tenant True\n"
        refused = shell(
            home, "from audit.models import Entry; Entry.objects.update(actor='x')", **environment
        )
        assert "permission denied for table audit_entry" in refused.stderr
    finally:
        server.leave()


def test_any_change_of_a_migration_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = tmp_path / "accounts" / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    for name in ("requirements.txt", "config/grants.py", "accounts/migrations/0001_initial.py"):
        (tmp_path / name).write_text("first")
    stamp = MigrationStamp(tmp_path, tmp_path)
    seen = {stamp.fingerprint()}
    (folder / "0001_initial.py").write_text("second")
    seen.add(stamp.fingerprint())
    (folder / "0002_more.py").write_text("")
    seen.add(stamp.fingerprint())
    (tmp_path / "requirements.txt").write_text("another Django")
    seen.add(stamp.fingerprint())
    assert len(seen) == 4
