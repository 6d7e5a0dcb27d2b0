"""Whatever is done to the trail behind the application's back, verification names the entry."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import canonical, witness
from audit.verify import verify_trail
from tests.audit.trail import Kept, Tampering, write

pytestmark = pytest.mark.django_db(transaction=True)

ENTRIES = 25
MANIPULATIONS = 200


@pytest.fixture
def tampering(superuser_connection: psycopg2.extensions.connection) -> Tampering:
    return Tampering(superuser_connection)


def recomputed(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the hash that its contents call for."""
    fields = {key: row[key] for key in row if key not in ("at", "hash", "signature")}
    content = canonical.Content(
        **{**fields, "previous_hash": bytes(row["previous_hash"])},
        at=canonical.timestamp(row["at"]),
    )
    return {**row, "hash": canonical.entry_hash(content)}


def other_value(column: str, row: dict[str, Any], dice: random.Random) -> Any:
    old = row[column]
    match column:
        case "at":
            return old + timedelta(microseconds=dice.choice([-1, 1, 10**9]))
        case "before" | "after":
            changes = [{}, {**old, "points": 7.5}, {**old, "more": 1}, [], "text", {"state": "new"}]
            return dice.choice(changes)
        case "previous_hash" | "hash" | "signature":
            flipped = bytearray(bytes(old))
            flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
            return bytes(flipped)
        case _:
            changes = [old + "x", old[:-1] + "_", "x", ""]
            return dice.choice([value for value in changes if value != old])


Manipulation = Callable[[Tampering, random.Random], int]
"""Does something to the trail and returns the number that verification must name."""


def change_field(tampering: Tampering, dice: random.Random) -> int:
    number = dice.randint(1, ENTRIES)
    row = tampering.row(number)
    column = dice.choice([column for column in row if column != "number"])
    tampering.update(number, **{column: other_value(column, row, dice)})
    return number


def change_field_and_hash(tampering: Tampering, dice: random.Random) -> int:
    number = dice.randint(1, ENTRIES)
    row = tampering.row(number)
    column = dice.choice(["at", "actor", "role", "verb", "target", "after", "reason", "request_id"])
    row[column] = other_value(column, row, dice)
    tampering.update(number, **{column: row[column], "hash": recomputed(row)["hash"]})
    return number


def rewrite_all_after(tampering: Tampering, dice: random.Random) -> int:
    """A whole consistent chain from some entry on, heads included, signed with another key."""
    number = dice.randint(1, ENTRIES)
    key = Ed25519PrivateKey.generate()
    previous = None
    for current in range(number, ENTRIES + 1):
        row = tampering.row(current)
        row["reason"] += "!"
        if previous is not None:
            row["previous_hash"] = previous
        row = recomputed(row)
        previous = row["hash"]
        row["signature"] = key.sign(canonical.signed_message(previous))
        names = ("reason", "previous_hash", "hash", "signature")
        tampering.update(current, **{name: row[name] for name in names})
        tampering.run(
            "UPDATE audit_head SET hash = %s, signature = %s WHERE number = %s",
            previous,
            row["signature"],
            current,
        )
    return number


def delete_one(tampering: Tampering, dice: random.Random) -> int:
    number = dice.choice([1, ENTRIES, dice.randint(1, ENTRIES)])
    tampering.run("DELETE FROM audit_entry WHERE number = %s", number)
    return number


def delete_and_close_gap(tampering: Tampering, dice: random.Random) -> int:
    number = dice.randint(1, ENTRIES)
    tampering.run("DELETE FROM audit_entry WHERE number = %s", number)
    for current in range(number + 1, ENTRIES + 1):
        tampering.update(current, number=current - 1)
    return number


def cut_tail(tampering: Tampering, dice: random.Random) -> int:
    """Entries and their heads both: only the file outside the database still knows."""
    number = dice.randint(1, ENTRIES)
    tampering.run("DELETE FROM audit_entry WHERE number >= %s", number)
    tampering.run("DELETE FROM audit_head WHERE number >= %s", number)
    return number


