"""What is kept of a decision before it is taken: which fields of which form, and when."""

from __future__ import annotations

from collections.abc import Mapping

from moderation.domain.transitions import State

# By the forms' names in ``moderation.forms``. The version is no field of a draft: a form that is
# shown again always names the version on the screen.
FIELDS: dict[str, tuple[str, ...]] = {
    "dismiss": ("reason", "note", "exempt_until"),
    "monitor": ("until", "note"),
    "age_check": ("until", "note"),
    "escalate": ("severity", "note", "ask"),
    "refer": ("note",),
    "return": ("note",),
    "dismiss_escalation": ("reason", "note", "exempt_until"),
    "note": ("text",),
}
LONGEST = 20_000
"""Characters of one field: more than a decision may have, so that one can write first and cut."""

_OF_A_SUPERVISOR = frozenset({"refer", "return", "dismiss_escalation"})


def may_be_kept(form: str, state: State) -> bool:
    """Whether a decision by ``form`` can still come about on a case in ``state``.

    Words that arrive after the decision was taken are no draft any more. An open case counts:
    whoever's hold has lapsed goes on writing, and claims it again.
    """
    if form == "note":
        return True
    if form in _OF_A_SUPERVISOR:
        return state is State.ESCALATED
    return state in {State.OPEN, State.IN_REVIEW}


def words(form: str, given: Mapping[str, str]) -> dict[str, str]:
    """The fields of ``form`` that hold something. Raises KeyError for an unknown form."""
    found = {name: str(given.get(name, "")) for name in FIELDS[form]}
    return {name: value for name, value in found.items() if value.strip()}
