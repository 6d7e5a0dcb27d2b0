"""Whether what a decision set off has left the house: asked before a decision is taken back.

Whatever sends something (webhooks, alerts, reports) registers one function in its
``AppConfig.ready``. Registering the same function twice counts once.
"""

from __future__ import annotations

from collections.abc import Callable

from moderation.models import Case, Decision

Recall = Callable[[Case, Decision], str]

_recalls: list[Recall] = []


def provide_recall(fn: Recall) -> Recall:
    """Let ``fn(case, decision)`` stop whatever that decision set off and that has not left yet.

    It runs in the transaction of the undoing, with the case locked. It returns "" when nothing has
    left, and otherwise one sentence that says what has, e.g. "An alert went out at 14:20 UTC.":
    then the decision stays, and what ``fn`` stopped goes on.
    """
    if fn not in _recalls:
        _recalls.append(fn)
    return fn


def withdraw_recall(fn: Recall) -> None:
    """Forget ``fn``, where it was registered."""
    if fn in _recalls:
        _recalls.remove(fn)


def recall(case: Case, decision: Decision) -> str:
    """Stop everything that can be stopped; what has left, as the first that knows says it."""
    return next((left for fn in _recalls if (left := fn(case, decision))), "")
