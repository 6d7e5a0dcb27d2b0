"""What a report says of earlier ones on the same account."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from lxml import etree

from audit.actors import Actor
from moderation.models import Case
from moderation.package.archive import unpack
from moderation.services import claims, escalation, holds, intake, packages, referrals
from signals.models import Assessment
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


def test_a_report_names_those_in_which_its_children_and_linked_accounts_stood(
    moderator: User, supervisor: User
) -> None:
    girl, other_girl = factories.child(), factories.child()
    flagged, linked = factories.account(), factories.account()
    factories.event(linked, girl)
    first = factories.referred(moderator, supervisor, linked)
    factories.event(linked, other_girl, timezone.now())  # after the report was approved
    referrals.mark_sent(
        actor=WORKER, referral_id=first.referral.pk, destination="ncmec", receipt="1234567"
    )
    for child in (girl, other_girl):
        factories.event(flagged, child)
    case = factories.escalated(moderator, flagged)
    Assessment.objects.filter(pk=case.assessment_id).update(
        summary={"linked": [{"account": linked.pk, "shared": 1, "p": 0.001}]}
    )
    package = packages.export(actor=Actor.system("command"), case_id=case.pk)
    report: Any = etree.fromstring(unpack(package.data).files["cybertipline.xml"])
    named = {
        found.findtext("espIdentifier"): [e.text for e in found.findall("priorCTReports")]
        for found in report.findall("intendedRecipient")
    }
    assert named == {girl.account_id: ["1234567"], other_girl.account_id: []}
    assert report.findtext("personOrUserReported/associatedAccount/priorCTReport") == "1234567"
    assert report.find("personOrUserReported/priorCTReports") is None


def test_a_report_says_that_a_police_hold_stood_when_the_case_last_changed(
    moderator: User, supervisor: User
) -> None:
    def said(case: Case) -> bool:
        package = packages.export(actor=Actor.system("command"), case_id=case.pk)
        return b"A police hold has stood" in unpack(package.data).files["cybertipline.xml"]

    by = Actor.of_user(supervisor)
    held = factories.held(moderator)
    holds.set_hold(actor=by, case_id=held.pk, reason="County force, OP-7.")
    before = factories.escalate(moderator, held)
    after = factories.escalated(moderator)
    holds.set_hold(actor=by, case_id=after.pk, reason="County force, OP-8.")
    assert (said(before), said(after)) == (True, False)
    holds.lift_hold(actor=by, case_id=before.pk, reason="They are done.")
    assert said(before), "the same state makes the same package"
