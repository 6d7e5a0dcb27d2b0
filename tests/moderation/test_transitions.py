"""The transition table and the buttons that come from it."""

from __future__ import annotations

from itertools import product

import pytest

from moderation.domain.buttons import available
from moderation.domain.transitions import (
    LIVE_STATES,
    TRANSITIONS,
    State,
    Verb,
    allowed_pairs,
    between,
    find,
)
from staff.capabilities import Role


def test_the_life_of_a_case_is_the_one_that_the_product_describes() -> None:
    described = {
        "open": {"in_review"},
        "in_review": {"open", "dismissed", "monitoring", "escalated"},
        "escalated": {"referred", "open", "dismissed", "in_review"},
        "monitoring": {"open", "in_review"},
        "dismissed": {"open", "in_review"},
        "referred": set(),
    }
    assert allowed_pairs() == {
        (State(source), State(target)) for source in described for target in described[source]
    }


def test_a_pair_of_states_and_a_verb_from_a_state_name_one_transition_each() -> None:
    assert len({(t.source, t.target) for t in TRANSITIONS}) == len(TRANSITIONS)
    assert len({(t.verb, t.source) for t in TRANSITIONS}) == len(TRANSITIONS)
    for t in TRANSITIONS:
        assert find(t.verb, t.source) is t
        assert between(t.source, t.target) is t


def test_what_the_table_lacks_is_not_found() -> None:
    assert find(Verb.REFER, State.OPEN) is None
    assert between(State.OPEN, State.REFERRED) is None
    assert find(Verb.REOPEN, State.REFERRED) is None


def test_every_decision_on_an_escalation_needs_four_eyes_and_a_note() -> None:
    for t in TRANSITIONS:
        decides = t.source is State.ESCALATED and not t.takes_back
        assert t.four_eyes == decides
        if decides:
            assert t.needs_note


def test_only_what_a_holder_decided_is_taken_back_and_only_into_review() -> None:
    back = {(t.target, t.source) for t in TRANSITIONS if t.takes_back}
    decided = {(t.source, t.target) for t in TRANSITIONS if t.needs_lease and t.needs_note}
    assert back == decided


def test_a_case_that_ended_comes_back_only_by_the_system_or_at_once() -> None:
    ended = [t for t in TRANSITIONS if t.source not in LIVE_STATES]
    assert all(t.capability is None or t.takes_back for t in ended)


@pytest.mark.parametrize(
    ("state", "role", "is_holder", "is_escalator", "verbs"),
    [
        ("open", Role.MODERATOR, False, False, ["claim"]),
        ("in_review", Role.MODERATOR, False, False, []),
        ("in_review", Role.MODERATOR, True, False, ["release", "dismiss", "monitor", "escalate"]),
        ("in_review", Role.SUPERVISOR, True, True, ["release", "dismiss", "monitor", "escalate"]),
        ("escalated", Role.MODERATOR, False, False, []),
        ("escalated", Role.SUPERVISOR, False, False, ["refer", "return", "dismiss"]),
        ("escalated", Role.SUPERVISOR, False, True, []),
        ("monitoring", Role.SUPERVISOR, False, False, []),
        ("dismissed", Role.SUPERVISOR, False, False, []),
        ("referred", Role.SUPERVISOR, False, False, []),
    ],
)
def test_buttons(
    state: str, role: Role, is_holder: bool, is_escalator: bool, verbs: list[str]
) -> None:
    assert available(state, role, is_holder=is_holder, is_escalator=is_escalator) == verbs


@pytest.mark.parametrize("state", ["escalated", "monitoring", "dismissed"])
def test_who_just_decided_may_take_it_back(state: str) -> None:
    own = available(state, Role.MODERATOR, is_holder=False, is_escalator=True, may_take_back=True)
    assert own == ["undo"]


def test_who_does_not_work_on_cases_has_no_button_anywhere() -> None:
    for state, role, flag in product(State, (Role.ADMIN, Role.AUDITOR, "nobody"), (False, True)):
        assert available(state, role, is_holder=flag, is_escalator=not flag) == []
