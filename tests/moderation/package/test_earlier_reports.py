"""What a report says of earlier ones on the same account."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from audit.actors import Actor
from moderation.models import Case
from moderation.package.archive import unpack
from moderation.services import claims, escalation, intake, packages, referrals
from staff.models import User
from tests.moderation import factories

pytestmark = pytest.mark.django_db

WORKER = Actor.system("worker")


def _prior(case: Case) -> list[str | None]:
    package = packages.export(actor=Actor.system("command"), case_id=case.pk)
    report: Any = etree.fromstring(unpack(package.data).files["cybertipline.xml"])
    return [found.text for found in report.findall("personOrUserReported/priorCTReports")]


@pytest.mark.parametrize(
    ("destination", "receipt", "prior"),
    [("ncmec", "1234567", ["1234567"]), ("ncmec", "by telephone", []), ("nca", "77", [])],
)
def test_a_second_report_names_the_first_that_ncmec_received(
    destination: str, receipt: str, prior: list[str], moderator: User, supervisor: User
) -> None:
    account = factories.account()
    run = factories.run(basis=factories.basis())
    first = factories.referred(moderator, supervisor, account, in_run=run)
    referrals.mark_sent(
        actor=Actor.of_user(supervisor),
        referral_id=first.referral.pk,
        destination=destination,
        receipt=receipt,
    )
    found = factories.assessment(account, factories.run(basis=factories.basis()), points=200.0)
    factories.evidence(found, factories.event(account, factories.child()))
    intake.open_cases(found.run, WORKER)
    second = Case.objects.get(assessment=found)
    by = Actor.of_user(moderator)
    second = claims.claim(actor=by, case_id=second.pk)
    second = escalation.escalate(
        actor=by,
        case_id=second.pk,
        version=second.version,
        severity="high",
        note="It goes on.",
        ask="Refer?",
    )

    assert _prior(second) == prior
    assert _prior(first) == []
