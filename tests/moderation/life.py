"""A plain model of the life of cases, and a machine that compares every step with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone
from hypothesis.stateful import RuleBasedStateMachine, invariant

from audit.actors import Actor
from moderation.errors import (
    CannotUndo,
    CaseTaken,
    FourEyes,
    IllegalMove,
    IllegalReferralMove,
    LeaseLapsed,
    StaleCase,
)
from moderation.models import Case, Decision, Referral
from moderation.services import claims, decisions, escalation, intake, referrals, undo
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding

SYSTEM = Actor.system("worker")
NOTE = {"note": "What I saw."}


@dataclass(frozen=True)
class Decide:
    """A service that decides, what it is told besides, and the state that it leads to."""

    service: Callable[..., Case]
    state: str
    words: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.service.__module__}.{self.service.__name__}"


OF_THE_HOLDER = (
    Decide(escalation.escalate, "escalated", {"severity": "high", "ask": "Refer?", **NOTE}),
    Decide(decisions.dismiss, "dismissed", {"reason": "family", **NOTE}),
    Decide(
        decisions.monitor,
        "monitoring",
        {"until": timezone.localdate() + timedelta(days=7), **NOTE},
    ),
)
OF_THE_SUPERVISOR = (
    Decide(escalation.refer, "referred", NOTE),
    Decide(escalation.send_back, "open", NOTE),
    Decide(escalation.dismiss, "dismissed", {"reason": "data_error", **NOTE}),
)


@dataclass(frozen=True)
class ReferralStep:
    """A service on a referral, and which state it leads to from each in which it may be called."""

    service: Callable[..., Referral]
    words: dict[str, str]
    fine: dict[str, str]

    def __repr__(self) -> str:
        return self.service.__name__


REFERRAL_STEPS = (
    ReferralStep(
        referrals.mark_sent,
        {"destination": "ncmec", "receipt": "TIP-1"},
        # Said again it changes nothing.
        {state: state for state in ("sent", "acknowledged", "rejected")} | {"approved": "sent"},
    ),
    ReferralStep(
        referrals.acknowledge, {}, {"sent": "acknowledged", "acknowledged": "acknowledged"}
    ),
    ReferralStep(
        referrals.reject, {"answer": "Not ours."}, {"sent": "rejected", "rejected": "rejected"}
    ),
)


@dataclass
class Told:
    """What the model knows of one case."""

    id: int
    state: str = "open"
    version: int = 1
    holder: str | None = None
    lapsed: bool = False
    escalated_by: str | None = None
    escalators: set[str] = field(default_factory=set)
    referred_by: str | None = None
    points: float = 120.0
    points_when_decided: float = 0.0
    before: Told | None = None  # as it was before the last decision, while that can be taken back
    decided_by: str | None = None
    referral: str | None = None  # the state of its referral

    def goes(self, state: str) -> None:
        self.state, self.version = state, self.version + 1
        self.holder, self.lapsed = None, False
        self.before = self.decided_by = None


class Watched(RuleBasedStateMachine):
    """Does what a rule asks, and fails unless exactly that happens which the model expects."""

    people: ClassVar[dict[str, User]]

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[int, Told] = {}

    def teardown(self) -> None:
        """Put this sequence's cases out of the next one's way; only a superuser can."""
        with intruding("superuser") as superuser:
            superuser.run("SET session_replication_role = replica")
            superuser.run(
                "UPDATE moderation_case SET state = 'dismissed', holder_id = NULL,"
                " lease_expires_at = NULL WHERE state <> 'referred'"
            )

    def actor(self, who: str) -> Actor:
        return Actor.of_user(self.people[who])

    def role(self, who: str) -> str:
        return self.people[who].role

    def works(self, who: str) -> bool:
        return self.role(who) in {Role.MODERATOR, Role.SUPERVISOR}

    def tries(self, expected: type[Exception] | None, call: Callable[[], Any]) -> bool:
        """Whether ``call`` went through; fails unless it did exactly what was expected."""
        if expected is None:
            call()
            return True
        with pytest.raises(expected) as refusal:
            call()
        assert type(refusal.value) is expected
        return False

    def some(self, state: str) -> list[Told]:
        """The cases of the model that are in ``state``."""
        return [told for told in self.told.values() if told.state == state]

    def opened(self) -> int:
        case = factories.case(points=120.0)
        self.told[case.pk] = Told(case.pk)
        return case.pk

    def evidence_for(self, told: Told, rise: float) -> None:
        account = Case.objects.get(pk=told.id).account
        run = factories.run(basis=factories.basis())
        found = factories.assessment(account, run, points=told.points + rise)
        factories.evidence(found, factories.event(account, factories.child()))
        opened, updated = intake.open_cases(run, SYSTEM)
        rises = told.points + rise - told.points_when_decided
        needed = {"monitoring": 10.0, "dismissed": 40.0}
        comes_back = told.state in needed and rises >= needed[told.state]
        matters = told.state != "dismissed" and rise >= 10
        assert (opened, updated) == (0, 1 if comes_back or matters else 0)
        if comes_back:
            told.goes("open")
            told.points += rise
        elif matters:
            told.version += 1
            told.before = None
            told.points += rise

    def claim_for(self, told: Told, who: str) -> None:
        expected: type[Exception] | None = None
        if not self.works(who):
            expected = NotAllowed
        elif told.state == "in_review" and not told.lapsed:
            expected = None if told.holder == who else CaseTaken
        elif told.state not in {"open", "in_review"}:
            expected = IllegalMove
        if self.tries(expected, lambda: claims.claim(actor=self.actor(who), case_id=told.id)):
            self.held_by(told, who)

    def held_by(self, told: Told, who: str) -> None:
        if told.state == "in_review" and not told.lapsed:
            return
        if told.state == "in_review":
            told.goes("open")
        told.goes("in_review")
        told.holder = who

    def of_the_holder(self, told: Told, who: str, age: int) -> type[Exception] | None:
        if not self.works(who):
            return NotAllowed
        if told.state == "in_review" and told.holder != who:
            return CaseTaken
        if age:
            return StaleCase
        if told.state != "in_review":
            return IllegalMove
        return LeaseLapsed if told.lapsed else None

    def steps_on(self, told: Told, who: str, step: ReferralStep) -> None:
        expected: type[Exception] | None = None
        if who != "worker" and self.role(who) != Role.SUPERVISOR:
            expected = NotAllowed
        elif told.referral not in step.fine:
            expected = IllegalReferralMove
        referral = Referral.objects.get(case=told.id).pk
        actor = SYSTEM if who == "worker" else self.actor(who)
        if self.tries(
            expected, lambda: step.service(actor=actor, referral_id=referral, **step.words)
        ):
            told.referral = step.fine[told.referral or ""]

    def takes_back(self, told: Told, who: str, age: int) -> None:
        expected: type[Exception] | None = None
        if not self.works(who):
            expected = NotAllowed
        elif age:
            expected = StaleCase
        elif told.state not in {"dismissed", "monitoring", "escalated"}:
            expected = IllegalMove
        elif told.before is None or told.decided_by != who:
            expected = CannotUndo
        version, before = told.version + age, told.before
        if (
            self.tries(
                expected,
                lambda: undo.undo(actor=self.actor(who), case_id=told.id, version=version),
            )
            and before is not None
        ):
            told.goes("in_review")
            told.holder = who
            told.escalated_by = before.escalated_by
            told.points_when_decided = before.points_when_decided

    def of_a_supervisor(self, told: Told, who: str, age: int) -> type[Exception] | None:
        if self.role(who) != Role.SUPERVISOR:
            return NotAllowed
        if age:
            return StaleCase
        if told.state != "escalated":
            return IllegalMove
        return FourEyes if who in told.escalators else None

    def decides(self, told: Told, who: str, age: int, decision: Decide) -> None:
        expect = self.of_the_holder if decision in OF_THE_HOLDER else self.of_a_supervisor
        service, words, state = decision.service, decision.words, decision.state
        version = told.version + age
        if self.tries(
            expect(told, who, age),
            lambda: service(actor=self.actor(who), case_id=told.id, version=version, **words),
        ):
            before = replace(told)
            told.goes(state)
            if decision in OF_THE_HOLDER:
                told.before, told.decided_by = before, who
            if state == "escalated":
                told.escalated_by = who
                told.escalators.add(who)
            elif state == "referred":
                told.referred_by = who
                told.referral = "approved"
            if state in {"dismissed", "monitoring", "referred"}:
                told.points_when_decided = told.points

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        names = {user.pk: name for name, user in self.people.items()} | {None: None}
        for case in Case.objects.filter(pk__in=self.told):
            told = self.told[case.pk]
            assert (
                case.state,
                case.version,
                names[case.holder_id],
                names[case.escalated_by_id],
                names[case.referred_by_id],
                case.points,
            ) == (
                told.state,
                told.version,
                told.holder,
                told.escalated_by,
                told.referred_by,
                told.points,
            )

    @invariant()
    def referrals_are_where_they_should_be_and_nobody_approved_their_own(self) -> None:
        for referral in Referral.objects.filter(case__in=self.told):
            assert referral.state == self.told[referral.case_id].referral
            escalators = Decision.objects.filter(case=referral.case_id, verb="escalate")
            assert referral.approved_by_id not in set(escalators.values_list("by", flat=True))
