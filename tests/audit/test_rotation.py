"""A new key takes over: what was signed before still verifies, and the old key signs no more."""

from __future__ import annotations

import base64
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from audit import keys, proofs
from audit.actors import Actor
from audit.checkpoints import make_checkpoint, proof_of
from audit.models import Entry
from audit.rotation import rotate_key
from audit.verify import verify_trail
from staff.errors import NotAllowed, Refused
from staff.models import User
from tests.audit.trail import WORKER, Tampering, write

COMMAND = Actor.system("command")


def in_environment(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.private_bytes_raw()).decode()


@pytest.mark.django_db
def test_a_key_in_a_file_is_replaced_and_everything_still_verifies(home: Path) -> None:
    write(3)
    make_checkpoint(actor=WORKER)
    old = keys.public_key()
    early = proof_of([2])
    new = rotate_key(actor=COMMAND)
    assert keys.key_id(keys.public_key()) == new != keys.key_id(old)
    write(3)
    make_checkpoint(actor=WORKER)
    rotate_key(actor=COMMAND)
    write(2)
    result = verify_trail()
    assert (result.ok, result.problem) == (True, "")
    assert len(keys.known_keys()) == 3
    assert proofs.check(early, keys.known_keys()).numbers == (2,)
    with pytest.raises(proofs.BadProof, match="not signed"):
        proofs.check(early, keys.public_key())
    assert proofs.check(proof_of([11]), keys.public_key()).numbers == (11,)
    assert not (home / "keys" / keys.NEXT_FILE).exists()
    handed_out = (home / "keys" / keys.PUBLIC_FILE).read_text()
    assert handed_out == keys.public_pem(keys.signing_key().public_key())
    entry = Entry.objects.filter(verb="audit.offer_key").order_by("number")[0]
    assert entry.before == {"key": keys.key_id(old)}
    assert entry.after["key"] == new


@pytest.mark.django_db
def test_who_knows_the_first_key_alone_follows_the_trail(home: Path) -> None:
    write(2)
    first = keys.public_pem(keys.public_key())
    rotate_key(actor=COMMAND)
    write(2)
    for file in (home / "keys").rglob("*.pem"):
        file.unlink()
    (home / "keys" / keys.PUBLIC_FILE).write_text(first)
    (home / "audit").mkdir(exist_ok=True)
    assert verify_trail().ok


@pytest.mark.django_db
def test_a_key_from_the_environment_names_its_successor(settings: Settings) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    settings.AUDIT_SIGNING_KEY = in_environment(old)
    write(2)
    with pytest.raises(Refused, match="must be named"):
        rotate_key(actor=COMMAND)
    with pytest.raises(Refused, match="signs already"):
        rotate_key(actor=COMMAND, successor=old.public_key())
    rotate_key(actor=COMMAND, successor=new.public_key())
    write(1)  # a process that has not been told yet
    settings.AUDIT_SIGNING_KEY = in_environment(new)
    assert verify_trail().ok
    write(2)
    assert verify_trail().ok
    settings.AUDIT_SIGNING_KEY = in_environment(old)
    write(1)  # after the successor's first entry the old key is worth nothing
    result = verify_trail()
    assert (result.ok, result.first_bad) == (False, 7)
    assert "signature is not valid" in result.problem


@pytest.mark.django_db
def test_a_key_that_nobody_handed_over_to_signs_nothing(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = in_environment(Ed25519PrivateKey.generate())
    write(2)
    keys.retire(keys.public_key())
    settings.AUDIT_SIGNING_KEY = in_environment(Ed25519PrivateKey.generate())
    write(1)
    assert verify_trail().first_bad == 3


@pytest.mark.django_db(transaction=True)
def test_a_history_written_with_a_retired_key_that_leaked_is_refused(
    settings: Settings, superuser_connection: psycopg2.extensions.connection
) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    settings.AUDIT_SIGNING_KEY = in_environment(old)
    write(2)
    rotate_key(actor=COMMAND, successor=new.public_key())
    settings.AUDIT_SIGNING_KEY = in_environment(new)
    write(2)
    assert verify_trail().ok
    Tampering(superuser_connection).run("TRUNCATE audit_entry, audit_head")
    (settings.SIGHTLINE_HOME / "audit").rename(settings.SIGHTLINE_HOME / "gone")
    settings.AUDIT_SIGNING_KEY = in_environment(old)
    write(6, reason="invented")
    settings.AUDIT_SIGNING_KEY = in_environment(new)
    result = verify_trail()
    assert not result.ok
    assert "retired" in result.problem


@pytest.mark.django_db
def test_the_command_and_who_may(home: Path, tmp_path: Path, admin: User, auditor: User) -> None:
    write(1)
    out = StringIO()
    call_command("rotate_audit_key", stdout=out)
    assert keys.key_id(keys.public_key()) in out.getvalue()
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(CommandError, match="holds no public key"):
        call_command("rotate_audit_key", successor=tmp_path / "no.pem")
    with pytest.raises(NotAllowed):
        rotate_key(actor=Actor.of_user(auditor))
    rotate_key(actor=Actor.of_user(admin))
    assert verify_trail().ok
