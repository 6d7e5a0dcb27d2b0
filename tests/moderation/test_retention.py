"""When the time of a case's personal data is over, and what keeps it longer."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DataError
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from audit.verify import verify_trail
from moderation.models import Case, Decision, Note, Referral
from moderation.services import case_texts, decisions, erasure, holds, referrals
from moderation.services.erasure import erase_case
from moderation.services.retention import sweep
from moderation.tasks import end_retention
from staff.models import User
from staff.personal import REMOVED
from tests.moderation import factories

pytestmark = pytest.mark.django_db

WORKER = Actor.system("worker")


def decided(case: Case, days: int) -> Case:
    """Let ``case`` have been dismissed so many days ago."""
    Case.objects.filter(pk=case.pk).update(decided_at=factories.ago(days=days))
    return case


def is_empty(case: Case) -> bool:
    case.refresh_from_db()
    return case.personal_data_removed_at is not None


def test_a_dismissed_case_is_emptied_after_180_days_and_its_account_stays(
    moderator: User, moderator2: User
) -> None:
    over = decided(factories.dismissed(moderator, factories.account(display_name="Ellis")), 181)
    recent = decided(factories.dismissed(moderator2), 179)
    assert end_retention() == 1
    assert is_empty(over)
    assert not is_empty(recent)
    assert over.headline == []
    assert Decision.objects.get(case=over).note == REMOVED
    assert Decision.objects.get(case=recent).note != REMOVED
    assert Account.objects.get(pk=over.account_id).display_name == "Ellis"
    entry = Entry.objects.get(verb="case.erase")
    assert (entry.target, entry.reason) == (f"case:{over.reference}", "retention")
    assert verify_trail().ok


def test_once_is_enough_until_it_is_decided_again(moderator: User) -> None:
    case = decided(factories.dismissed(moderator), 400)
    assert (sweep(actor=WORKER), sweep(actor=WORKER)) == (1, 0)
    assert not erase_case(actor=WORKER, case_id=case.pk)
    Case.objects.filter(pk=case.pk).update(
        personal_data_removed_at=factories.ago(days=300), decided_at=factories.ago(days=200)
    )
    assert sweep(actor=WORKER) == 1


def test_what_is_written_on_an_emptied_case_goes_with_the_next_sweep(
    moderator: User, supervisor: User, settings: Settings
) -> None:
    settings.RETENTION_REFERRED_DAYS = 0
    dismissed = decided(factories.dismissed(moderator), 181)
    case = factories.referred(moderator, supervisor)
    assert sweep(actor=WORKER) == 2
    actor = Actor.of_user(supervisor)
    decisions.add_note(actor=actor, case_id=dismissed.pk, text="Ellis Quorndon called.")
    sent = referrals.mark_sent(
        actor=actor, referral_id=case.referral.pk, destination="ncmec", receipt="17"
    )
    referrals.acknowledge(actor=actor, referral_id=sent.pk, answer="They know Ellis Quorndon.")
    assert sweep(actor=WORKER) == 2
    assert Note.objects.get(case=dismissed).text == REMOVED
    referral = Referral.objects.get(case=case)
    assert (referral.answer, referral.receipt) == (REMOVED, "17")
    emptied = Entry.objects.filter(verb="case.erase", target=f"case:{dismissed.reference}")
    assert [entry.after["removed"]["notes"] for entry in emptied.order_by("number")] == [0, 1]
    assert sweep(actor=WORKER) == 0
    assert verify_trail().ok


def test_a_hold_keeps_it(moderator: User, supervisor: User) -> None:
    case = decided(factories.dismissed(moderator), 400)
    actor = Actor.of_user(supervisor)
    holds.set_hold(actor=actor, case_id=case.pk, reason="Asked for by the county.")
    assert sweep(actor=WORKER) == 0
    assert not erase_case(actor=WORKER, case_id=case.pk)
    assert Decision.objects.get(case=case).note != REMOVED
    holds.lift_hold(actor=actor, case_id=case.pk, reason="Withdrawn by the county.")
    assert sweep(actor=WORKER) == 1


def test_a_live_case_or_a_recent_referral_of_the_account_keeps_the_others(
    moderator: User, supervisor: User, settings: Settings
) -> None:
    referred = factories.referred(moderator, supervisor)
    second = factories.another_case(referred.account)
    settings.RETENTION_REFERRED_DAYS = 0
    assert sweep(actor=WORKER) == 0  # the second is live
    decided(factories.dismiss(moderator, second), 400)
    settings.RETENTION_REFERRED_DAYS = 365
    assert sweep(actor=WORKER) == 0  # the first is recent
    settings.RETENTION_REFERRED_DAYS = 0
    assert sweep(actor=WORKER) == 2
    assert is_empty(referred)
    assert is_empty(second)


def test_a_referred_case_is_kept_for_a_year(
    moderator: User, supervisor: User, settings: Settings
) -> None:
    case = factories.referred(moderator, supervisor)
    assert settings.RETENTION_REFERRED_DAYS == 365
    assert sweep(actor=WORKER) == 0
    settings.RETENTION_REFERRED_DAYS = 0
    assert (sweep(actor=WORKER), sweep(actor=WORKER)) == (1, 0)
    assert Referral.objects.get(case=case).summary == REMOVED
    assert is_empty(case)


def test_a_dry_run_lists_and_leaves_everything(moderator: User, moderator2: User) -> None:
    case = decided(factories.dismissed(moderator), 181)
    decided(factories.dismissed(moderator2), 20)
    out = StringIO()
    call_command("retention", "--dry-run", stdout=out)
    assert out.getvalue().splitlines() == [
        f"{case.reference} dismissed",
        "1 case would be emptied.",
    ]
    assert not is_empty(case)
    call_command("retention", stdout=out)
    assert out.getvalue().splitlines()[-1] == "1 case was emptied."
    assert is_empty(case)


def test_its_page_says_when(client: Client, moderator: User) -> None:
    case = decided(factories.dismissed(moderator), 181)
    sweep(actor=WORKER)
    client.force_login(moderator)
    assert "Personal data removed on" in client.get(f"/cases/{case.reference}/").content.decode()


def test_one_case_that_cannot_be_emptied_keeps_no_other_back_and_is_not_quoted_in_the_log(
    moderator: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = (decided(factories.dismissed(moderator), days) for days in (200, 199))
    empty = case_texts.remove_texts

    def fail_for_one(case: Case) -> dict[str, int]:
        if case.pk == bad.pk:
            raise error
        return empty(case)

    monkeypatch.setattr(erasure, "remove_texts", fail_for_one)
    for emptied, error in ((1, OSError("Mr Quorndon: no space")), (0, DataError("Mr Quorndon"))):
        with caplog.at_level("ERROR"):
            assert sweep(actor=WORKER) == emptied
        assert is_empty(good)
        assert not is_empty(bad)
        assert f"Emptying case {bad.pk} ended in {type(error).__name__}" in caplog.text
    assert "Quorndon" not in caplog.text
