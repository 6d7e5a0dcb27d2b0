"""Erasure of an account: gone from tables and files, and proven on the trail."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.erasure import pseudonym
from accounts.formats.rejected import REJECT_COLUMNS
from accounts.imports.database import Database
from accounts.models import Account, Event, ImportBatch, RejectedRow
from audit.actors import Actor
from audit.models import Entry
from audit.verify import verify_trail
from moderation.models import AgeCheck, Case, Decision, Delivery, Note, Referral
from moderation.models.package import SealedPackage
from moderation.services import decisions, drafts, packages, upkeep
from moderation.services.erasure import erase_account
from signals import storage
from signals.models import Assessment, EvidenceRow
from staff.models import User
from staff.personal import REMOVED
from tests.moderation import factories
from tests.moderation.erasing import (
    BORN,
    COMMAND,
    IDENTIFIER,
    NAME,
    SECRET,
    erase,
    everything_stored,
    person,
    told_about,
)

pytestmark = pytest.mark.usefixtures("own_files")


@pytest.mark.django_db
def test_nothing_names_the_person_any_longer(moderator: User) -> None:
    account = person()
    case = told_about(moderator, account)
    assert SECRET in everything_stored()
    assert BORN.isoformat() in everything_stored()
    done = erase()
    stored = everything_stored()
    for trace in (SECRET, IDENTIFIER, BORN.isoformat()):
        assert trace not in stored
    assert (done.already, done.cases) == (False, (case.reference,))
    account.refresh_from_db()
    assert account.account_id == pseudonym(IDENTIFIER)
    assert (account.birth_year, account.status, account.role) == (None, "deleted", "")
    assert Decision.objects.get(case=case).note == REMOVED
    assert Note.objects.get(case=case).text == REMOVED
    assert Assessment.objects.get(pk=case.assessment_id).contributions == []
    assert not EvidenceRow.objects.filter(assessment=case.assessment_id).exists()
    assert Case.objects.get(pk=case.pk).personal_data_removed_at is not None


@pytest.mark.django_db
def test_the_trail_proves_it_and_stays_whole(moderator: User) -> None:
    account = person()
    case = told_about(moderator, account)
    erase(reason="court_order")
    entry = Entry.objects.get(verb="account.erase")
    assert (entry.target, entry.reason) == (f"account:{account.pk}", "court_order")
    assert entry.after["pseudonym"] == pseudonym(IDENTIFIER)
    assert entry.after["cases"] == [case.reference]
    assert entry.after["removed"]["events"] == 1
    emptied = Entry.objects.get(verb="case.erase", target=f"case:{case.reference}")
    assert emptied.after["removed"]["notes"] == 1
    assert verify_trail().ok


@pytest.mark.django_db
def test_twice_is_once(moderator: User) -> None:
    told_about(moderator, person())
    first = erase()
    count = Entry.objects.count()
    again = erase()
    assert (again.already, again.account, again.cases) == (True, first.account, first.cases)
    assert Entry.objects.count() == count


@pytest.mark.django_db
def test_events_of_others_keep_their_place_and_lose_the_name_on_the_platform() -> None:
    account, child = person(), factories.child()
    offer = factories.event(account, child)
    answer = factories.accept(offer)
    other = factories.event(child, factories.account())
    erase()
    before = offer.event_id
    offer.refresh_from_db()
    answer.refresh_from_db()
    assert offer.event_id == pseudonym(before)
    assert answer.reference == offer.event_id
    assert (offer.actor_id, offer.object_id) == (account.pk, child.pk)
    assert Event.objects.get(pk=other.pk).event_id == other.event_id
    assert Account.objects.get(pk=child.pk).birth_date == child.birth_date


@pytest.mark.django_db
def test_what_the_platform_delivers_again_is_erased_again() -> None:
    child = factories.child()
    for _ in range(2):
        account = person()
        offer = factories.event(account, child)
        Event.objects.filter(pk=offer.pk).update(event_id="offer-1")
        answer = factories.accept(offer)
        Event.objects.filter(pk=answer.pk).update(reference="offer-1")
        assert not erase().already
        offer.refresh_from_db()
        answer.refresh_from_db()
        assert answer.reference == offer.event_id
    stored = everything_stored()
    assert IDENTIFIER not in stored
    assert "offer-1" not in stored
    assert Account.objects.filter(account_id__startswith=pseudonym(IDENTIFIER)).count() == 2
    assert Entry.objects.filter(verb="account.erase").count() == 2


@pytest.mark.django_db
def test_rejects_files_lose_the_rows_that_name_it_and_keep_the_others(tmp_path: Path) -> None:
    account = person()
    batch = factories.batch()
    rows = [
        ["accounts.csv", "2", "gender", "?", "unknown", json.dumps({"account_id": IDENTIFIER})],
        ["ties.csv", "3", "kind", "pal", "unknown", json.dumps({"a": "x", "b": IDENTIFIER})],
        ["events.ndjson", "4", "type", "?", "unknown", json.dumps({"object": ["y", IDENTIFIER]})],
        ["accounts.csv", "5", "account_id", IDENTIFIER, "twice", "{}"],
        ["ties.csv", "8", "a", "?" * 140_000, "too long", json.dumps({"b": IDENTIFIER})],
        ["accounts.csv", "6", "birth_date", "soon", "no date", json.dumps({"account_id": "other"})],
        ["accounts.csv", "7", "region", IDENTIFIER + "x", "odd", json.dumps({"account_id": "z"})],
    ]  # fmt: skip
    file = tmp_path / "files" / "rejects" / f"import-{batch.pk}-rejects.csv"
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([list(REJECT_COLUMNS), *rows])
    for name, line, field, value, reason, _ in rows:
        RejectedRow.objects.create(
            batch=batch, file=name, line=line, field=field, value=value[:300], reason=reason
        )
    erase()
    with file.open(newline="") as kept:
        assert list(csv.reader(kept)) == [list(REJECT_COLUMNS), *rows[5:]]
    assert sorted(RejectedRow.objects.values_list("line", flat=True)) == [6, 7]
    with file.open("a", newline="") as more:  # by an import that was under way
        csv.writer(more, lineterminator="\n").writerow(rows[0])
    assert erase().already
    entry = Entry.objects.filter(verb="account.erase").latest("number")
    assert (entry.target, entry.after["removed"]) == (f"account:{account.pk}", {"rejected_rows": 1})
    assert IDENTIFIER not in file.read_text().replace(IDENTIFIER + "x", "")
    assert not Account.objects.filter(pk=account.pk, account_id=IDENTIFIER).exists()


@pytest.mark.django_db
def test_what_an_interrupted_import_has_put_aside_loses_them_and_keeps_its_size(
    tmp_path: Path,
) -> None:
    person()
    batch = factories.batch(state="interrupted")
    kept = ["ties.csv", "2", "kind", "pal", "a ré\nsumé", json.dumps({"a": "x"})]
    named = ["ties.csv", "3", "kind", "pal\nof", "unknown", json.dumps({"a": IDENTIFIER})]
    part = tmp_path / "files" / "rejects" / f"import-{batch.pk}-parts" / "000001"
    part.parent.mkdir(parents=True)
    with part.open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([kept, named, kept])
    RejectedRow.objects.create(
        batch=batch, file="ties.csv", line=3, field="kind", value="pal", reason="unknown"
    )
    size = part.stat().st_size
    with Database() as running:
        running.claim(batch.pk)
        erase()
    assert IDENTIFIER in part.read_text(), "its process is writing it"
    erase()
    with part.open(newline="") as rows:
        assert [row for row in csv.reader(rows) if row] == [kept, kept]
    assert part.stat().st_size == size
    assert [file.name for file in part.parent.iterdir()] == [part.name]
    assert not RejectedRow.objects.exists()
    ImportBatch.objects.filter(pk=batch.pk).update(state="partial")
    erase()
    assert not part.exists(), "the rejects file has them"


@pytest.mark.django_db
def test_what_was_written_since_goes_with_the_second_time(moderator: User) -> None:
    case = told_about(moderator, person())
    erase()
    decisions.add_note(actor=Actor.of_user(moderator), case_id=case.pk, text=f"{NAME} called.")
    erase()
    assert SECRET not in everything_stored()
    assert Entry.objects.filter(verb="case.erase").count() == 2
    assert Entry.objects.filter(verb="account.erase").count() == 1


@pytest.mark.django_db
def test_a_child_goes_from_what_was_written_in_cases_about_others(
    moderator: User, supervisor: User, settings: Settings
) -> None:
    """Also from a package past its time whose flagged account has another case by now."""
    settings.RETENTION_REFERRED_DAYS = 0
    suspect, child = factories.account(), person()
    case = factories.referred(moderator, supervisor, suspect, summary=f"Wrote to {NAME}.")
    factories.evidence(case.assessment, factories.event(suspect, child))
    packages.seal_approved(actor=Actor.system("worker"))
    later = factories.another_case(suspect)
    erase()
    assert SECRET not in everything_stored()
    assert bytes(SealedPackage.objects.get().data) == b""
    case.refresh_from_db()
    assert case.personal_data_removed_at is None, "its explanations are about somebody else"
    assert EvidenceRow.objects.filter(assessment=case.assessment_id).count() == 1
    assert Entry.objects.get(verb="account.erase").after["named_in"] == [case.reference]
    assert not Entry.objects.filter(verb="case.erase", target=f"case:{later.reference}").exists()


@pytest.mark.django_db
def test_nobody_is_asked_for_its_age_any_more(moderator: User, settings: Settings) -> None:
    """The request would name the account by its digest."""
    settings.WEBHOOK_URL = "https://platform.example/sightline"
    case = factories.asked_for_age(moderator, person())
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=False):
        upkeep.resume_monitored(actor=Actor.system("worker"))
        factories.dismiss(moderator, Case.objects.get(pk=case.pk))
    erase()
    assert AgeCheck.objects.get().withdrawn_at is not None
    assert Delivery.objects.get().state == "withdrawn"
    assert Entry.objects.filter(verb="age_check.withdraw").count() == 1


@pytest.mark.django_db
def test_contact_facts_of_runs_lose_its_contacts() -> None:
    account, one, other = person(), factories.child(), factories.account()
    path = storage.facts_file(factories.run().pk)
    path.parent.mkdir(parents=True)
    table = pa.table(
        {"event": [1, 2, 3], "u": [account.pk, other.pk, one.pk], "v": [one.pk, one.pk, account.pk]}
    )
    pq.write_table(table, path)
    erase()
    assert pq.read_table(path).to_pylist() == [{"event": 2, "u": other.pk, "v": one.pk}]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.django_db
def test_a_run_that_ends_meanwhile_clears_away_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, other = person(), factories.child()
    runs = [storage.facts_file(factories.run().pk) for _ in range(3)]
    gone = runs[0].with_name("run-none.parquet")  # in sight at first, not when its turn comes
    gone.parent.mkdir(parents=True)
    table = pa.table({"event": [1, 2], "u": [account.pk, other.pk], "v": [other.pk, other.pk]})
    for path in (*runs, gone):
        pq.write_table(table, path)
    write = pq.ParquetWriter.write_batch

    def meanwhile(writer: pq.ParquetWriter, batch: pa.RecordBatch) -> None:
        write(writer, batch)
        storage.prune()

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", meanwhile)
    erase()
    for path in runs[1:]:
        assert [row["event"] for row in pq.read_table(path).to_pylist()] == [2]
    storage.prune()
    assert sorted(gone.parent.iterdir()) == sorted(runs[1:])


@pytest.mark.django_db
def test_pages_of_its_case_still_open_and_search_finds_nothing(
    client: Client, moderator: User
) -> None:
    case = told_about(moderator, person())
    erase()
    client.force_login(moderator)
    page = client.get(f"/cases/{case.reference}/")
    assert page.status_code == 200
    assert SECRET not in page.content.decode()
    assert REMOVED in page.content.decode()
    found = client.get("/queue/", {"q": IDENTIFIER})
    assert case.reference not in found.content.decode()


@pytest.mark.django_db
def test_a_referral_past_its_retention_goes_with_its_package(
    moderator: User, supervisor: User, settings: Settings
) -> None:
    case = factories.referred(
        moderator, supervisor, person(), summary=f"{NAME} wrote to 4 children."
    )
    packages.seal_approved(actor=Actor.system("worker"))
    assert NAME in Referral.objects.get(case=case).summary
    settings.RETENTION_REFERRED_DAYS = 0
    erase()
    referral = Referral.objects.get(case=case)
    assert referral.summary == REMOVED
    sealed = SealedPackage.objects.get(referral=referral)
    assert bytes(sealed.data) == b""
    assert sealed.erased_at is not None
    assert SECRET not in everything_stored()


@pytest.mark.django_db
def test_what_was_said_about_a_report_that_never_arrived_goes(
    moderator: User, supervisor: User, settings: Settings
) -> None:
    delivery = factories.undelivered(moderator, supervisor)
    settings.RETENTION_REFERRED_DAYS = 0
    account = delivery.case.account.account_id
    erase_account(actor=COMMAND, account_id=account, reason="person_asked")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == ("dead", "")


@pytest.mark.django_db
def test_drafts_go(moderator: User) -> None:
    case = factories.held(moderator, person())
    drafts.keep(actor=Actor.of_user(moderator), case_id=case.pk, form="note", given={"text": NAME})
    assert SECRET in everything_stored()
    decisions.dismiss(
        actor=Actor.of_user(moderator),
        case_id=case.pk,
        version=case.version,
        reason="family",
        note="Their aunt.",
    )
    erase()
    assert SECRET not in everything_stored()
