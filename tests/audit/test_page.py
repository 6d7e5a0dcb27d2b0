"""The audit page: who reaches it, what it finds, verification and exports."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from audit import canonical, checkpoints, keys, notes, proofs, services, under_way
from audit.actors import Actor
from audit.checkpoints import export_proof, make_checkpoint
from audit.exports import guarded
from audit.models import Entry
from audit.policy import urls_policy
from audit.reads import record_read
from audit.selectors import PAGE, Filters, matching, page
from audit.tasks import verify_trail
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from tests.audit.trail import WORKER, Tampering, write

pytestmark = pytest.mark.django_db

POST_ONLY = {"audit_verify", "audit_export"}


@pytest.mark.parametrize("role", [*Role, "nobody", "outsider"])
@pytest.mark.parametrize("name", sorted(urls_policy))
def test_only_auditors_reach_it(
    client: Client, request: pytest.FixtureRequest, name: str, role: str
) -> None:
    if role != "nobody":
        client.force_login(request.getfixturevalue(role))
    write(1)
    make_checkpoint(actor=WORKER)
    before = Entry.objects.count()
    data = {"format": "csv"}
    response = client.post(reverse(name), data) if name in POST_ONLY else client.get(reverse(name))
    if role == Role.AUDITOR:
        assert response.status_code in {200, 302}
        assert not response.headers.get("Location", "").startswith("/sign-in/")
    else:
        assert response.status_code == (302 if role in {"nobody", "outsider"} else 403)
        assert Entry.objects.count() == before


def numbers(filters: Filters) -> list[int]:
    return list(matching(filters).order_by("number").values_list("number", flat=True))


def test_search_by_person_target_verb_and_time(moderator: User, auditor: User) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 23, 59, tzinfo=UTC)):
        write(1, target="case:SL-2026-000007")
    with time_machine.travel(datetime(2026, 3, 2, 0, 0, tzinfo=UTC)):
        write(1, actor=Actor.of_user(moderator), target="case:SL-2026-000008")
    with time_machine.travel(datetime(2026, 3, 3, 12, 0, tzinfo=UTC)):
        write(1, target="batch:7")
    old, mine, batch = range(Entry.objects.count() - 2, Entry.objects.count() + 1)
    day = datetime(2026, 3, 2, tzinfo=UTC).date()
    assert numbers(Filters(person="Reyes")) == [mine]
    assert numbers(Filters(person="MO@team.example")) == [mine]
    assert numbers(Filters(person="nobody@team.example")) == []
    assert numbers(Filters(person=f"staff:{moderator.pk}")) == [mine]
    assert numbers(Filters(person=f"staff:{str(moderator.pk)[:-1]}")) == []
    assert old in numbers(Filters(person="system:worker"))
    assert numbers(Filters(target="sl-2026-000007")) == [old]
    assert numbers(Filters(target="case:SL-2026-000008")) == [mine]
    assert numbers(Filters(target="7")) == [batch]
    assert numbers(Filters(verb="case.test")) == [old, mine, batch]
    assert numbers(Filters(verb="case.test", since=day)) == [mine, batch]
    assert numbers(Filters(verb="case.test", since=day, until=day)) == [mine]
    assert numbers(Filters(verb="case.test", target="7", person="Reyes")) == []


def test_percent_signs_are_only_characters() -> None:
    write(3)
    assert numbers(Filters(person="%")) == []
    assert numbers(Filters(target="%")) == []


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    write(2 * PAGE + 7)
    seen: list[int] = []
    current = page(Filters())
    while True:
        seen += [row.entry.number for row in current.rows]
        if not current.next_url:
            break
        current = page(Filters(), before=int(current.next_url.rpartition("=")[2]))
    assert seen == list(range(2 * PAGE + 7, 0, -1))
    assert len(current.rows) == 7
    back = page(Filters(), after=int(current.previous_url.rpartition("=")[2]))
    assert [row.entry.number for row in back.rows] == list(range(PAGE + 7, 7, -1))
    first = page(Filters(), after=int(back.previous_url.rpartition("=")[2]))
    assert [row.entry.number for row in first.rows] == list(range(2 * PAGE + 7, PAGE + 7, -1))
    assert first.previous_url == ""


def test_what_changed_reads_as_words(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    write(
        1,
        before={"state": "open", "gone": "x", "on": True},
        after={"state": "in_review", "new": ["a", "b"], "on": False, "empty": None},
        reason="<b>because</b>",
    )
    text = client.get("/audit/?verb=case.test").content.decode()
    assert "<del>open</del>" in text
    assert "<ins>in_review</ins>" in text
    assert "a, b" in text
    assert "&lt;b&gt;because&lt;/b&gt;" in text
    assert "tried something" in text


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-02-30",
        "since=2026-03-02&until=2026-03-01",
        "verb=no.such",
        "person=" + "x" * 300,
        "target=a%00b",
    ],
)
def test_a_search_that_makes_no_sense_says_so(client: Client, auditor: User, query: str) -> None:
    client.force_login(auditor)
    response = client.get(f"/audit/?{query}")
    assert response.status_code == 422
    assert "There is a problem" in response.content.decode()


@pytest.mark.parametrize("query", ["before=x", "before=-1", "after=99999999999999999999", "x=1"])
def test_odd_addresses_do_no_harm(client: Client, auditor: User, query: str) -> None:
    client.force_login(auditor)
    assert client.get(f"/audit/?{query}").status_code == 200


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_there_are(client: Client, auditor: User, day: str) -> None:
    client.force_login(auditor)
    write(1)
    text = client.get("/audit/", {"until": day}).content.decode()
    assert ('id="entry-1"' in text) is (day > "2")
    assert client.get("/audit/", {"since": day}).status_code == 200


def test_a_swap_gets_the_list_alone(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    text = client.get("/audit/", headers={"HX-Request": "true"}).content.decode()
    assert '<div id="entries"' in text
    assert "<html" not in text


def test_verify_now_shows_and_records_the_outcome(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    count = Entry.objects.count()
    text = client.post("/audit/verify/", follow=True).content.decode()
    assert f"All {count} entries hold." in text
    entry = Entry.objects.get(verb="audit.verify")
    assert entry.after["ok"] is True
    assert entry.actor == f"staff:{auditor.pk} {auditor.name}"
    assert "Verified" in client.get("/audit/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_bad_trail_is_shown_as_such(
    client: Client, auditor: User, superuser_connection: psycopg2.extensions.connection
) -> None:
    client.force_login(auditor)
    write(3)
    Tampering(superuser_connection).update(3, reason="another")
    text = client.post("/audit/verify/", follow=True).content.decode()
    assert "The trail is not whole. Entry 3: It was changed" in text
    assert "Entry 3 is bad." in client.get("/audit/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_long_trail_is_verified_by_the_worker(
    client: Client, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "VERIFIED_AT_ONCE", 2)
    client.force_login(auditor)
    write(3)
    text = client.post("/audit/verify/", follow=True).content.decode()
    assert "A worker verifies the trail now" in text
    assert not Entry.objects.filter(verb="audit.verify").exists()
    assert "A verification was asked for" in client.get("/audit/").content.decode()
    under_way.tell(1, 3)  # the worker begins
    client.post("/audit/verify/")
    assert Entry.objects.filter(verb="audit.ask_verification").count() == 1
    verify_trail()
    text = client.get("/audit/").content.decode()
    assert "verified by system:worker" in text
    assert "A verification was asked for" not in text


def test_the_page_follows_a_verification_in_the_background(
    client: Client, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million entries take ten minutes."""
    client.force_login(auditor)
    write(5)
    entries = Entry.objects.count()
    seen: list[str] = []
    tell = under_way.tell

    def look(done: int, total: int) -> None:
        tell(done, total)
        pages = ["/audit/", "/audit/?part=verifying"]
        seen.extend(client.get(page).content.decode() for page in pages)

    monkeypatch.setattr(under_way, "tell", look)
    verify_trail()
    assert len(seen) == 2
    for text in seen:
        assert f"{entries} of {entries}" in text
        assert 'hx-get="/audit/?part=verifying"' in text
    after = client.get("/audit/?part=verifying").content.decode()
    assert "The verification has ended." in after
    assert "hx-get" not in after
    assert "has ended" not in client.get("/audit/").content.decode()


