"""What hangs on a case: exemptions, holds, age checks, second looks, decisions on several; and SQL.

Rules of the machine in ``test_life``, on the model of ``life``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, precondition, rule

from moderation.errors import ExemptionEnded, HoldStands, LookGone, NoAgeCheck, NoHold
from moderation.models import Exemption, SecondLook
from moderation.services import (
    age_checks,
    bulk_decisions,
    exemptions,
    holds,
    second_looks,
)
from staff.capabilities import Role
from staff.errors import NotAllowed
from tests.moderation.life import IN_BULK, Decide, Watched
from tests.moderation.sql import refused

# Hypothesis leans to what stands first: supervisors, who can escalate and approve.
PEOPLE = st.sampled_from(["sam", "sue", "mo", "max", "ada"])
# How far the version that a page shows is from the case's own: mostly not at all.
AGES_OF_PAGES = st.sampled_from([0, 0, 0, 0, -1, -2, 1])

_SET_A_HOLD = """
    INSERT INTO moderation_policehold (account_id, case_id, reason, set_by_id, set_at)
    SELECT account_id, id, 'x', %(person)s, now() FROM moderation_case WHERE id = %(case)s
"""
_LIFT_IT = """
    UPDATE moderation_policehold SET lifted_at = now(), lifted_by_id = %(person)s,
        lift_reason = 'x'
    WHERE lifted_at IS NULL AND case_id = %(case)s
"""
_PENDING = "answered_at IS NULL AND withdrawn_at IS NULL AND case_id = %(case)s"
_WITHDRAW = f"UPDATE moderation_agecheck SET withdrawn_at = now() WHERE {_PENDING}"
_ANSWER = f"""
    UPDATE moderation_agecheck SET answer = 'adult', answered_at = now(),
        answered_by_id = %(person)s, note = 'x'
    WHERE {_PENDING}
"""
_LENGTHEN = """
    UPDATE moderation_exemption SET until = until + 1
    WHERE revoked_at IS NULL
        AND account_id = (SELECT account_id FROM moderation_case WHERE id = %(case)s)
"""
_OWN_LOOK = """
    UPDATE moderation_secondlook look SET by_id = decided.by_id, started_at = now()
    FROM moderation_decision decided
    WHERE decided.id = look.decision_id AND decided.case_id = %(case)s AND look.looked_at IS NULL
"""


class Around(Watched):
    cases = Bundle("cases")

    @rule(who=PEOPLE, decision=st.sampled_from(IN_BULK), data=st.data())
    def decide_several(self, who: str, decision: Decide, data: Any) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.told)), min_size=1, max_size=4))
        ages = {pk: data.draw(AGES_OF_PAGES) for pk in ids}
        versions = {pk: max(0, self.told[pk].version + age) for pk, age in ages.items()}
        verb = "dismiss" if decision.state == "dismissed" else "monitor"
        ask = partial(
            bulk_decisions.ask,
            actor=self.actor(who),
            verb=verb,
            versions=versions,
            **decision.words,
        )
        if not self.works(who):
            self.tries(NotAllowed, ask)
            return
        job = ask()
        reviewed = [pk for pk in sorted(ages) if not self.told[pk].hidden_from(who)]
        done = {
            pk for pk in reviewed if self.decided_in_bulk(self.told[pk], who, decision, ages[pk])
        }
        for _ in range(2):  # as when a worker died after it
            bulk_decisions.run(job.pk)
        outcomes = dict(job.items.values_list("case", "outcome"))
        assert outcomes == {pk: "done" if pk in done else "refused" for pk in reviewed}

    @precondition(lambda self: any(told.exempt for told in self.told.values()))
    @rule(data=st.data(), who=PEOPLE)
    def end_an_exemption(self, data: Any, who: str) -> None:
        told = data.draw(st.sampled_from([t for t in self.told.values() if t.exempt]))
        version = data.draw(st.sampled_from(sorted(told.exempt)))
        granted = Exemption.objects.get(decision__case=told.id, decision__case_version=version)
        revoke = partial(exemptions.revoke, exemption_id=granted.pk, reason="Left the club.")
        supervises = self.role(who) == Role.SUPERVISOR
        if self.tries(None if supervises else NotAllowed, lambda: revoke(actor=self.actor(who))):
            told.exempt.discard(version)
            self.tries(ExemptionEnded, lambda: revoke(actor=self.actor(who)))

    @rule(case=cases, who=PEOPLE, lift=st.booleans())
    def hold_for_the_police(self, case: int, who: str, lift: bool) -> None:
        told = self.told[case]
        expected: type[Exception] | None = None
        if self.role(who) != Role.SUPERVISOR:
            expected = NotAllowed
        elif lift != told.held_for_police:
            expected = NoHold if lift else HoldStands
        service = holds.lift_hold if lift else holds.set_hold
        if self.tries(
            expected, lambda: service(actor=self.actor(who), case_id=case, reason="Asked for.")
        ):
            told.held_for_police = not lift

    @rule(case=cases, who=PEOPLE)
    def answer_an_age_check(self, case: int, who: str) -> None:
        told = self.told[case]
        expected: type[Exception] | None = None
        if not self.works(who):
            expected = NotAllowed
        elif told.asked_at is None:
            expected = NoAgeCheck
        if self.tries(
            expected,
            lambda: age_checks.answer(
                actor=self.actor(who), case_id=case, answer="not_established", note="By letter."
            ),
        ):
            self.answers(told)

    @rule(who=PEOPLE)
    def look_again(self, who: str) -> None:
        if not self.works(who):
            self.tries(NotAllowed, lambda: second_looks.start(actor=self.actor(who)))
            return
        waiting = {
            (told.id, look.of_version): look
            for told in self.told.values()
            for look in told.looks
            if not look.given
            and (look.by == who or (look.by is None and who not in told.knows))
            and (look.by == who or told.holder != who)
        }
        begun = [key for key, look in waiting.items() if look.by == who]
        found = second_looks.start(actor=self.actor(who))
        assert (found is None) == (not waiting)
        if found is not None:
            key = (found.decision.case_id, found.decision.case_version)
            assert key in (begun or waiting)
            waiting[key].by = who

    @precondition(lambda self: any(look.by for told in self.told.values() for look in told.looks))
    @rule(who=PEOPLE, data=st.data())
    def give_a_second_look(self, who: str, data: Any) -> None:
        begun = [(told, look) for told in self.told.values() for look in told.looks if look.by]
        told, look = data.draw(st.sampled_from(begun))
        asked = SecondLook.objects.get(
            decision__case=told.id, decision__case_version=look.of_version
        )
        expected: type[Exception] | None = None
        if not self.works(who):
            expected = NotAllowed
        elif look.by != who or look.given:
            expected = LookGone
        if self.tries(
            expected,
            lambda: second_looks.finish(
                actor=self.actor(who), look_id=asked.pk, verb="escalate", note="Five children."
            ),
        ):
            look.given = True

    @rule(case=cases, who=PEOPLE)
    def quietly_in_sql(self, case: int, who: str) -> None:
        """As the application's role, without a word in the trail."""
        told = self.told[case]
        attempts = [_SET_A_HOLD]
        if told.held_for_police:
            attempts.append(_LIFT_IT)
        if told.asked_at is not None:
            attempts += [_WITHDRAW, _ANSWER]
        if told.exempt:
            attempts.append(_LENGTHEN)
        if any(not look.given for look in told.looks):
            attempts.append(_OWN_LOOK)
        for statement in attempts:
            with refused("refused|moderation_one_hold") as intruder:
                intruder.run_with(statement, person=self.people[who].pk, case=case)
