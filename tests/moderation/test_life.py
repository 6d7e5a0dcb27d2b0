"""The life of cases against a plain model: several people, stale pages, lapsing holds, and SQL.

Hypothesis tries sequences of requests in any order. Each rule says from the model alone what must
happen, does it through the services or in SQL as the application's role, and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit.actors import Actor
from audit.services import verify
from moderation.domain.transitions import State
from moderation.errors import CaseTaken, FourEyes, IllegalMove, LeaseLapsed, StaleCase
from moderation.models import Case, Decision, Referral
from moderation.services import claims, decisions, escalation, intake, upkeep
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse, set_column
from tests.moderation.sql import intruding, refused

SYSTEM = Actor.system("worker")
NOTE = {"note": "What I saw."}
PEOPLE = st.sampled_from(["mo", "sam", "sue", "max", "ada"])
# How far the version that a page shows is from the case's own: mostly not at all.
AGES_OF_PAGES = st.sampled_from([0, 0, 0, 0, -1, -2, 1])


@dataclass(frozen=True)
class Decide:
    """A service that decides, what it is told besides, and the state that it leads to."""

    service: Callable[..., Case]
    state: str
    words: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.service.__module__}.{self.service.__name__}"


OF_THE_HOLDER = (
    Decide(decisions.dismiss, "dismissed", {"reason": "family", **NOTE}),
    Decide(
        decisions.monitor,
        "monitoring",
        {"until": timezone.localdate() + timedelta(days=7), **NOTE},
    ),
    Decide(escalation.escalate, "escalated", {"severity": "high", "ask": "Refer?", **NOTE}),
)
OF_THE_SUPERVISOR = (
    Decide(escalation.refer, "referred", NOTE),
    Decide(escalation.send_back, "open", NOTE),
    Decide(escalation.dismiss, "dismissed", {"reason": "data_error", **NOTE}),
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

    def goes(self, state: str) -> None:
        self.state, self.version = state, self.version + 1
        self.holder, self.lapsed = None, False


class Life(RuleBasedStateMachine):
    people: ClassVar[dict[str, User]]
    cases = Bundle("cases")

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

    # -- Cases come ----------------------------------------------------------------------------

    @initialize(target=cases)
    def begins(self) -> int:
        return self.opened()

    @rule(target=cases)
    def opens(self) -> int:
        return self.opened()

    def opened(self) -> int:
        case = factories.case(points=120.0)
        self.told[case.pk] = Told(case.pk)
        return case.pk

    @rule(case=cases, rise=st.sampled_from([2.0, 10.0, 45.0]))
    def new_evidence(self, case: int, rise: float) -> None:
        # For a referred account a new case would begin; this model keeps one an account.
        if self.told[case].state != "referred":
            self.evidence_for(self.told[case], rise)

    def evidence_for(self, told: Told, rise: float) -> None:
        account = Case.objects.get(pk=told.id).account
        run = factories.run(basis=factories.basis())
        found = factories.assessment(account, run, points=told.points + rise)
        factories.evidence(found, factories.event(account, factories.child()))
        opened, updated = intake.open_cases(run, SYSTEM)
        rises = told.points + rise - told.points_when_decided
        needed = {"monitoring": 10.0, "dismissed": 40.0}
        comes_back = told.state in needed and rises >= needed[told.state]
        matters = told.state != "dismissed" and rise >= 5
        assert (opened, updated) == (0, 1 if comes_back or matters else 0)
        if comes_back:
            told.goes("open")
            told.points += rise
        elif matters:
            told.version += 1
            told.points += rise

    # -- Holding -------------------------------------------------------------------------------

    @rule(case=cases, who=PEOPLE)
    def claim(self, case: int, who: str) -> None:
        self.claim_for(self.told[case], who)

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

    @rule(who=PEOPLE)
    def claim_next(self, who: str) -> None:
        if not self.works(who):
            self.tries(NotAllowed, lambda: claims.claim_next(actor=self.actor(who)))
            return
        free = [told.id for told in self.told.values() if told.state == "open"]
        best = Case.objects.filter(pk__in=free).order_by("-priority", "id").first()
        lapsed = {told.id for told in self.told.values() if told.lapsed}
        taken = claims.claim_next(actor=self.actor(who))
        if best is not None:
            assert taken == best
        else:
            assert taken is None if not lapsed else taken is not None and taken.pk in lapsed
        if taken is not None:
            self.held_by(self.told[taken.pk], who)

    @rule(case=cases, who=PEOPLE, service=st.sampled_from([claims.renew, claims.release]))
    def renew_or_release(self, case: int, who: str, service: Any) -> None:
        told = self.told[case]
        expected: type[Exception] | None = None
        if not self.works(who):
            expected = NotAllowed
        elif told.state != "in_review":
            expected = IllegalMove
        elif told.holder != who:
            expected = CaseTaken
        elif told.lapsed:
            expected = LeaseLapsed
        went = self.tries(expected, lambda: service(actor=self.actor(who), case_id=case))
        if went and service is claims.release:
            told.goes("open")

    @precondition(lambda self: self.some("in_review"))
    @rule(data=st.data())
    def lapse(self, data: Any) -> None:
        told = data.draw(st.sampled_from(self.some("in_review")))
        let_lapse(Case.objects.get(pk=told.id))
        told.lapsed = True

    @precondition(lambda self: any(told.lapsed for told in self.told.values()))
    @rule()
    def sweep(self) -> None:
        lapsed = [told for told in self.told.values() if told.lapsed]
        assert claims.expire_leases(actor=SYSTEM) == len(lapsed)
        for told in lapsed:
            told.goes("open")

    # -- Deciding ------------------------------------------------------------------------------

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
            told.goes(state)
            if state == "escalated":
                told.escalated_by = who
                told.escalators.add(who)
            elif state == "referred":
                told.referred_by = who
            if state in {"dismissed", "monitoring", "referred"}:
                told.points_when_decided = told.points

    @precondition(lambda self: self.some("in_review"))
    @rule(data=st.data(), decision=st.sampled_from(OF_THE_HOLDER), age=AGES_OF_PAGES)
    def decide_a_held_case(self, data: Any, decision: Decide, age: int) -> None:
        told = data.draw(st.sampled_from(self.some("in_review")))
        who = data.draw(st.sampled_from([told.holder] * 4 + ["max", "ada"]))
        self.decides(told, who, age, decision)

    @precondition(lambda self: self.some("escalated"))
    @rule(data=st.data(), decision=st.sampled_from(OF_THE_SUPERVISOR), age=AGES_OF_PAGES)
    def decide_an_escalation(self, data: Any, decision: Decide, age: int) -> None:
        told = data.draw(st.sampled_from(self.some("escalated")))
        who = data.draw(st.sampled_from(["sam", "sue", "sam", "sue", told.escalated_by]))
        self.decides(told, who, age, decision)

    @rule(
        case=cases,
        who=PEOPLE,
        decision=st.sampled_from(OF_THE_HOLDER + OF_THE_SUPERVISOR),
        age=AGES_OF_PAGES,
    )
    def decide_out_of_turn(self, case: int, who: str, decision: Decide, age: int) -> None:
        self.decides(self.told[case], who, age, decision)

    @rule(case=cases, data=st.data())
    def go_on(self, case: int, data: Any) -> None:
        """What comes next for this case, by somebody who may: so that sequences get far."""
        told = self.told[case]
        match told.state:
            case "open":
                self.claim_for(told, data.draw(st.sampled_from(["mo", "sam", "sue", "max"])))
            case "in_review" if told.lapsed:
                self.claim_for(told, told.holder or "")
            case "in_review":
                decision = data.draw(st.sampled_from(OF_THE_HOLDER + OF_THE_HOLDER[2:] * 2))
                self.decides(told, told.holder or "", 0, decision)
            case "escalated":
                decision = data.draw(st.sampled_from(OF_THE_SUPERVISOR))
                self.decides(told, data.draw(st.sampled_from(["sam", "sue"])), 0, decision)
            case "monitoring" | "dismissed":
                self.evidence_for(told, 45.0)

    @rule(case=cases, who=PEOPLE)
    def leave_a_note(self, case: int, who: str) -> None:
        self.tries(
            None if self.works(who) else NotAllowed,
            lambda: decisions.add_note(actor=self.actor(who), case_id=case, text="Seen."),
        )

    @precondition(lambda self: self.some("monitoring"))
    @rule(data=st.data())
    def the_date_comes(self, data: Any) -> None:
        told = data.draw(st.sampled_from(self.some("monitoring")))
        set_column(Case.objects.get(pk=told.id), "monitor_until", timezone.localdate())
        assert upkeep.resume_monitored(actor=SYSTEM) == 1
        told.goes("open")

    # -- SQL as the application's role -----------------------------------------------------------

    @rule(case=cases, who=PEOPLE, state=st.sampled_from(State))
    def moves_in_sql(self, case: int, who: str, state: State) -> None:
        told = self.told[case]
        if state == told.state:
            return
        user = self.people[who].pk
        columns: dict[str, Any] = {
            State.IN_REVIEW: {"holder_id": user},
            State.ESCALATED: {"escalated_by_id": user},
            State.REFERRED: {"referred_by_id": user},
        }.get(state, {})
        with refused("refused|violates check constraint") as intruder:
            intruder.move(Case(pk=case), state, **columns)

    @rule(case=cases, who=PEOPLE)
    def rewrites_the_escalator_in_sql(self, case: int, who: str) -> None:
        if self.told[case].escalated_by != who:
            with refused("changes only with its state") as intruder:
                intruder.run(
                    "UPDATE moderation_case SET escalated_by_id = %s WHERE id = %s",
                    self.people[who].pk,
                    case,
                )

    @precondition(lambda self: self.some("escalated"))
    @rule(who=PEOPLE, data=st.data())
    def launders_in_sql(self, who: str, data: Any) -> None:
        """Return, claim and escalate in somebody else's name, with forged entries and decisions,
        then refer in the name of any who ever escalated."""
        told = data.draw(st.sampled_from(self.some("escalated")))
        escalator = data.draw(st.sampled_from(sorted(told.escalators)))
        case, other = Case.objects.get(pk=told.id), self.people[who]
        with refused("refused|violates check constraint") as intruder:
            if data.draw(st.booleans()):
                intruder.move(case, State.OPEN)
                intruder.forge(case, "return", other)
                intruder.move(case, State.IN_REVIEW, holder_id=other.pk)
                intruder.forge(case, "claim", other)
                intruder.move(case, State.ESCALATED, escalated_by_id=other.pk)
                intruder.forge(case, "escalate", other)
            intruder.refer(case, by=self.people[escalator], requested_by=other)

    # -- What always holds -----------------------------------------------------------------------

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
    def nobody_approved_what_they_escalated(self) -> None:
        for referral in Referral.objects.filter(case__in=self.told):
            escalators = Decision.objects.filter(case=referral.case_id, verb="escalate")
            assert referral.approved_by_id not in set(escalators.values_list("by", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_life_of_cases(
    moderator: User,
    moderator2: User,
    supervisor: User,
    supervisor2: User,
    admin: User,
    auditor: User,
) -> None:
    Life.people = {
        "mo": moderator,
        "max": moderator2,
        "sam": supervisor,
        "sue": supervisor2,
        "ada": admin,
    }
    thorough = settings.get_current_profile_name() == "thorough"
    run_state_machine_as_test(
        Life,
        settings=settings(max_examples=2_000 if thorough else 40, stateful_step_count=40),
    )
    assert verify(actor=Actor.of_user(auditor)).ok
