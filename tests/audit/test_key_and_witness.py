"""What lies outside the database: the signing key and the witness of the head."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from audit import keys, witness
from audit.models import Entry
from audit.verify import verify_trail
from tests.audit.trail import Tampering, write


@pytest.mark.django_db
def test_the_key_is_made_once_and_only_its_owner_reads_it(home: Path) -> None:
    write(1)
    path = home / "keys" / keys.PRIVATE_FILE
    made = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write(1)
    assert path.read_bytes() == made


def test_processes_that_come_first_at_once_agree_on_the_key(home: Path) -> None:
    code = (
        "import sys, pathlib; from audit import keys;"
        "from django.conf import settings; settings.configure(AUDIT_SIGNING_KEY='',"
        "KEYS_DIR=sys.argv[1]); print(keys.public_pem(keys.signing_key().public_key()))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home / "race")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    outputs = {process.communicate()[0] for process in started}
    assert len(outputs) == 1
    assert "PUBLIC KEY" in outputs.pop()


@pytest.mark.django_db
def test_a_key_from_the_environment_leaves_no_file(settings: Settings, home: Path) -> None:
    settings.AUDIT_SIGNING_KEY = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    write(1)
    assert verify_trail().ok
    assert not (home / "keys").exists()


def test_a_key_that_is_none_is_refused_in_words(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = "not a key"
    with pytest.raises(ImproperlyConfigured, match="AUDIT_SIGNING_KEY"):
        keys.signing_key()


@pytest.mark.django_db(transaction=True)
def test_a_witness_that_contradicts_the_trail_stays(
    superuser_connection: psycopg2.extensions.connection,
) -> None:
    write(3)
    kept = witness.path().read_text()
    with superuser_connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE audit_entry, audit_head")
    write(5)
    assert witness.path().read_text() == kept


@pytest.mark.django_db(transaction=True)
def test_work_goes_on_where_the_witness_cannot_be_written(home: Path) -> None:
    (home / "audit").write_text("a file where a folder should be")
    write(2)
    assert Entry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_witness_is_on_the_disk_before_it_takes_the_place_of_the_former(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A power cut in between would otherwise leave an empty file, which nothing replaces."""
    write(1)
    happened: list[tuple[str, int]] = []
    replace = Path.replace

    def noted(file: Path, target: Path) -> Path:
        happened.append(("replace", file.stat().st_size))
        return replace(file, target)

    monkeypatch.setattr(os, "fsync", lambda fd: happened.append(("sync", os.fstat(fd).st_size)))
    monkeypatch.setattr(Path, "replace", noted)
    write(1)
    size = witness.path().stat().st_size
    assert happened == [("sync", size), ("replace", size)]


@pytest.mark.django_db(transaction=True)
def test_a_witness_that_lags_behind_is_no_fault() -> None:
    """As after a crash between the commit and the writing of the file."""
    write(2)
    old = witness.path().read_text()
    write(3)
    witness.path().write_text(old)
    assert verify_trail().ok
    write(1)
    assert json.loads(witness.path().read_text())["number"] == 6


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", ["", "[]", '{"number": 3}', "\0" * 100])
def test_a_broken_witness_is_reported(text: str) -> None:
    write(2)
    witness.path().write_text(text)
    result = verify_trail()
    assert (result.ok, result.first_bad) == (False, None)
    assert str(witness.path()) in result.problem


@pytest.mark.django_db(transaction=True)
def test_a_forged_witness_is_reported() -> None:
    write(2)
    head = json.loads(witness.path().read_text()) | {"number": 1}
    witness.path().write_text(json.dumps(head | {"hash": "00" * 32}))
    result = verify_trail()
    assert not result.ok
    assert "not signed" in result.problem


@pytest.mark.django_db(transaction=True)
def test_without_a_witness_file_verification_says_so() -> None:
    write(2)
    witness.path().unlink()
    result = verify_trail()
    assert result.ok
    assert "no witness file" in result.warnings[0]


@pytest.mark.django_db(transaction=True)
def test_a_trail_that_is_gone_with_its_witness_is_at_least_suspected(
    superuser_connection: psycopg2.extensions.connection,
) -> None:
    assert verify_trail().warnings == ()
    write(2)
    Tampering(superuser_connection).run("TRUNCATE audit_entry, audit_head")
    witness.path().unlink()
    result = verify_trail()
    assert result.ok
    assert "its trail is gone" in result.warnings[0]
