"""The lease: taking, holding, losing and giving back a case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from moderation.errors import CaseTaken, IllegalMove, LeaseLapsed, StaleCase
from moderation.models import Case, Draft
from moderation.services import claims, decisions, drafts
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse, set_column

pytestmark = pytest.mark.django_db


def verbs(case: Case) -> list[str]:
    entries = Entry.objects.filter(target=f"case:{case.reference}").order_by("number")
    return [entry.verb.removeprefix("case.") for entry in entries]


def test_a_claimed_case_is_held_for_twenty_minutes(moderator: User) -> None:
    case = factories.case()
    claimed = claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    now = timezone.now()
    assert claimed.state == "in_review"
    assert claimed.is_held_by(moderator, now)
    assert claimed.is_held_by(moderator, now + timedelta(minutes=19))
    assert not claimed.is_held_by(moderator, now + timedelta(minutes=20))
    assert claimed.version == case.version + 1
    claimed.refresh_from_db()
    assert claimed.is_held_by(moderator, now)


def test_who_comes_second_is_told_who_holds_it(moderator: User, moderator2: User) -> None:
    case = factories.held(moderator)
    with pytest.raises(CaseTaken) as refusal:
        claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk)
    assert refusal.value.holder_name == moderator.name
    assert refusal.value.since == case.claimed_at
    assert moderator.name in refusal.value.message
    assert case.reference in refusal.value.message


def test_claiming_one_s_own_case_again_extends_the_hold(moderator: User) -> None:
    case = factories.held(moderator)
    set_column(case, "lease_expires_at", factories.ago(minutes=-3))
    again = claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
    assert again.version == case.version
    assert again.is_held_by(moderator, timezone.now() + timedelta(minutes=19))
    assert verbs(case) == ["open", "claim", "renew"]


def test_a_lapsed_hold_is_taken_over_as_a_release_and_a_claim(
    moderator: User, moderator2: User
) -> None:
    case = factories.held(moderator)
    let_lapse(case)
    taken = claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk)
    assert taken.holder == moderator2
    assert taken.version == case.version + 2
    assert verbs(case) == ["open", "claim", "release", "claim"]
    release = Entry.objects.get(verb="case.release")
    assert release.before["holder_id"] == moderator.pk
    assert release.reason == "the hold had lapsed"


def test_a_case_that_is_not_open_cannot_be_claimed(moderator: User, supervisor: User) -> None:
    for case in (
        factories.dismissed(moderator),
        factories.monitored(moderator),
        factories.escalated(moderator),
        factories.referred(moderator, supervisor),
    ):
        with pytest.raises(IllegalMove) as refusal:
            claims.claim(actor=Actor.of_user(supervisor), case_id=case.pk)
        assert refusal.value.state == case.state
        assert case.reference in refusal.value.message


def test_the_next_case_is_the_one_with_the_highest_priority(moderator: User) -> None:
    low, high, middle = (factories.case(points=points) for points in (110.0, 190.0, 150.0))
    actor = Actor.of_user(moderator)
    taken = [claims.claim_next(actor=actor) for _ in range(4)]
    assert taken == [high, middle, low, None]


def test_with_nothing_open_the_next_case_is_one_whose_hold_has_lapsed(
    moderator: User, moderator2: User
) -> None:
    held, lapsed = factories.held(moderator), factories.held(moderator)
    let_lapse(lapsed)
    actor = Actor.of_user(moderator2)
    assert claims.claim_next(actor=actor) == lapsed
    assert claims.claim_next(actor=actor) is None
    held.refresh_from_db()
    assert held.holder == moderator


def test_extending(moderator: User, moderator2: User) -> None:
    case = factories.held(moderator)
    set_column(case, "lease_expires_at", factories.ago(minutes=-1))
    with pytest.raises(CaseTaken):
        claims.renew(actor=Actor.of_user(moderator2), case_id=case.pk)
    renewed = claims.renew(actor=Actor.of_user(moderator), case_id=case.pk)
    assert renewed.is_held_by(moderator, timezone.now() + timedelta(minutes=19))
    assert renewed.version == case.version


def test_activity_extends_a_hold_only_once_it_is_five_minutes_old(moderator: User) -> None:
    case = factories.held(moderator)
    actor = Actor.of_user(moderator)
    claims.renew(actor=actor, case_id=case.pk, by_activity=True)
    assert verbs(case) == ["open", "claim"]
    set_column(case, "lease_expires_at", factories.ago(minutes=-14))
    renewed = claims.renew(actor=actor, case_id=case.pk, by_activity=True)
    assert renewed.is_held_by(moderator, timezone.now() + timedelta(minutes=19))
    assert verbs(case) == ["open", "claim", "renew"]


def test_a_lapsed_hold_is_neither_extended_nor_released(moderator: User) -> None:
    case = factories.held(moderator)
    let_lapse(case)
    for service in (claims.renew, claims.release):
        with pytest.raises(LeaseLapsed) as refusal:
            service(actor=Actor.of_user(moderator), case_id=case.pk)
        assert "Claim the case again" in refusal.value.message


def test_releasing_gives_the_case_back(moderator: User, moderator2: User) -> None:
    case = factories.held(moderator)
    with pytest.raises(CaseTaken):
        claims.release(actor=Actor.of_user(moderator2), case_id=case.pk)
    released = claims.release(actor=Actor.of_user(moderator), case_id=case.pk)
    assert (released.state, released.holder, released.claimed_at) == ("open", None, None)
    with pytest.raises(IllegalMove):
        claims.release(actor=Actor.of_user(moderator), case_id=case.pk)
    assert claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk).holder == moderator2


def test_a_supervisor_takes_a_case_from_its_holder_whose_words_are_kept(
    moderator: User, moderator2: User, supervisor: User
) -> None:
    case = factories.held(moderator)
    drafts.keep(
        actor=Actor.of_user(moderator), case_id=case.pk, form="dismiss", given={"note": "Kept."}
    )
    back = claims.put_back(actor=Actor.of_user(supervisor), case_id=case.pk)
    assert (back.state, back.holder) == ("open", None)
    entry = Entry.objects.filter(verb="case.release").latest("number")
    assert (entry.before["holder_id"], entry.reason) == (moderator.pk, "a supervisor put it back")
    with pytest.raises(IllegalMove):
        claims.put_back(actor=Actor.of_user(supervisor), case_id=case.pk)
    assert Draft.objects.get(by=moderator).words == {"note": "Kept."}
    with pytest.raises(StaleCase) as refusal:
        decisions.dismiss(
            actor=Actor.of_user(moderator),
            case_id=case.pk,
            version=case.version,
            reason="family",
            note="Kept.",
        )
    assert supervisor.name in refusal.value.message
    assert claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk).holder == moderator2


def test_the_sweep_releases_lapsed_holds_only(moderator: User) -> None:
    held, lapsed = factories.held(moderator), factories.held(moderator)
    let_lapse(lapsed)
    system = Actor.system("worker")
    assert claims.expire_leases(actor=system) == 1
    assert claims.expire_leases(actor=system) == 0
    held.refresh_from_db()
    lapsed.refresh_from_db()
    assert (held.state, lapsed.state) == ("in_review", "open")
    assert verbs(lapsed) == ["open", "claim", "release"]


def test_a_case_that_does_not_exist(moderator: User) -> None:
    with pytest.raises(Case.DoesNotExist):
        claims.claim(actor=Actor.of_user(moderator), case_id=0)
