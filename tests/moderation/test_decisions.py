"""Decisions of the person who holds a case, and of the supervisor who gets it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.errors import (
    CaseTaken,
    FourEyes,
    IllegalMove,
    InvalidDecision,
    LeaseLapsed,
    StaleCase,
)
from moderation.models import Case, Decision
from moderation.services import claims, decisions, escalation, intake
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse

pytestmark = pytest.mark.django_db

NOTE = "Coaches the team that all of them play in."


def dismiss(by: User, case: Case, **given: Any) -> Case:
    values: dict[str, Any] = {
        "version": case.version,
        "reason": "school_or_club_role",
        "note": NOTE,
    }
    return decisions.dismiss(actor=Actor.of_user(by), case_id=case.pk, **(values | given))


def monitor(by: User, case: Case, **given: Any) -> Case:
    until = timezone.localdate() + timedelta(days=14)
    values: dict[str, Any] = {"version": case.version, "until": until, "note": NOTE}
    return decisions.monitor(actor=Actor.of_user(by), case_id=case.pk, **(values | given))


def escalate(by: User, case: Case, **given: Any) -> Case:
    values: dict[str, Any] = {
        "version": case.version,
        "severity": "critical",
        "note": NOTE,
        "ask": "Refer?",
    }
    return escalation.escalate(actor=Actor.of_user(by), case_id=case.pk, **(values | given))


def refer(by: User, case: Case, **given: Any) -> Case:
    values: dict[str, Any] = {"version": case.version, "note": NOTE}
    return escalation.refer(actor=Actor.of_user(by), case_id=case.pk, **(values | given))


def send_back(by: User, case: Case, **given: Any) -> Case:
    values: dict[str, Any] = {"version": case.version, "note": "Which school?"}
    return escalation.send_back(actor=Actor.of_user(by), case_id=case.pk, **(values | given))


def close(by: User, case: Case, **given: Any) -> Case:
    values: dict[str, Any] = {"version": case.version, "reason": "family", "note": NOTE}
    return escalation.dismiss(actor=Actor.of_user(by), case_id=case.pk, **(values | given))


OF_THE_HOLDER = (dismiss, monitor, escalate)
OF_THE_SUPERVISOR = (refer, send_back, close)


# -- What a decision leaves --------------------------------------------------------------


def test_a_dismissal_keeps_the_reason_and_what_was_on_the_screen(moderator: User) -> None:
    case = factories.held(moderator, points=131.5)
    decided = dismiss(moderator, case)
    assert (decided.state, decided.holder) == ("dismissed", None)
    assert decided.points_when_decided == 131.5
    kept = Decision.objects.get()
    assert (kept.verb, kept.reason, kept.note) == ("dismiss", "school_or_club_role", NOTE)
    assert (kept.points, kept.assessment_id) == (131.5, case.assessment_id)
    assert (kept.by, kept.case_version, kept.at) == (moderator, decided.version, decided.decided_at)


def test_monitoring_keeps_the_date(moderator: User) -> None:
    until = timezone.localdate() + timedelta(days=365)
    decided = monitor(moderator, factories.held(moderator), until=until)
    assert (decided.state, decided.monitor_until) == ("monitoring", until)
    assert Decision.objects.get().details == {"until": until.isoformat()}


def test_an_escalation_keeps_the_summary_the_request_and_who_asked(moderator: User) -> None:
    case = factories.held(moderator)
    decided = escalate(moderator, case)
    assert (decided.state, decided.severity) == ("escalated", "critical")
    assert (decided.escalated_by, decided.escalated_at) == (moderator, decided.waiting_since)
    assert decided.due_at - decided.waiting_since == timedelta(hours=4)
    kept = Decision.objects.get()
    assert (kept.note, kept.details) == (NOTE, {"severity": "critical", "ask": "Refer?"})


def test_a_referral_names_both_people(moderator: User, supervisor: User) -> None:
    decided = refer(supervisor, factories.escalated(moderator))
    assert (decided.state, decided.referred_by) == ("referred", supervisor)
    referral = decided.referral
    assert referral.state == "approved"
    assert (referral.requested_by, referral.approved_by) == (moderator, supervisor)
    assert referral.summary == "Contacted four children whom nobody around them knows."


def test_a_returned_case_waits_again_and_remembers_who_escalated(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    case = factories.escalated(moderator)
    returned = send_back(supervisor, case)
    assert (returned.state, returned.severity) == ("open", case.severity)
    assert returned.waiting_since > case.waiting_since
    assert returned.was_escalated_by(moderator)
    assert not returned.was_escalated_by(supervisor)
    assert Decision.objects.get(verb="return").note == "Which school?"
    assert claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk).holder == moderator2


def test_a_supervisor_closes_an_escalation(moderator: User, supervisor: User) -> None:
    decided = close(supervisor, factories.escalated(moderator))
    assert (decided.state, Decision.objects.get(verb="dismiss").reason) == ("dismissed", "family")


def test_entries_name_what_changed_and_hold_nothing_that_a_person_wrote(
    moderator: User, supervisor: User
) -> None:
    account = factories.account(display_name="Jo Invented", account_id="jo.invented")
    case = factories.escalated(moderator, account)
    refer(supervisor, case)
    entries = Entry.objects.filter(target=f"case:{case.reference}")
    assert [entry.verb for entry in entries.order_by("number")] == [
        "case.open",
        "case.claim",
        "case.escalate",
        "case.refer",
    ]
    escalated = entries.get(verb="case.escalate")
    assert escalated.before["holder_id"] == moderator.pk
    assert escalated.after["escalated_by_id"] == moderator.pk
    assert escalated.after["assessment_id"] == case.assessment_id
    said = " ".join(f"{entry.before} {entry.after} {entry.reason}" for entry in entries)
    for private in ("Jo Invented", "jo.invented", "1986", "nobody around them", NOTE):
        assert private not in said


# -- Refusals ----------------------------------------------------------------------------


@pytest.mark.parametrize("decide", OF_THE_HOLDER)
def test_only_the_holder_decides(decide: Any, moderator: User, moderator2: User) -> None:
    with pytest.raises(CaseTaken) as refusal:
        decide(moderator2, factories.held(moderator))
    assert refusal.value.holder_name == moderator.name


@pytest.mark.parametrize("decide", OF_THE_HOLDER)
def test_nobody_decides_on_a_case_that_nobody_holds(decide: Any, moderator: User) -> None:
    with pytest.raises(IllegalMove):
        decide(moderator, factories.case())


@pytest.mark.parametrize("decide", OF_THE_HOLDER)
def test_a_lapsed_hold_decides_nothing_until_it_is_claimed_again(
    decide: Any, moderator: User
) -> None:
    case = factories.held(moderator)
    let_lapse(case)
    with pytest.raises(LeaseLapsed):
        decide(moderator, case)
    decide(moderator, claims.claim(actor=Actor.of_user(moderator), case_id=case.pk))


@pytest.mark.parametrize("decide", OF_THE_SUPERVISOR)
def test_a_supervisor_decides_escalations_only(
    decide: Any, moderator: User, supervisor: User
) -> None:
    for case in (factories.held(moderator), factories.case(), factories.dismissed(moderator)):
        with pytest.raises(IllegalMove):
            decide(supervisor, case)
    with pytest.raises(NotAllowed):
        decide(moderator, factories.escalated(supervisor))


@pytest.mark.parametrize("decide", OF_THE_SUPERVISOR)
def test_nobody_decides_on_their_own_escalation(
    decide: Any, supervisor: User, supervisor2: User
) -> None:
    case = factories.escalated(supervisor)
    with pytest.raises(FourEyes) as refusal:
        decide(supervisor, case)
    assert case.reference in refusal.value.message
    decide(supervisor2, case)


def test_who_escalated_before_a_return_does_not_approve_the_next_escalation(
    moderator: User, supervisor: User, supervisor2: User
) -> None:
    case = send_back(supervisor2, factories.escalated(supervisor))
    held = claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    again = escalate(moderator, held)
    for decide in OF_THE_SUPERVISOR:
        with pytest.raises(FourEyes):
            decide(supervisor, again)
    assert refer(supervisor2, again).referral.requested_by == moderator


def test_a_stale_page_is_told_who_did_what(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    case = factories.held(moderator)
    dismiss(moderator, case)
    with pytest.raises(StaleCase) as refusal:
        refer(supervisor, case)
    assert refusal.value.changed_by == moderator.name
    assert refusal.value.what == "dismissed the case"
    assert refusal.value.version_now == case.version + 1
    assert f"{moderator.name} dismissed the case" in refusal.value.message


def test_newer_evidence_makes_a_page_stale(moderator: User) -> None:
    account = factories.account()
    case = factories.held(moderator, account)
    newer = factories.assessment(account, points=190.0)
    intake.open_cases(newer.run, Actor.system("worker"))
    with pytest.raises(StaleCase) as refusal:
        dismiss(moderator, case)
    assert refusal.value.changed_by == "Sightline"
    assert refusal.value.what == "brought newer evidence to the case"
    case.refresh_from_db()
    dismiss(moderator, case)
    assert Decision.objects.get().assessment == newer


@pytest.mark.parametrize(
    ("decide", "given", "field"),
    [
        (dismiss, {"reason": ""}, "reason"),
        (dismiss, {"reason": "guilty"}, "reason"),
        (dismiss, {"note": "  \n "}, "note"),
        (dismiss, {"note": "x" * 5_001}, "note"),
        (dismiss, {"note": "nul \x00 byte"}, "note"),
        (monitor, {"note": ""}, "note"),
        (monitor, {"until": timezone.localdate()}, "until"),
        (monitor, {"until": timezone.localdate() + timedelta(days=366)}, "until"),
        (escalate, {"severity": "grave"}, "severity"),
        (escalate, {"note": ""}, "note"),
        (escalate, {"ask": ""}, "ask"),
        (escalate, {"ask": "x" * 1_001}, "ask"),
    ],
)
def test_what_is_missing_or_wrong_is_named_by_field(
    decide: Any, given: dict[str, Any], field: str, moderator: User
) -> None:
    case = factories.held(moderator)
    with pytest.raises(InvalidDecision) as refusal:
        decide(moderator, case, **given)
    assert list(refusal.value.errors) == [field]
    case.refresh_from_db()
    assert case.state == "in_review"
    assert not Decision.objects.exists()


def test_everything_wrong_is_named_at_once(moderator: User) -> None:
    with pytest.raises(InvalidDecision) as refusal:
        escalate(moderator, factories.held(moderator), severity="", note="", ask="")
    assert refusal.value.errors.keys() == {"severity", "note", "ask"}


@pytest.mark.parametrize("decide", OF_THE_SUPERVISOR)
def test_a_supervisor_says_why(decide: Any, moderator: User, supervisor: User) -> None:
    with pytest.raises(InvalidDecision) as refusal:
        decide(supervisor, factories.escalated(moderator), note="")
    assert list(refusal.value.errors) == ["note"]


# -- Notes -------------------------------------------------------------------------------


def test_a_note_makes_nobody_s_page_stale(moderator: User, moderator2: User) -> None:
    case = factories.held(moderator)
    noted = decisions.add_note(
        actor=Actor.of_user(moderator2), case_id=case.pk, text="  I know this club.\n"
    )
    assert noted.version == case.version
    note = noted.notes.get()
    assert (note.text, note.by) == ("I know this club.", moderator2)
    dismiss(moderator, case)
    decisions.add_note(actor=Actor.of_user(moderator), case_id=case.pk, text="Closed.")


def test_an_empty_note_is_refused(moderator: User) -> None:
    with pytest.raises(InvalidDecision) as refusal:
        decisions.add_note(actor=Actor.of_user(moderator), case_id=factories.case().pk, text=" ")
    assert list(refusal.value.errors) == ["text"]
