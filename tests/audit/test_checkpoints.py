"""Signed checkpoints: when they are made, and what verification finds because of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit import checkpoints, keys, merkle, notes, witness
from audit.actors import Actor
from audit.checkpoints import BrokenTrail, export_proof, make_checkpoint, proof_of
from audit.models import Checkpoint, Entry, Head
from audit.selectors import Filters
from audit.tasks import make_checkpoint as checkpoint_task
from audit.verify import verify_trail
from staff.errors import NotAllowed
from staff.models import User
from tests.audit.trail import WORKER, Kept, Tampering, write


@pytest.fixture
def tampering(superuser_connection: psycopg2.extensions.connection) -> Tampering:
    return Tampering(superuser_connection)


@pytest.mark.django_db
def test_it_states_the_trail_and_leaves_an_entry() -> None:
    written = write(5)
    made = make_checkpoint(actor=WORKER)
    assert made is not None
    entry = Entry.objects.get(number=6)
    assert (entry.verb, entry.after["size"]) == ("audit.checkpoint", 5)
    said = notes.Checkpoint.opened(made.note, [keys.public_key()])
    assert (said.size, said.root, said.head) == (5, bytes(made.root), bytes(written[-1].hash))
    assert entry.after["root"] == said.root.hex()
    assert entry.after["key"] == keys.key_id(keys.public_key())
    assert verify_trail().ok


@pytest.mark.django_db
def test_one_only_where_something_has_happened() -> None:
    assert make_checkpoint(actor=WORKER) is None
    write(2)
    for _ in range(3):
        checkpoint_task()
    assert list(Checkpoint.objects.values_list("size", flat=True)) == [2]
    write(1)
    checkpoint_task()
    assert list(Checkpoint.objects.values_list("size", flat=True)) == [4, 2]


@pytest.mark.django_db
def test_the_command_prints_it(home: object) -> None:
    with pytest.raises(CommandError, match="empty"):
        call_command("audit_checkpoint")
    write(3)
    out = StringIO()
    call_command("audit_checkpoint", stdout=out)
    assert notes.Checkpoint.opened(out.getvalue(), [keys.public_key()]).size == 3


@pytest.mark.django_db
def test_only_who_may_see_the_trail_makes_one(auditor: User, moderator: User) -> None:
    with pytest.raises(NotAllowed):
        make_checkpoint(actor=Actor.of_user(moderator))
    assert make_checkpoint(actor=Actor.of_user(auditor)) is not None


_INSERT = (
    "INSERT INTO audit_checkpoint (size, at, root, peaks, note)"
    " SELECT {}, at, {}, {}, note FROM audit_checkpoint"
)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_checkpoint SET note = ''",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_checkpoint",
        _INSERT.format("1", "root", "peaks"),
        _INSERT.format("size + 1", "sha256('x')", "sha256('x')"),  # no entry tells of it
    ],
)
def test_the_application_adds_and_never_changes(statement: str) -> None:
    write(3)
    make_checkpoint(actor=WORKER)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{statement}; SET CONSTRAINTS ALL IMMEDIATE")
    assert Checkpoint.objects.count() == 1


def rewrite_with_the_real_key(tampering: Tampering) -> int:
    """Somebody with the private key and all rights writes another history of the same length."""
    count = Entry.objects.count()
    tampering.run("DELETE FROM audit_entry")
    tampering.run("DELETE FROM audit_head")
    kept = Checkpoint.objects.order_by("size").values_list("size", flat=True)
    told = {size + 1 for size in kept}
    witness.path().unlink()
    for number in range(1, count + 1):
        if number in told:
            size = number - 1
            root = bytes(Checkpoint.objects.get(size=size).root).hex()
            write(1, verb="audit.checkpoint", after={"size": size, "root": root})
        else:
            write(1, reason="invented")
    return min(told)


def remove_checkpoint(tampering: Tampering) -> int:
    tampering.run("DELETE FROM audit_checkpoint WHERE size = 4")
    return 5


def change_note(tampering: Tampering) -> int:
    tampering.run("UPDATE audit_checkpoint SET note = replace(note, 'at 2', 'at 1') WHERE size = 4")
    return 5


def change_root(tampering: Tampering) -> int:
    tampering.run("UPDATE audit_checkpoint SET root = sha256('x') WHERE size = 7")
    return 8


def invent_one(tampering: Tampering) -> int:
    tampering.run(
        "INSERT INTO audit_checkpoint (size, at, root, peaks, note)"
        " SELECT 3, at, root, peaks, note FROM audit_checkpoint WHERE size = 4"
    )
    return 3


def cut_before_a_checkpoint(tampering: Tampering) -> int:
    """Entries, heads and witness are cut; the checkpoint alone remembers."""
    tampering.run("DELETE FROM audit_entry WHERE number > 5")
    tampering.run("DELETE FROM audit_head WHERE number > 5")
    witness.path().unlink()
    return 6


def cut_the_entry_of_a_checkpoint(tampering: Tampering) -> int:
    tampering.run("DELETE FROM audit_entry WHERE number > 7")
    tampering.run("DELETE FROM audit_head WHERE number > 7")
    witness.path().unlink()
    return 8


@pytest.mark.django_db(transaction=True)
def test_what_is_done_to_checkpoints_or_against_them_is_named(tampering: Tampering) -> None:
    write(4)
    make_checkpoint(actor=WORKER)
    write(2)
    make_checkpoint(actor=WORKER)
    write(2)
    assert verify_trail().ok
    kept = Kept(tampering)
    head = witness.path().read_text()
    manipulations: list[Callable[[Tampering], int]] = [
        rewrite_with_the_real_key, remove_checkpoint, change_note, change_root, invent_one,
        cut_before_a_checkpoint, cut_the_entry_of_a_checkpoint,
    ]  # fmt: skip
    found = {}
    for manipulate in manipulations:
        expected = manipulate(tampering)
        result = verify_trail()
        found[manipulate.__name__] = (result.ok, result.first_bad, expected)
        kept.put_back()
        witness.path().write_text(head)
    assert verify_trail().ok
    for name, (ok, first_bad, expected) in found.items():
        assert (ok, first_bad) == (False, expected), name


@pytest.mark.django_db(transaction=True)
def test_a_broken_trail_is_neither_signed_nor_proven(tampering: Tampering) -> None:
    write(4)
    make_checkpoint(actor=WORKER)
    write(3)
    tampering.run("DELETE FROM audit_entry WHERE number = 6")
    with pytest.raises(BrokenTrail, match="Entry 6"):
        make_checkpoint(actor=WORKER)
    tampering.run("UPDATE audit_entry SET hash = sha256('x') WHERE number = 2")
    with pytest.raises(BrokenTrail, match="contradicts"):
        proof_of([1])
    assert Head.objects.count() == 8


@pytest.mark.django_db(transaction=True)
def test_others_add_entries_while_a_proof_is_computed(
    auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long trail that takes seconds, although a checkpoint is made on the way."""
    write(3)
    grow = checkpoints._grow
    locked: list[bool] = []

    def look(tree: merkle.Tree, size: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND pid = pg_backend_pid())"
            )
            locked.append(cursor.fetchone()[0])
        grow(tree, size)

    monkeypatch.setattr(checkpoints, "_grow", look)
    proof = export_proof(actor=Actor.of_user(auditor), filters=Filters())
    # To the end before the lock is taken, what has been added since under it, and the paths.
    assert locked == [False, True, False]
    assert [entry["number"] for entry in json.loads(proof)["entries"]][:3] == [1, 2, 3]
