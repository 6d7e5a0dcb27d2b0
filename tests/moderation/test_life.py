"""The life of cases against a plain model: several people, stale pages, lapsing holds, and SQL.

Hypothesis tries sequences of requests in any order. Each rule says from the model alone what must
happen, does it through the services or in SQL as the application's role, and compares.
``SIGHTLINE_LIFE_SEQUENCES`` sets how many sequences; 40 take some ten seconds of one processor.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit.actors import Actor
from audit.services import verify
from moderation.domain.transitions import State
from moderation.errors import CaseTaken, IllegalMove, LeaseLapsed
from moderation.models import Case, Shift
from moderation.services import care, claims, decisions, upkeep
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation.life import (
    OF_THE_HOLDER,
    OF_THE_SUPERVISOR,
    REFERRAL_STEPS,
    SYSTEM,
    Decide,
    ReferralStep,
    Told,
)
from tests.moderation.life_around import AGES_OF_PAGES, PEOPLE, Around
from tests.moderation.scenarios import let_lapse, set_column
from tests.moderation.sql import refused

_SENT = ("sent", "acknowledged", "rejected")


def _by_activity(*, actor: Actor, case_id: int) -> Case:
    """What a person's typing does to the hold."""
    return claims.renew(actor=actor, case_id=case_id, by_activity=True)