def test_a_worker_that_died_is_not_waited_for(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    under_way.tell(5_000, 1_000_000)
    assert "5,000 of 1,000,000" in client.get("/audit/").content.decode()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        assert under_way.under_way() is None


def export(client: Client, **fields: str) -> str:
    response = client.post("/audit/export/", fields)
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


def test_json_lines_can_be_verified_by_anybody(client: Client, auditor: User) -> None:
    """With the exported lines and the public key alone."""
    client.force_login(auditor)
    write(5)
    lines = [json.loads(line) for line in export(client, format="jsonl").splitlines()]
    key = load_pem_public_key(client.get("/audit/public-key.pem").content)
    previous = "00" * 32
    for number, line in enumerate(lines, 1):
        assert (line["number"], line["previous_hash"]) == (number, previous)
        previous = line.pop("hash")
        signature = bytes.fromhex(line.pop("signature"))
        digest = canonical.entry_hash(
            canonical.Content(**line | {"previous_hash": bytes.fromhex(line["previous_hash"])})
        )
        assert digest.hex() == previous
        key.verify(signature, canonical.signed_message(digest))  # type: ignore[union-attr,call-arg]  # Ed25519
    assert len(lines) == Entry.objects.count()


def test_an_export_is_an_entry_with_its_filters(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    write(2)
    rows = list(csv.DictReader(io.StringIO(export(client, format="csv", verb="case.test"))))
    assert [row["verb"] for row in rows] == ["case.test", "case.test"]
    entry = Entry.objects.get(verb="audit.export")
    assert entry.after == {"format": "csv", "filters": {"verb": "case.test"}}


@pytest.mark.parametrize(
    ("kept", "digested"),
    [
        ({"person": "staff:12", "target": "sl-2026-000042", "since": "2026-03-02"}, {}),
        ({"person": "system:worker", "target": "run:7"}, {}),
        ({}, {"person": "Robin Example", "target": "account:robin-2011"}),
        ({}, {"person": "robin@example.com", "target": "Robin"}),
        ({}, {"target": "account:12"}),
        ({}, {"target": "robin:12"}),
    ],
)
def test_what_may_be_a_name_is_a_digest_in_the_entry(
    client: Client, auditor: User, kept: dict[str, str], digested: dict[str, str]
) -> None:
    client.force_login(auditor)
    for _ in range(2):
        export(client, format="csv", **kept, **digested)
    first, second = (entry.after["filters"] for entry in Entry.objects.filter(verb="audit.export"))
    assert first == second
    assert {name: first[name] for name in kept} == kept
    assert first.keys() == {*kept, *digested}
    for name, text in digested.items():
        assert re.fullmatch("digest:[0-9a-f]{64}", first[name])
        assert text not in str(first)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(client: Client, auditor: User, text: str) -> None:
    assert guarded(text) == "'" + text
    client.force_login(auditor)
    write(1, reason=text)
    rows = list(
        csv.DictReader(io.StringIO(export(client, format="csv", verb="case.test"), newline=""))
    )
    assert rows[0]["reason"] == "'" + text


@pytest.mark.parametrize("fields", [{}, {"format": "pdf"}, {"format": "csv", "since": "x"}])
def test_an_export_that_makes_no_sense(
    client: Client, auditor: User, fields: dict[str, Any]
) -> None:
    client.force_login(auditor)
    assert client.post("/audit/export/", fields).status_code == 400
    assert not Entry.objects.filter(verb="audit.export").exists()


def test_what_was_found_is_exported_with_proof(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    write(3)
    write(2, target="case:SL-2026-000042")
    found = numbers(Filters(target="SL-2026-000042"))
    response = client.post("/audit/export/", {"format": "proof", "target": "SL-2026-000042"})
    assert response["Content-Disposition"].endswith('.proof.json"')
    key = load_pem_public_key(client.get("/audit/public-key.pem").content)
    checked = proofs.check(proofs.read(response.content.decode()), key)  # type: ignore[arg-type]  # Ed25519
    assert list(checked.numbers) == found
    entry = Entry.objects.get(verb="audit.export")
    assert entry.after == {
        "format": "proof",
        "filters": {"target": "SL-2026-000042"},
        "entries": 2,
    }
    assert services.verify(actor=WORKER).ok


@pytest.mark.parametrize(
    ("most", "target", "says"), [(2, "", "2 entries at most"), (9, "none", "Nothing matches")]
)
def test_a_proof_that_cannot_be_given_says_why(
    client: Client,
    auditor: User,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    target: str,
    says: str,
) -> None:
    monkeypatch.setattr(checkpoints, "PROVEN_AT_ONCE", most)
    client.force_login(auditor)
    write(3)
    response = client.post("/audit/export/", {"format": "proof", "target": target}, follow=True)
    assert says in response.content.decode()
    assert not Entry.objects.filter(verb="audit.export").exists()


def test_the_newest_checkpoint_can_be_taken_away(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    none = client.get("/audit/checkpoint.txt", follow=True).content.decode()
    assert "No checkpoint has been signed yet" in none
    assert "Signed checkpoint" not in client.get("/audit/").content.decode()
    write(3)
    made = make_checkpoint(actor=WORKER)
    assert made is not None
    text = client.get("/audit/checkpoint.txt").content.decode()
    assert notes.Checkpoint.opened(text, [keys.public_key()]).size == made.size
    assert "Signed checkpoint" in client.get("/audit/").content.decode()


def test_a_look_at_personal_data_is_an_entry(moderator: User) -> None:
    actor = Actor.of_user(moderator)
    entry = record_read(
        actor=actor, target="case:SL-2026-000001", fields=["birth_date", "name"], reason="check_age"
    )
    assert (entry.verb, entry.actor, entry.reason) == ("personal.read", actor.label, "check_age")
    assert entry.after == {"fields": ["birth_date", "name"]}
    with pytest.raises(ValueError, match="name the fields"):
        record_read(actor=actor, target="case:SL-2026-000001", fields=[])


@pytest.mark.parametrize("role", ["moderator", "supervisor", "admin", "outsider"])
def test_services_ask_for_the_capability(role: str, request: pytest.FixtureRequest) -> None:
    actor = Actor.of_user(request.getfixturevalue(role))
    for attempt in (
        lambda: services.verify(actor=actor),
        lambda: services.ask_verification(actor=actor),
        lambda: services.export(actor=actor, filters=Filters(), kind="csv"),
        lambda: export_proof(actor=actor, filters=Filters()),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_without_a_key_there_is_none_to_hand_out(
    client: Client, auditor: User, settings: Settings, tmp_path: Any
) -> None:
    client.force_login(auditor)
    settings.KEYS_DIR = tmp_path / "elsewhere"
    assert client.get("/audit/public-key.pem").status_code == 404