def truncate(tampering: Tampering, dice: random.Random) -> int:
    tampering.run(dice.choice(["TRUNCATE audit_entry", "TRUNCATE audit_entry, audit_head"]))
    return 1


def swap_places(tampering: Tampering, dice: random.Random) -> int:
    one, other = sorted(dice.sample(range(1, ENTRIES + 1), 2))
    tampering.update(one, number=-1)
    tampering.update(other, number=one)
    tampering.update(-1, number=other)
    return one


def swap_contents(tampering: Tampering, dice: random.Random) -> int:
    one, other = sorted(dice.sample(range(1, ENTRIES + 1), 2))
    rows = [tampering.row(one), tampering.row(other)]
    for number, row in zip((other, one), rows, strict=True):
        tampering.update(number, **{key: row[key] for key in ("target", "after", "at")})
    return one


def renumber(tampering: Tampering, dice: random.Random) -> int:
    number = dice.randint(1, ENTRIES)
    to = dice.choice([0, -7, ENTRIES + 1, ENTRIES + 9])
    tampering.update(number, number=to)
    return min(number, to)


def insert_forged(tampering: Tampering, dice: random.Random) -> int:
    """At the end, with a correct hash and link, and a copied, random or foreign signature."""
    last = tampering.row(ENTRIES)
    row = recomputed(
        {**last, "number": ENTRIES + 1, "previous_hash": last["hash"], "target": "case:forged"}
    )
    row["signature"] = dice.choice(
        [
            bytes(last["signature"]),
            dice.randbytes(64),
            Ed25519PrivateKey.generate().sign(canonical.signed_message(row["hash"])),
        ]
    )
    tampering.insert(row)
    if dice.random() < 0.5:
        tampering.run(
            "INSERT INTO audit_head (number, hash, signature) VALUES (%s, %s, %s)",
            row["number"],
            row["hash"],
            row["signature"],
        )
    return ENTRIES + 1


def insert_in_the_middle(tampering: Tampering, dice: random.Random) -> int:
    number = dice.randint(1, ENTRIES)
    for current in range(ENTRIES, number - 1, -1):
        tampering.update(current, number=current + 1)
    tampering.insert(
        recomputed({**tampering.row(number + 1), "number": number, "reason": "put in"})
    )
    return number


def duplicate(tampering: Tampering, dice: random.Random) -> int:
    row = tampering.row(dice.randint(1, ENTRIES))
    tampering.insert({**row, "number": ENTRIES + 1})
    return ENTRIES + 1


def duplicate_number(tampering: Tampering, dice: random.Random) -> int:
    """With the primary key dropped, the same number stands twice."""
    number = dice.randint(1, ENTRIES)
    row = tampering.row(number)
    tampering.run("ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_pkey")
    tampering.insert(row)
    return number


def tamper_with_heads(tampering: Tampering, dice: random.Random) -> int:
    number = dice.randint(1, ENTRIES)
    queries = [
        "DELETE FROM audit_head WHERE number = %s",
        "UPDATE audit_head SET hash = sha256('x') WHERE number = %s",
        "UPDATE audit_head SET signature = signature || 'x' WHERE number = %s",
        (
            "INSERT INTO audit_head (number, hash, signature)"
            " SELECT number, hash, signature FROM audit_head WHERE number = %s"
        ),
    ]
    tampering.run(dice.choice(queries), number)
    return number


ALL: list[Manipulation] = [
    change_field, change_field, change_field, change_field_and_hash, change_field_and_hash,
    rewrite_all_after, delete_one, delete_and_close_gap, cut_tail, truncate, swap_places,
    swap_contents, renumber, insert_forged, insert_in_the_middle, duplicate, duplicate_number,
    tamper_with_heads,
]  # fmt: skip


