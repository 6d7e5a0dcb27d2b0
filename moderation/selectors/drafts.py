"""What a person has written on a case and not decided yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from moderation.models import Case, Draft
from staff.models import User


@dataclass(frozen=True, slots=True)
class Kept:
    """The drafts of one person on one case: by the form's name, its words and when they came."""

    words: dict[str, dict[str, str]] = field(default_factory=dict)
    at: dict[str, datetime] = field(default_factory=dict)

    @property
    def latest(self) -> str:
        """The name of the decision that was written at last; "" where none was."""
        decisions = {name: at for name, at in self.at.items() if name != "note"}
        return max(decisions, key=decisions.__getitem__) if decisions else ""


def of(case: Case, user: User) -> Kept:
    """The drafts of ``user`` on ``case``, nobody else's. One query."""
    found = list(Draft.objects.filter(case=case, by=user))
    return Kept(
        words={draft.form: draft.words for draft in found},
        at={draft.form: draft.updated_at for draft in found},
    )