class Life(Around):
    cases = Around.cases

    # -- Cases come ----------------------------------------------------------------------------

    @initialize(target=cases)
    def begins(self) -> int:
        # each sequence is a day of its own: all together hold more than one shift may
        Shift.objects.all().delete()
        return self.opened()

    @rule(target=cases)
    def opens(self) -> int:
        return self.opened()

    @rule(case=cases, rise=st.sampled_from([2.0, 10.0, 45.0, -4.0, -15.0]))
    def new_evidence(self, case: int, rise: float) -> None:
        # For a referred account a new case would begin; this model keeps one an account.
        if self.told[case].state != "referred":
            self.evidence_for(self.told[case], rise)

    # -- Holding -------------------------------------------------------------------------------

    @rule(case=cases, who=PEOPLE)
    def claim(self, case: int, who: str) -> None:
        self.claim_for(self.told[case], who)

    @rule(who=PEOPLE)
    def claim_next(self, who: str) -> None:
        if not self.works(who):
            self.tries(NotAllowed, lambda: claims.claim_next(actor=self.actor(who)))
            return
        seen = [
            told
            for told in self.told.values()
            if not told.hidden_from(who) and who not in told.skipped_by
        ]
        free = [told.id for told in seen if told.state == "open"]
        best = Case.objects.filter(pk__in=free).order_by("-priority", "id").first()
        lapsed = {told.id for told in seen if told.lapsed}
        taken = claims.claim_next(actor=self.actor(who))
        if best is not None:
            assert taken == best
        else:
            assert taken is None if not lapsed else taken is not None and taken.pk in lapsed
        if taken is not None:
            self.held_by(self.told[taken.pk], who)

    @rule(who=PEOPLE, data=st.data())
    def claim_together(self, who: str, data: Any) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.told)), min_size=1, max_size=4))
        if not self.works(who):
            self.tries(
                NotAllowed, lambda: claims.claim_together(actor=self.actor(who), case_ids=ids)
            )
            return
        free = []
        for told in (self.told[pk] for pk in dict.fromkeys(ids)):
            mine = told.state == "in_review" and told.holder == who
            if not told.hidden_from(who) and (told.state == "open" or told.lapsed or mine):
                free.append(told)
        taken = claims.claim_together(actor=self.actor(who), case_ids=ids)
        assert [case.pk for case in taken] == [told.id for told in free]
        for told in free:
            self.held_by(told, who)

    @rule(
        case=cases,
        who=PEOPLE,
        service=st.sampled_from([claims.renew, _by_activity, claims.release, care.skip]),
    )
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
        if went and service in {claims.release, care.skip}:
            told.goes("open")
            if service is care.skip:
                told.skipped_by.add(who)

    @rule(case=cases, who=PEOPLE)
    def put_back(self, case: int, who: str) -> None:
        told = self.told[case]
        expected: type[Exception] | None = None
        if self.role(who) != Role.SUPERVISOR:
            expected = NotAllowed
        elif told.state != "in_review":
            expected = IllegalMove
        if self.tries(expected, lambda: claims.put_back(actor=self.actor(who), case_id=case)):
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
        who = data.draw(st.sampled_from([told.escalated_by, "sam", "sue"]))
        self.decides(told, who, age, decision)

    @rule(
        case=cases,
        who=PEOPLE,
        decision=st.sampled_from(OF_THE_HOLDER + OF_THE_SUPERVISOR),
        age=AGES_OF_PAGES,
    )
    def decide_out_of_turn(self, case: int, who: str, decision: Decide, age: int) -> None:
        self.decides(self.told[case], who, age, decision)

    @precondition(lambda self: any(told.before for told in self.told.values()))
    @rule(data=st.data(), age=AGES_OF_PAGES)
    def take_back(self, data: Any, age: int) -> None:
        decided = [told for told in self.told.values() if told.before]
        told = data.draw(st.sampled_from(decided))
        who = data.draw(st.sampled_from([told.decided_by] * 3 + ["sam", "max", "ada"]))
        self.takes_back(told, who, age)

    @rule(case=cases, who=PEOPLE, age=AGES_OF_PAGES)
    def take_back_out_of_turn(self, case: int, who: str, age: int) -> None:
        self.takes_back(self.told[case], who, age)

    @precondition(lambda self: self.some("referred"))
    @rule(
        data=st.data(),
        who=st.sampled_from(["worker", "sam", "mo"]),
        step=st.sampled_from(REFERRAL_STEPS),
    )
    def follow_a_referral(self, data: Any, who: str, step: ReferralStep) -> None:
        self.steps_on(data.draw(st.sampled_from(self.some("referred"))), who, step)

    @precondition(lambda self: self.some("referred"))
    @rule(data=st.data(), state=st.sampled_from(["preparing", "approved", *_SENT]))
    def moves_a_referral_in_sql(self, data: Any, state: str) -> None:
        told = data.draw(st.sampled_from(self.some("referred")))
        if state == told.referral:
            return
        with refused("refused|violates check constraint") as intruder:
            intruder.run(
                "UPDATE moderation_referral SET state = %s, sent_at = %s, destination = %s,"
                " receipt = %s, answered_at = %s WHERE case_id = %s",
                state,
                "2026-01-01" if state in _SENT else None,
                "nca" if state in _SENT else None,
                "x" if state in _SENT else None,
                "2026-01-01" if state in _SENT[1:] else None,
                told.id,
            )

    @rule(case=cases, steps=st.integers(1, 4), data=st.data())
    def go_on(self, case: int, steps: int, data: Any) -> None:
        """What usually comes next for this case, some steps long: so that sequences get far."""
        for _ in range(steps):
            self.next_step(self.told[case], data)

    def next_step(self, told: Told, data: Any) -> None:
        match told.state:
            case "open":
                self.claim_for(told, data.draw(st.sampled_from(["sam", "mo", "sue", "max"])))
            case "in_review" if told.lapsed:
                self.claim_for(told, told.holder or "")
            case "in_review":
                decision = data.draw(st.sampled_from(OF_THE_HOLDER[:1] * 2 + OF_THE_HOLDER))
                self.decides(told, told.holder or "", 0, decision)
            case "escalated":
                decision = data.draw(st.sampled_from(OF_THE_SUPERVISOR))
                who = data.draw(st.sampled_from([told.escalated_by, "sam", "sue"]))
                self.decides(told, who, 0, decision)
            case "monitoring" | "dismissed":
                self.evidence_for(told, 45.0)

    @rule(case=cases, who=PEOPLE)
    def leave_a_note(self, case: int, who: str) -> None:
        if self.tries(
            None if self.works(who) else NotAllowed,
            lambda: decisions.add_note(actor=self.actor(who), case_id=case, text="Seen."),
        ):
            self.told[case].knows.add(who)

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

    @rule(case=cases, who=PEOPLE)
    def takes_back_in_sql(self, case: int, who: str) -> None:
        """With forged entries, in the name of anyone but who just decided."""
        told = self.told[case]
        if told.state in {"open", "in_review"} or (told.before and told.decided_by == who):
            return
        person = self.people[who]
        with refused("refused|violates check constraint") as intruder:
            found = Case.objects.get(pk=case)
            intruder.move(found, State.IN_REVIEW, holder_id=person.pk)
            intruder.forge(found, "undo", person)

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
    thorough = 2_000 if settings.get_current_profile_name() == "thorough" else 40
    sequences = int(os.environ.get("SIGHTLINE_LIFE_SEQUENCES", thorough))
    with override_settings(SECOND_LOOK_PERCENT=100):  # every decision that may get one does
        run_state_machine_as_test(
            Life,
            settings=settings(max_examples=sequences, stateful_step_count=30),
        )
    assert verify(actor=Actor.of_user(auditor)).ok
