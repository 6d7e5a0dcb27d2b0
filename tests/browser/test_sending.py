"""axe on the pages by which a referral leaves the house."""

from __future__ import annotations

from typing import Any

import pytest

from audit.actors import Actor
from moderation.models import Case
from moderation.services import claims, escalation, packages
from staff.models import User
from tests.browser.conftest import SignIn
from tests.browser.test_axe import PICTURES, check
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_leaves_the_house(
    moderator: User, supervisor: User, supervisor2: User, sign_in: SignIn, settings: Any
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    settings.CYBERTIPLINE_HOST = "production"
    settings.CYBERTIPLINE_USERNAME = settings.CYBERTIPLINE_PASSWORD = "x"
    settings.REPORTER_EMAIL = "safety@example.com"
    case = referred(stories.coach(children=7, account_id="flagged-1"), moderator, supervisor2)
    factories.undelivered(moderator, supervisor2)
    packages.seal_approved(actor=Actor.system("worker"))
    page = sign_in(supervisor)
    for path, name in (
        ("/outbox/", "outbox"),
        ("/referrals/", "referrals-undelivered"),
        (f"/referrals/{case.reference}/", "referral-sending"),
        (f"/referrals/{case.reference}/file/", "referral-file"),
        (f"/referrals/{case.reference}/nca/", "referral-nca"),
    ):
        page.goto(path)
        check(page, name)


def referred(case: Case, by: User, approved_by: User) -> Case:
    case = claims.claim(actor=Actor.of_user(by), case_id=case.pk)
    case = escalation.escalate(
        actor=Actor.of_user(by),
        case_id=case.pk,
        version=case.version,
        severity="critical",
        note="Writes to children of one club whom nobody around him knows.",
        ask="Please refer.",
    )
    return escalation.refer(
        actor=Actor.of_user(approved_by), case_id=case.pk, version=case.version, note="Agreed."
    )
