"""A plain model of the life of cases, and a machine that compares every step with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis.stateful import RuleBasedStateMachine, invariant

from audit.actors import Actor
from moderation.domain.age_checks import REASON
from moderation.errors import (
    AgeAsked,
    CannotUndo,
    CaseTaken,
    FourEyes,
    IllegalMove,
    IllegalReferralMove,
    LeaseLapsed,
    StaleCase,
)
from moderation.models import AgeCheck, Case, Decision, Exemption, PoliceHold, Referral, SecondLook
from moderation.services import (
    age_checks,
    claims,
    decisions,
    escalation,
    intake,
    referrals,
    undo,
)
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding

SYSTEM = Actor.system("worker")
NOTE = {"note": "What I saw."}
_IN_A_MONTH = timezone.localdate() + timedelta(days=30)


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
    Decide(
        decisions.dismiss, "dismissed", {"reason": "family", "exempt_until": _IN_A_MONTH, **NOTE}
    ),
    Decide(age_checks.ask, "monitoring", {"until": _IN_A_MONTH, **NOTE}),
)
OF_THE_SUPERVISOR = (
    Decide(escalation.refer, "referred", NOTE),
    Decide(escalation.send_back, "open", NOTE),
    Decide(escalation.dismiss, "dismissed", {"reason": "data_error", **NOTE}),
    Decide(
        escalation.dismiss, "dismissed", {"reason": "family", "exempt_until": _IN_A_MONTH, **NOTE}
    ),
)
IN_BULK = (OF_THE_HOLDER[1], OF_THE_HOLDER[2])


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
class Look:
    """A second look that a decision was drawn for."""

    of_version: int
    decided_by: str
    by: str | None = None
    given: bool = False


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
    points: float = 160.0
    fallen: bool = False  # below 150 points, and not at 170 since
    points_when_decided: float = 0.0
    before: Told | None = None  # as it was before the last decision, while that can be taken back
    decided_by: str | None = None
    referral: str | None = None  # the state of its referral
    decisions: int = 0
    knows: set[str] = field(default_factory=set)  # who decided on it or left a note
    held_for_police: bool = False
    asked_at: int | None = None  # the version whose decision asked for an age check not answered
    monitored_at: int | None = None  # the version of its last decision, where that set it aside
    exempt: set[int] = field(default_factory=set)  # versions whose decisions granted an exemption
    looks: list[Look] = field(default_factory=list)
    skipped_by: set[str] = field(default_factory=set)  # whom "next case" must not offer it again

    def hidden_from(self, who: str) -> bool:
        """Whether ``who`` has begun to decide on it again."""
        return any(look.by == who and not look.given for look in self.looks)

    def goes(self, state: str) -> None:
        self.state, self.version = state, self.version + 1
        self.holder, self.lapsed = None, False
        self.before = self.decided_by = None

    def crosses(self, rise: float) -> bool:
        """Whether the score falls below the margin, or comes back, with so many points more."""
        points = self.points + rise
        return points >= 170.0 if self.fallen else points < 150.0

    def scores(self, points: float) -> None:
        """The case shows so many points from now on."""
        self.points = points
        self.fallen = points < 150.0 or (self.fallen and points < 170.0)


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
            superuser.run("DELETE FROM moderation_secondlook")

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
        case = factories.case(points=160.0)
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
        matters = told.state != "dismissed" and (abs(rise) >= 10 or told.crosses(rise))
        assert (opened, updated) == (0, 1 if comes_back or matters else 0)
        if comes_back:
            told.goes("open")
            told.scores(told.points + rise)
        elif matters:
            told.version += 1
            told.before = None
            told.scores(told.points + rise)

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
            undone = told.version
            told.goes("in_review")
            told.holder = who
            told.escalated_by = before.escalated_by
            told.points_when_decided = before.points_when_decided
            told.decisions += 1
            told.monitored_at = None
            told.exempt.discard(undone)
            told.looks = [lk for lk in told.looks if lk.of_version != undone or lk.given]
            if told.asked_at == undone:
                told.asked_at = None

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
        expected = expect(told, who, age)
        asks = decision.service is age_checks.ask
        if expected is None and asks and (told.asked_at is not None or told.held_for_police):
            expected = AgeAsked
        version = told.version + age
        if self.tries(
            expected,
            lambda: decision.service(
                actor=self.actor(who), case_id=told.id, version=version, **decision.words
            ),
        ):
            self.decided(told, who, decision)

    def decided(self, told: Told, who: str, decision: Decide) -> None:
        """What the model knows once ``who`` has decided."""
        before, state = replace(told), decision.state
        asks = decision.service is age_checks.ask
        told.goes(state)
        told.decisions += 1
        told.knows.add(who)
        told.monitored_at = told.version if state == "monitoring" else None
        if decision in OF_THE_HOLDER:
            told.before, told.decided_by = before, who
            if state in {"dismissed", "monitoring"} and not asks:
                told.looks.append(Look(told.version, who))
        if asks:
            told.asked_at = told.version
        if "exempt_until" in decision.words:
            told.exempt.add(told.version)
        if state == "escalated":
            told.escalated_by = who
            told.escalators.add(who)
        elif state == "referred":
            told.referred_by = who
            told.referral = "approved"
        if state in {"dismissed", "monitoring", "referred"}:
            told.points_when_decided = told.points

    def decided_in_bulk(self, told: Told, who: str, decision: Decide, age: int) -> bool:
        """Whether the job of ``who`` decides the case that was reviewed so many versions ago."""
        others = told.state == "in_review" and told.holder != who and not told.lapsed
        if age or told.state not in {"open", "in_review"} or others:
            return False
        if Case.objects.get(pk=told.id).severity == "critical":
            return False
        self.held_by(told, who)
        self.decided(told, who, decision)
        return True

    def answers(self, told: Told) -> None:
        """The age check that waited is answered: the case comes back where it still waits."""
        if told.state == "monitoring" and told.monitored_at == told.asked_at:
            told.goes("open")
        told.asked_at = None

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
                case.fallen,
            ) == (
                told.state,
                told.version,
                told.holder,
                told.escalated_by,
                told.referred_by,
                told.points,
                told.fallen,
            )

    @invariant()
    def referrals_are_where_they_should_be_and_nobody_approved_their_own(self) -> None:
        for referral in Referral.objects.filter(case__in=self.told):
            assert referral.state == self.told[referral.case_id].referral
            escalators = Decision.objects.filter(case=referral.case_id, verb="escalate")
            assert referral.approved_by_id not in set(escalators.values_list("by", flat=True))

    @invariant()
    def what_hangs_on_a_case_is_what_the_model_says(self) -> None:
        names = {user.pk: name for name, user in self.people.items()} | {None: None}
        cases = list(self.told)
        decided = Decision.objects.filter(case__in=cases).values_list("case", flat=True)
        held = set(
            PoliceHold.objects.filter(case__in=cases, lifted_at=None).values_list("case", flat=True)
        )
        asked = dict(
            AgeCheck.objects.filter(
                case__in=cases, answered_at=None, withdrawn_at=None
            ).values_list("case", "decision__case_version")
        )
        exempt = set(
            Exemption.objects.filter(decision__case__in=cases, revoked_at=None).values_list(
                "decision__case", "decision__case_version"
            )
        )
        looks = SecondLook.objects.filter(decision__case__in=cases).order_by("pk")
        told_looks = [
            (pk, look.of_version, look.by, look.given)
            for pk, told in self.told.items()
            for look in told.looks
        ]
        of_each = list(decided)
        for pk, told in self.told.items():
            assert of_each.count(pk) == told.decisions
            assert (pk in held, asked.get(pk)) == (told.held_for_police, told.asked_at)
        assert exempt == {(pk, v) for pk, told in self.told.items() for v in told.exempt}
        found = [
            (look.decision.case_id, look.decision.case_version, names[look.by_id], look.looked_at)
            for look in looks.select_related("decision")
        ]
        assert sorted((*row[:2], row[2] or "", row[3] is not None) for row in found) == sorted(
            (*row[:2], row[2] or "", row[3]) for row in told_looks
        )

    @invariant()
    def nobody_has_two_live_cases_or_looks_again_at_what_they_decided(self) -> None:
        live = Case.objects.exclude(state__in=["dismissed", "referred"])
        accounts = list(live.values_list("account", flat=True))
        assert len(accounts) == len(set(accounts))
        assert not SecondLook.objects.filter(by=F("decision__by")).exists()
        asking = Decision.objects.filter(case__in=self.told, reason=REASON)
        assert AgeCheck.objects.filter(case__in=self.told).count() == asking.count()
