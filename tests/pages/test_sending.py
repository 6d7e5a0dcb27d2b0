"""Packages to download, filing with NCMEC, the NCA's form, and the outbox page."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case, Delivery, Referral, SealedPackage
from moderation.package import report
from moderation.package.archive import unpack
from moderation.services import packages, referrals
from staff.models import User
from tests.moderation import factories
from tests.moderation.factories import NOON
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

WORKER = Actor.system("worker")
BY_HAND = {"destination": "nca", "receipt": "NCA-1"}


@pytest.fixture
def referred(moderator: User, supervisor2: User) -> Case:
    """Approved, with two children, one of whom accepted; the package is sealed."""
    account = factories.account(account_id="acct-77", region="GB")
    offer = factories.event(account, factories.child(display_name="A child's own name"))
    factories.accept(offer, NOON + timedelta(hours=1))
    factories.event(account, factories.child(12), NOON + timedelta(days=3))
    case = factories.referred(moderator, supervisor2, account)
    packages.seal_approved(actor=Actor.system("worker"))
    return case


@pytest.fixture
def credentials(settings: Any) -> Any:
    settings.CYBERTIPLINE_USERNAME = settings.CYBERTIPLINE_PASSWORD = "x"
    settings.REPORTER_EMAIL = "safety@example.com"
    return settings


def test_a_supervisor_downloads_the_package(
    referred: Case, supervisor: User, signed_in: SignedIn
) -> None:
    browser = signed_in(supervisor)
    answer = browser.post(reverse("case_package", args=[referred.reference]))
    assert answer.headers["Content-Type"] == "application/zip"
    assert f"{referred.reference}.zip" in answer.headers["Content-Disposition"]
    assert "report.pdf" in unpack(answer.content).files
    entry = Entry.objects.filter(verb="case.export").get()
    assert entry.actor == f"staff:{supervisor.pk} {supervisor.name}"
    looked = browser.get(reverse("case_package", args=[referred.reference]))
    assert looked.status_code == 302  # an address alone exports nothing


def test_the_referral_page_offers_ways_to_send(
    referred: Case, supervisor: User, moderator: User, signed_in: SignedIn, seen: type[Seen]
) -> None:
    url = reverse("referral", args=[referred.reference])
    page = seen(signed_in(supervisor).get(url))
    assert reverse("case_package", args=[referred.reference]) in page.actions
    assert reverse("referral_file", args=[referred.reference]) in page.links
    assert reverse("referral_nca", args=[referred.reference]) in page.links
    theirs = seen(signed_in(moderator).get(url))
    assert reverse("case_package", args=[referred.reference]) not in theirs.actions


def test_one_package_that_cannot_be_made_is_seen_and_keeps_no_other_back(
    moderator: User,
    supervisor: User,
    supervisor2: User,
    signed_in: SignedIn,
    seen: type[Seen],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, whole = (factories.referred(moderator, supervisor2) for _ in range(2))
    layout = tmp_path / "report.typ"
    layout.write_text(
        "#let case = json(bytes(sys.inputs.data))\n#set document(title: case.reference)\n"
        f'#assert(case.reference != "{broken.reference}")\n#case.reference\n'
    )
    monkeypatch.setattr(report, "TEMPLATE", layout)
    assert packages.seal_approved(actor=Actor.system("worker")) == 1
    assert SealedPackage.objects.get().referral.case == whole
    page = reverse("referral", args=[broken.reference])
    browser = signed_in(supervisor)
    assert "The package is not sealed" not in seen(browser.get(page)).text
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        assert "The package is not sealed" in seen(browser.get(page)).text
        sealed = seen(browser.get(reverse("referral", args=[whole.reference])))
    assert "The package is not sealed" not in sealed.text
    tried = browser.post(reverse("case_package", args=[broken.reference]), follow=True)
    assert "cannot be laid out" in seen(tried).text


def test_production_is_named_in_red_and_the_test_host_is_a_rehearsal(
    referred: Case, supervisor: User, signed_in: SignedIn, credentials: Any
) -> None:
    url = reverse("referral_file", args=[referred.reference])
    credentials.CYBERTIPLINE_HOST = "production"
    said = signed_in(supervisor).get(url).content.decode()
    assert "alert--error" in said
    assert "PRODUCTION: this is a real report" in said
    credentials.CYBERTIPLINE_HOST = "test"
    said = signed_in(supervisor).get(url).content.decode()
    assert "alert--error" not in said
    assert "a rehearsal" in said


def test_filing_from_the_page_puts_it_into_the_outbox(
    referred: Case, supervisor: User, signed_in: SignedIn, seen: type[Seen], credentials: Any
) -> None:
    url = reverse("referral_file", args=[referred.reference])
    browser = signed_in(supervisor)
    assert url in seen(browser.get(url)).actions
    assert browser.post(url).status_code == 303
    assert Delivery.objects.get().asked_by == supervisor
    assert "waiting" in seen(browser.get(reverse("outbox"))).text.lower()


def test_on_its_way_it_is_offered_no_other_way(
    referred: Case, supervisor: User, signed_in: SignedIn, seen: type[Seen], credentials: Any
) -> None:
    credentials.CYBERTIPLINE_HOST = "production"
    browser = signed_in(supervisor)
    browser.post(reverse("referral_file", args=[referred.reference]))
    url = reverse("referral", args=[referred.reference])
    by_hand, stop = (
        reverse("referral_step", args=[referred.reference, name]) for name in ("send", "stop")
    )
    page = seen(browser.get(url))
    assert by_hand not in page.actions
    assert reverse("referral_nca", args=[referred.reference]) not in page.links
    nca = seen(browser.get(reverse("referral_nca", args=[referred.reference])))
    assert "It is on its way to NCMEC" in nca.text
    assert reverse("referral_nca", args=[referred.reference]) not in nca.actions
    assert stop in page.actions
    browser.post(stop)
    page = seen(browser.get(url))
    assert by_hand in page.actions
    assert stop not in page.actions
    assert "may be filed" not in page.text


def test_a_report_that_may_be_filed_all_the_same_is_named(
    moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn, seen: type[Seen]
) -> None:
    delivery = factories.undelivered(moderator, supervisor2)
    delivery.progress = {"report_id": 4711, "doing": "finish"}
    delivery.save()
    browser = signed_in(supervisor)
    for url in (reverse("referral", args=[delivery.case.reference]), reverse("outbox")):
        assert "Report 4711 may be filed" in seen(browser.get(url)).text


def test_what_nobody_sends_stands_on_top_with_its_age(
    moderator: User,
    supervisor: User,
    supervisor2: User,
    signed_in: SignedIn,
    seen: type[Seen],
    credentials: Any,
) -> None:
    credentials.CYBERTIPLINE_HOST = "production"
    older, newer, on_its_way, sent = (
        factories.referred(moderator, supervisor2).referral for _ in range(4)
    )
    browser = signed_in(supervisor)
    browser.post(reverse("referral_file", args=[on_its_way.case.reference]))
    referrals.mark_sent(actor=WORKER, referral_id=sent.pk, **BY_HAND)
    page = seen(browser.get(reverse("referrals")))
    assert "2 referrals are still to be sent" in page.text
    places = [page.text.rindex(row.case.reference) for row in (older, newer, sent, on_its_way)]
    assert places == sorted(places)
    assert page.text.count("On its way") == 1


def test_an_age_check_is_no_referral_that_was_not_delivered(
    moderator: User,
    supervisor: User,
    supervisor2: User,
    signed_in: SignedIn,
    seen: type[Seen],
    settings: Any,
) -> None:
    settings.WEBHOOK_URL = "https://platform.example/hook"
    referral = factories.undelivered(moderator, supervisor2).case.referral
    factories.asked_for_age(moderator)
    Delivery.objects.filter(referral=None).update(state="dead")
    browser = signed_in(supervisor)
    said = seen(browser.get(reverse("referrals"))).text
    assert "1 referral was and 1 age check was not delivered" in said
    referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **BY_HAND)
    assert "1 age check was not delivered" in seen(browser.get(reverse("referrals"))).text
    assert "1 delivery needs a person" in seen(browser.get(reverse("outbox"))).text


def test_without_settings_the_page_says_what_is_missing(
    referred: Case, supervisor: User, signed_in: SignedIn, seen: type[Seen]
) -> None:
    url = reverse("referral_file", args=[referred.reference])
    page = seen(signed_in(supervisor).get(url))
    assert "CYBERTIPLINE_USERNAME" in page.text
    assert url not in page.actions
    signed_in(supervisor).post(url)
    assert not Delivery.objects.exists()


def test_what_was_given_up_on_is_seen_and_tried_again(
    moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn, seen: type[Seen]
) -> None:
    delivery = factories.undelivered(moderator, supervisor2)
    browser = signed_in(supervisor)
    assert "1 referral was not delivered" in seen(browser.get(reverse("referrals"))).text
    page = seen(browser.get(reverse("outbox")))
    assert "1 delivery needs a person" in page.text
    assert "The connection to NCMEC failed at submit" in page.text
    url = reverse("outbox_retry", args=[delivery.pk])
    assert url in page.actions
    assert browser.post(url).status_code == 303
    delivery.refresh_from_db()
    assert (delivery.state, delivery.asked_by) == ("waiting", supervisor)
    assert url not in seen(signed_in(moderator).get(reverse("outbox"))).actions


def test_what_went_another_way_since_asks_for_nobody(
    moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn
) -> None:
    delivery = factories.undelivered(moderator, supervisor2)
    assert delivery.referral is not None
    browser, pages = signed_in(supervisor), ["/outbox/", f"/referrals/{delivery.case.reference}/"]
    assert all("Given up, needs a person" in Seen(browser.get(page)).text for page in pages)
    referrals.mark_sent(
        actor=Actor.of_user(supervisor), referral_id=delivery.referral.pk, **BY_HAND
    )
    for page in pages:
        text = Seen(browser.get(page)).text
        assert "Given up, not needed any more" in text
        assert "needs a person" not in text
        assert "Try again now" not in text


def test_the_nca_form_has_the_fields_and_no_child(
    referred: Case, supervisor: User, signed_in: SignedIn
) -> None:
    page = signed_in(supervisor).get(reverse("referral_nca", args=[referred.reference]))
    said = page.content.decode()
    assert 'value="acct-77"' in said
    assert "1 aged 13–15, 1 aged under 13" in said
    for child in ("A child&#x27;s own name", "A child's own name"):
        assert child not in said
    assert said.count('type="radio"') == 3
    looked = Entry.objects.get(verb="personal.read")
    assert (looked.target, looked.reason) == (f"case:{referred.reference}", "nca_form")
    assert "display_name" in looked.after["fields"]
    assert "acct-77" not in str(looked.after)


def test_the_nca_s_reference_is_recorded_with_the_priority(
    referred: Case, supervisor: User, signed_in: SignedIn
) -> None:
    url = reverse("referral_nca", args=[referred.reference])
    browser = signed_in(supervisor)
    assert browser.post(url, {"priority": "2"}).status_code == 422
    assert Entry.objects.filter(verb="personal.read").count() == 1, "the form came back"
    assert browser.post(url, {"priority": "2", "receipt": "NCA-123"}).status_code == 303
    assert Entry.objects.filter(verb="personal.read").count() == 1
    referral = Referral.objects.get(case=referred)
    assert (referral.state, referral.destination, referral.receipt) == (
        "sent",
        "nca",
        "NCA-123 (priority 2)",
    )


def test_the_nca_form_waits_for_the_package(
    moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn, seen: type[Seen]
) -> None:
    case = factories.referred(moderator, supervisor2)
    page = seen(signed_in(supervisor).get(reverse("referral_nca", args=[case.reference])))
    assert "The package is not there yet" in page.text
    assert not Entry.objects.filter(verb="personal.read").exists()


def test_what_no_worker_takes_is_seen_within_minutes(
    referred: Case, supervisor: User, signed_in: SignedIn, seen: type[Seen], credentials: Any
) -> None:
    browser = signed_in(supervisor)
    browser.post(reverse("referral_file", args=[referred.reference]))
    pages = (reverse("outbox"), reverse("referrals"))
    for page in pages:
        assert "for a worker" not in seen(browser.get(page)).text
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        for page in pages:
            assert "1 delivery waits for a worker" in seen(browser.get(page)).text


def test_filing_again_what_is_there_says_so(
    referred: Case, supervisor: User, signed_in: SignedIn, seen: type[Seen], credentials: Any
) -> None:
    credentials.CYBERTIPLINE_HOST = "test"
    url = reverse("referral_file", args=[referred.reference])
    browser = signed_in(supervisor)
    browser.post(url)
    now = timezone.now()
    Delivery.objects.update(state="sending", token=uuid.uuid4(), taken_until=now)
    Delivery.objects.update(
        state="done", receipt="4711", finished_at=now, token=None, taken_until=None
    )
    assert "It is there already, as number 4711." in seen(browser.post(url, follow=True)).text


def test_the_nca_form_keeps_the_lines_of_a_text_and_says_bands_in_words(
    moderator: User, supervisor: User, supervisor2: User, signed_in: SignedIn
) -> None:
    account = factories.account(birth_date=None, age_band="18_plus", status="suspended")
    factories.event(account, factories.child())
    case = factories.refer(
        supervisor2, factories.escalated(moderator, account, summary="Two\nlines.")
    )
    packages.seal_approved(actor=WORKER)
    said = signed_in(supervisor).get(reverse("referral_nca", args=[case.reference])).content
    assert b"readonly>Two\nlines.</textarea>" in said
    assert b'value="18 or over"' in said
    assert b'value="suspended"' in said


def test_the_nca_form_of_an_erased_package_does_not_ask_to_wait(
    referred: Case, supervisor: User, signed_in: SignedIn, seen: type[Seen]
) -> None:
    SealedPackage.objects.update(data=b"", erased_at=NOON)
    page = seen(signed_in(supervisor).get(reverse("referral_nca", args=[referred.reference])))
    assert "It was removed when its retention ended" in page.text
    assert "Reload this page" not in page.text


def test_a_rehearsal_is_never_recorded_as_sent_by_hand(
    referred: Case, supervisor: User, signed_in: SignedIn
) -> None:
    url = reverse("referral_step", args=[referred.reference, "send"])
    answer = signed_in(supervisor).post(url, {"destination": "ncmec_test", "receipt": "7"})
    assert answer.status_code == 422
    assert Referral.objects.get(case=referred).state == "approved"