def test_200_random_manipulations_are_all_named(tampering: Tampering) -> None:
    write(ENTRIES)
    assert verify_trail().ok
    kept = Kept(tampering)
    dice = random.Random(20261122)
    missed = []
    for turn in range(MANIPULATIONS):
        manipulate = ALL[turn % len(ALL)] if turn < 2 * len(ALL) else dice.choice(ALL)
        expected = manipulate(tampering, dice)
        result = verify_trail()
        if result.ok or result.first_bad != expected:
            missed.append((turn, manipulate.__name__, expected, result))
        kept.put_back()
        if manipulate is duplicate_number:
            tampering.run("ALTER TABLE audit_entry ADD PRIMARY KEY (number)")
    assert verify_trail().ok
    assert missed == []


def test_a_cut_trail_that_grew_again_is_named_where_it_was_cut(tampering: Tampering) -> None:
    write(10)
    tampering.run("DELETE FROM audit_entry WHERE number >= 7")
    write(9)
    result = verify_trail()
    assert (result.ok, result.first_bad) == (False, 7)


def test_the_file_alone_names_a_trail_that_was_cut_and_grew_again(tampering: Tampering) -> None:
    """The heads were cut too. The file keeps the head it knew instead of following the new one."""
    write(10)
    tampering.run("DELETE FROM audit_entry WHERE number >= 7")
    tampering.run("DELETE FROM audit_head WHERE number >= 7")
    write(9)
    known = witness.read()
    assert known is not None
    assert known.number == 10
    result = verify_trail()
    assert (result.ok, result.first_bad) == (False, 10)


def test_an_old_copy_of_the_trail_is_refused(tampering: Tampering) -> None:
    """Both tables put back to an earlier state, as from a backup."""
    write(5)
    tampering.run("CREATE TABLE old_entry AS TABLE audit_entry")
    tampering.run("CREATE TABLE old_head AS TABLE audit_head")
    try:
        write(3)
        tampering.run("TRUNCATE audit_entry, audit_head")
        tampering.run("INSERT INTO audit_entry SELECT * FROM old_entry")
        tampering.run("INSERT INTO audit_head SELECT * FROM old_head")
    finally:
        tampering.run("DROP TABLE old_entry, old_head")
    result = verify_trail()
    assert (result.ok, result.first_bad) == (False, 6)


@pytest.mark.parametrize("at", ["infinity", "-infinity", "2026-11-22 09:00:00+00 BC"])
def test_a_moment_that_no_clock_shows_is_named(tampering: Tampering, at: str) -> None:
    write(3)
    tampering.run("UPDATE audit_entry SET at = %s WHERE number = 2", at)
    assert verify_trail().first_bad == 2


def test_a_time_moved_before_christ_is_named(tampering: Tampering) -> None:
    """The same digits, another era."""
    write(3)
    tampering.run(
        "UPDATE audit_entry SET at = (to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        " || '+00 BC')::timestamptz WHERE number = 2"
    )
    assert verify_trail().first_bad == 2


def test_a_digit_beyond_a_double_is_named(tampering: Tampering) -> None:
    write(3)
    tampering.run(
        "UPDATE audit_entry SET before = jsonb_set(before, '{points}', '3.2500000000000000000001')"
        " WHERE number = 2"
    )
    assert verify_trail().first_bad == 2


@pytest.mark.parametrize("column", ["hash", "signature", "previous_hash", "before", "actor", "at"])
def test_a_field_emptied_against_all_constraints_is_named(
    tampering: Tampering, column: str
) -> None:
    write(3)
    tampering.run(f"ALTER TABLE audit_entry ALTER {column} DROP NOT NULL")
    try:
        tampering.run(f"UPDATE audit_entry SET {column} = NULL WHERE number = 2")
        assert verify_trail().first_bad == 2
    finally:
        tampering.run("DELETE FROM audit_entry")
        tampering.run(f"ALTER TABLE audit_entry ALTER {column} SET NOT NULL")


def test_triggers_left_off_are_mentioned(tampering: Tampering) -> None:
    write(2)
    assert verify_trail().warnings == ()
    tampering.run("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only")
    try:
        result = verify_trail()
    finally:
        tampering.run("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_append_only")
    assert result.ok
    assert "triggers" in result.warnings[0]
