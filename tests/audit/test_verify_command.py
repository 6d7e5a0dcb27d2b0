"""`verify_audit`: what other programs rely on."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.core.management import call_command

from audit import keys
from audit.models import Entry
from tests.audit.trail import Tampering, write

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, stderr=err)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_whole_trail_in_json() -> None:
    write(3)
    status, out, _ = run("--json")
    assert status == 0
    assert json.loads(out) == {
        "entries": 3,
        "ok": True,
        "head": bytes(Entry.objects.get(number=3).hash).hex(),
    }


def test_an_empty_trail_is_whole() -> None:
    status, out, _ = run("--json")
    assert (status, json.loads(out)) == (0, {"entries": 0, "ok": True, "head": "00" * 32})


def test_a_bad_entry_in_json_and_in_words(
    superuser_connection: psycopg2.extensions.connection,
) -> None:
    write(3)
    Tampering(superuser_connection).update(2, reason="another")
    status, out, _ = run("--json")
    assert status == 1
    said = json.loads(out)
    assert (said["ok"], said["first_bad"], said["entries"]) == (False, 2, 3)
    assert "does not match its hash" in said["problem"]
    status, out, err = run()
    assert (status, out) == (1, "")
    assert err.startswith("Entry 2: It was changed")


def test_an_emptied_table_is_named(superuser_connection: psycopg2.extensions.connection) -> None:
    write(3)
    Tampering(superuser_connection).run("TRUNCATE audit_entry, audit_head")
    status, _, err = run()
    assert status == 1
    assert err == "Entry 1: The trail is empty, but entry 3 was witnessed: it was emptied.\n"


def test_the_public_key_alone_is_enough(home: Path) -> None:
    write(3)
    keys._from_file.cache_clear()
    (home / "keys" / keys.PRIVATE_FILE).unlink()
    assert run("--json")[0] == 0


def test_without_a_key_nothing_is_verified_and_none_is_made(home: Path) -> None:
    write(3)
    for file in (home / "keys").iterdir():
        file.unlink()
    status, _, err = run()
    assert status == 1
    assert "There is no key" in err
    assert list((home / "keys").iterdir()) == []


def test_verifying_writes_nothing() -> None:
    write(3)
    run()
    assert Entry.objects.count() == 3
