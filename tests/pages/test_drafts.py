"""What people write before they decide is kept for them, and for nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case, Draft
from moderation.services import claims, decisions, drafts
from staff.errors import NotAllowed
from staff.models import User
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
WORDS = {"severity": "critical", "note": "Same four children as in May.", "ask": "Refer it?"}


def _url(case: Case) -> str:
    return f"/cases/{case.reference}/"


def _keep(case: Case, by: User, form: str = "escalate", **words: str) -> Draft | None:
    return drafts.keep(
        actor=Actor.of_user(by), case_id=case.pk, form=form, given=words or dict(WORDS)
    )


def test_what_is_typed_is_kept_and_shown_again(moderator: User, signed_in: SignedIn) -> None:
    case = factories.held(moderator)
    browser = signed_in(moderator)
    entries = Entry.objects.count()

    said = browser.post(f"{_url(case)}draft/", WORDS | {"draft": "escalate"}, headers=HTMX)
    assert "Draft kept" in Seen(said).text
    assert "<html" not in said.content.decode()
    page = browser.get(_url(case)).content.decode()

    assert "Same four children as in May.</textarea>" in page
    assert 'value="critical" id="escalate_severity_0" checked' in page.replace(" required", "")
    assert '<details class="choice" name="decision" id="do-escalate" open>' in page
    case.refresh_from_db()
    assert (case.state, Entry.objects.count()) == ("in_review", entries)


def test_a_plain_button_keeps_it_too_and_an_empty_form_empties_it(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    browser = signed_in(moderator)

    kept = browser.post(f"{_url(case)}draft/", WORDS | {"draft": "escalate"}, follow=True)
    assert kept.redirect_chain == [(f"{_url(case)}?do=escalate", 303)]
    assert f"Your draft on {case.reference} is kept." in Seen(kept).text
    browser.post(f"{_url(case)}draft/", {"draft": "escalate", "note": " "})
    assert not Draft.objects.exists()


def test_a_draft_outlives_a_lapsed_hold_and_the_refused_decision(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    browser = signed_in(moderator)
    let_lapse(case)

    refused = browser.post(f"{_url(case)}escalate/", WORDS | {"version": case.version})
    assert refused.status_code == 409
    assert "comes back when you claim it" in Seen(browser.get(_url(case))).text
    browser.post(f"{_url(case)}claim/")
    assert "Same four children as in May.</textarea>" in browser.get(_url(case)).content.decode()


def test_nobody_else_sees_or_loses_it(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    _keep(case, moderator)
    let_lapse(case)
    taken = claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk)
    _keep(case, moderator2, "dismiss", note="An uncle.")

    assert "Same four children" not in signed_in(moderator2).get(_url(case)).content.decode()
    decisions.dismiss(
        actor=Actor.of_user(moderator2),
        case_id=case.pk,
        version=taken.version,
        reason="family",
        note="An uncle.",
    )
    assert [(d.by, d.form) for d in Draft.objects.all()] == [(moderator, "escalate")]


def test_words_that_come_after_the_decision_are_no_draft(moderator: User) -> None:
    case = factories.dismissed(moderator)
    assert _keep(case, moderator) is None
    assert _keep(case, moderator, "refer", note="x") is None
    assert _keep(case, moderator, "note", text="For later.") is not None
    decisions.add_note(actor=Actor.of_user(moderator), case_id=case.pk, text="For later.")
    assert not Draft.objects.exists()


def test_too_much_and_unknown_forms_are_refused_without_harm(
    moderator: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    browser = signed_in(moderator)
    _keep(case, moderator)
    for data in (
        {"draft": "escalate", "note": "x" * 20_001},
        {"draft": "escalate", "note": "x\x00"},
        {"draft": "sleep", "note": "x"},
    ):
        assert (
            "Not kept." in browser.post(f"{_url(case)}draft/", data, headers=HTMX).content.decode()
        )
        assert browser.post(f"{_url(case)}draft/", data).status_code == 303
    assert Draft.objects.get().words == WORDS


def test_only_people_who_review_keep_drafts(admin: User, moderator: User) -> None:
    case = factories.held(moderator)
    for actor in (Actor.of_user(admin), Actor.system("worker")):
        with pytest.raises(NotAllowed):
            drafts.keep(actor=actor, case_id=case.pk, form="note", given={"text": "x"})


def test_a_draft_left_alone_for_a_month_goes(moderator: User) -> None:
    old, fresh = factories.held(moderator), factories.held(moderator)
    for case in (old, fresh):
        _keep(case, moderator)
    Draft.objects.filter(case=old).update(updated_at=timezone.now() - timedelta(days=31))
    with pytest.raises(NotAllowed):
        drafts.sweep(actor=Actor.of_user(moderator))
    assert drafts.sweep(actor=Actor.system("worker")) == 1
    assert Draft.objects.get().case == fresh


def test_the_reasons_of_a_referral_outlive_the_way_to_a_second_factor(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    """The page that confirms leads elsewhere and back by plain links, which carry no words."""
    case = factories.escalated(moderator)
    browser, url = signed_in(supervisor), f"/cases/{case.reference}/"
    note = "The pattern and the reports agree."
    words = {"version": case.version, "note": note}
    confirm = browser.post(f"{url}refer/", words, follow=True)
    assert reverse("mfa_reauthenticate") not in confirm.content.decode(), "who has none"
    Authenticator.objects.create(user=supervisor, type=Authenticator.Type.TOTP, data={})
    confirm = browser.get(f"{url}refer/", {"version": case.version})
    back = f"{url}refer/%3Fversion%3D{case.version}"
    assert f"{reverse('mfa_reauthenticate')}?next={back}" in confirm.content.decode()
    assert note in browser.get(f"{url}refer/", {"version": case.version}).content.decode()
    assert note in browser.get(url, {"do": "refer"}).content.decode()
    sent = words | {"confirmed": "1", "password": PASSWORD}
    assert browser.post(f"{url}refer/", sent).status_code == 303
    assert not Draft.objects.exists()
