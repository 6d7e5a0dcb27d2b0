"""What ``record`` writes, what it refuses, and what the database refuses by itself."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit import canonical, keys, verbs, witness
from audit.context import current_request_id
from audit.models import Entry, Head
from audit.services import Draft, record, record_all
from audit.verify import verify_trail
from tests.audit.trail import WORKER, write


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_nothing_is_recorded() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record(actor=WORKER, verb="case.test", target="case:1")
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_an_unregistered_verb_is_an_error() -> None:
    with pytest.raises(verbs.UnknownVerb, match=r"case\.invented"):
        record(actor=WORKER, verb="case.invented", target="case:1")


def test_a_verb_has_one_wording() -> None:
    verbs.register("case.test", "tried something")
    with pytest.raises(ValueError, match="already registered"):
        verbs.register("case.test", "did something else")
    with pytest.raises(ValueError, match="no verb"):
        verbs.register("Claim", "claimed")


@pytest.mark.django_db
def test_an_entry_says_who_what_when_and_in_which_request() -> None:
    token = current_request_id.set("request-1")
    try:
        (entry,) = write()
    finally:
        current_request_id.reset(token)
    entry.refresh_from_db()
    assert (entry.number, entry.actor, entry.role) == (1, "system:worker", "system")
    assert (entry.verb, entry.target) == ("case.test", "case:SL-2026-000000")
    assert entry.after == {"state": "in_review", "points": 7, "list": ["é", None, True]}
    assert entry.request_id == "request-1"
    assert bytes(entry.previous_hash) == bytes(32)


@pytest.mark.django_db
def test_a_request_id_that_somebody_made_up_does_no_harm() -> None:
    token = current_request_id.set("<b>" + "x" * 500 + "\n")
    try:
        (entry,) = write()
    finally:
        current_request_id.reset(token)
    assert entry.request_id == "b" + "x" * 63


@pytest.mark.django_db
def test_the_documented_bytes_are_the_ones_that_are_hashed(home: Path) -> None:
    """Written out here by hand, as a third party would from the module's text."""
    write(
        2,
        before={},
        after={"b": [1.5, 7.0, -0.0, 1e-7, 1e22, True, None], "a": 'q"\\\n\x1f é€😀'},
        reason="",
    )
    first, second = Entry.objects.order_by("number")
    text = (
        '{"actor":"system:worker",'
        '"after":{"a":"q\\"\\\\\\n\\u001f é€😀",'
        '"b":[1.5,7,0,0.0000001,10000000000000000000000,true,null]},'
        f'"at":"{second.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",'
        '"before":{},"number":2,'
        f'"previous_hash":"{bytes(first.hash).hex()}",'
        '"reason":"","request_id":"","role":"system",'
        '"target":"case:SL-2026-000001","verb":"case.test"}'
    )
    digest = hashlib.sha256(b"sightline-audit-entry-v1\n" + text.encode()).digest()
    assert digest == bytes(second.hash)
    public = load_pem_public_key((home / "keys" / keys.PUBLIC_FILE).read_bytes())
    public.verify(  # type: ignore[union-attr,call-arg]  # an Ed25519 key, as the line below needs
        bytes(second.signature), b"sightline-audit-signature-v1\n" + digest
    )
    assert verify_trail().ok


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.django_db
@given(
    before=st.dictionaries(st.just("value"), json_values),
    reason=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_whatever_is_recorded_verifies_after_the_database_gave_it_back(
    before: dict[str, Any], reason: str
) -> None:
    with transaction.atomic():
        write(before=before, reason=reason)
        assert verify_trail().ok
        transaction.set_rollback(True)


def test_values_that_json_has_no_word_for() -> None:
    moment = datetime(2026, 11, 22, 9, 30, 0, 5, tzinfo=UTC)
    assert canonical.plain(
        {"at": moment, "on": date(2026, 3, 1), "share": Decimal("0.10"), "pair": (1, 2)}
    ) == {"at": "2026-11-22T09:30:00.000005Z", "on": "2026-03-01", "share": "0.10", "pair": [1, 2]}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"x": math.nan}, ValueError),
        ({"x": math.inf}, ValueError),
        ({"x": "a\0b"}, ValueError),
        ({"x": "\ud800"}, ValueError),
        ({1: "x"}, ValueError),
        ({"x": object()}, TypeError),
        ({"x": {1, 2}}, TypeError),
    ],
)
@pytest.mark.django_db
def test_values_that_no_entry_can_hold(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        record(actor=WORKER, verb="case.test", target="case:1", after=value)
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_threads_leave_neither_gap_nor_fork() -> None:
    def work(thread: int) -> None:
        try:
            for turn in range(50):
                write(target=f"case:{thread}-{turn}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert list(Entry.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, 401)
    )
    result = verify_trail()
    assert (result.ok, result.entries) == (True, 400)
    seen = witness.read()
    assert seen is not None
    assert seen.number == 400


@pytest.mark.django_db(transaction=True)
def test_a_transaction_rolled_back_leaves_no_trace() -> None:
    write(2)
    with transaction.atomic():
        record(actor=WORKER, verb="case.test", target="case:1")
        transaction.set_rollback(True)
    assert Entry.objects.count() == Head.objects.count() == 2
    seen = witness.read()
    assert seen is not None
    assert seen.number == 2
    write(1)
    assert verify_trail().ok


@pytest.mark.django_db(transaction=True)
def test_many_entries_at_once_are_one_chain() -> None:
    write(1)
    drafts = [Draft(verb="case.test", target=f"case:{n}", after={"n": n}) for n in range(1, 1201)]
    with transaction.atomic():
        written = record_all(actor=WORKER, drafts=drafts)
    assert [entry.number for entry in written] == list(range(2, 1202))
    assert record_in_order(written, drafts)
    assert verify_trail().entries == 1201
    assert verify_trail().ok


def record_in_order(written: list[Entry], drafts: list[Draft]) -> bool:
    return [entry.target for entry in written] == [draft.target for draft in drafts]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET reason = 'x'",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE false",
        "TRUNCATE audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "UPDATE audit_head SET number = 7",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
    ],
)
@pytest.mark.parametrize("role", ["owner", "superuser"])
@pytest.mark.django_db(transaction=True)
def test_triggers_refuse_even_the_owner_loudly(
    statement: str, role: str, request: pytest.FixtureRequest
) -> None:
    write(2)
    plain = request.getfixturevalue(f"{role}_connection")
    with plain.cursor() as cursor, pytest.raises(psycopg2.Error, match="append-only"):
        cursor.execute(statement)
    assert verify_trail().ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET reason = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_entry_append_only ON audit_entry",
        "DROP TABLE audit_entry",
        (
            "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NULL; END'"
        ),
        "SET session_replication_role = replica",
    ],
)
@pytest.mark.django_db(transaction=True)
def test_the_applications_role_has_no_way_around(statement: str) -> None:
    write(1)
    with connection.cursor() as cursor, pytest.raises((ProgrammingError, IntegrityError)):
        cursor.execute(statement)
    assert verify_trail().ok


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": 5}, "the next number is 3"),
        ({"number": 2}, "the next number is 3"),
        ({"previous_hash": bytes(32)}, "previous hash"),
        ({"hash": b"short"}, "wrong length"),
        ({"signature": b""}, "wrong length"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_an_insert_must_continue_the_chain(changes: dict[str, Any], message: str) -> None:
    write(2)
    last = Entry.objects.get(number=2)
    fields = {"number": 3, "previous_hash": bytes(last.hash), "hash": bytes(32)} | changes
    entry = Entry(
        **{"at": last.at, "actor": "x", "verb": "x", "target": "x", "signature": bytes(64)} | fields
    )
    with pytest.raises(IntegrityError, match=message):
        entry.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_a_head_without_its_entry_is_refused() -> None:
    write(1)
    with pytest.raises(IntegrityError, match="no entry has this"):
        Head.objects.create(number=2, hash=bytes(32), signature=bytes(64))
