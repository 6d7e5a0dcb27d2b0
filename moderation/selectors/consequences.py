"""What would follow from a decision on a case: the numbers of this case, before it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from moderation.domain import deadlines
from moderation.domain.intake import RESUMES
from moderation.domain.transitions import UNDO_WITHIN, Verb
from moderation.domain.vocabulary import Severity
from moderation.models import Case, Decision
from moderation.selectors import escalations
from moderation.selectors.contacts import Contact, Surroundings
from moderation.selectors.surroundings import around_case
from moderation.selectors.terms import current as current_terms
from moderation.templatetags.sightline import moment
from signals.models import ThresholdSet
from signals.networks import Link
from signals.spec import ThresholdSpec
from staff.capabilities import Capability, Role, role_can
from staff.models import User

Line = tuple[str, str]
"""What is concerned, and what happens to it."""

_SUPERVISING = [role for role in Role if role_can(role, Capability.DECIDE_ESCALATIONS)]
_UNTOUCHED = ("Account", "Untouched, told nothing.")
_UNDO = ("Undo", f"{UNDO_WITHIN.total_seconds() / 60:.0f} minutes, by you.")
_NO_UNDO = ("Undo", "None.")


@dataclass
class Preview:
    """What each decision of ``user`` on ``case`` at ``now`` would do.

    ``around``: who is around the account, where that is known; otherwise it is read when asked for.
    ``tells_platform``: whether an address of the platform is set, to which requests go.
    """

    case: Case
    user: User
    now: datetime
    around: Surroundings | None = None
    tells_platform: bool = True

    def lines(self, name: str) -> list[Line]:
        """What follows from the decision of this name; empty for one that decides nothing."""
        made: dict[str, Callable[[], list[Line]]] = {
            "dismiss": self._dismiss,
            "monitor": self._monitor,
            "age_check": self._age_check,
            "escalate": self._escalate,
            "refer": self._refer,
            "return": self._return,
            "dismiss_escalation": self._dismiss_escalation,
        }
        return made[name]() if name in made else []

    # --- Decisions --------------------------------------------------------------------------------

    def _dismiss(self) -> list[Line]:
        return [self._closed("Closes"), _UNTOUCHED, self._untold(), _UNDO]

    def _dismiss_escalation(self) -> list[Line]:
        by = self.case.escalated_by
        closes = f"Closes, against what {by.name} proposed" if by else "Closes"
        return [self._closed(closes), _UNTOUCHED, self._untold(), _NO_UNDO]

    def _monitor(self) -> list[Line]:
        back = f"Comes back on the date, or at {self._rises(RESUMES)}."
        return [("Case", back), _UNTOUCHED, self._untold(), _UNDO]

    def _age_check(self) -> list[Line]:
        back = f"Comes back with the answer, on the date, or at {self._rises(RESUMES)}."
        asked = (
            "The platform is asked about it in 10 minutes; else untouched."
            if self.tells_platform
            else "Nothing is sent: no address of the platform is set. Ask it yourself."
        )
        return [("Case", back), ("Account", asked), self._untold(), _UNDO]

    def _escalate(self) -> list[Line]:
        yours = ("Case", "Not yours to decide any more.")
        return [("Goes to", self._supervisors()), yours, _UNTOUCHED, self._untold(), _UNDO]

    def _refer(self) -> list[Line]:
        return [
            ("Case", f"Ends. New events open another at {self._rises(self._reopen_points)}."),
            ("Report", self._report()),
            ("Goes to", "Nobody yet: it is sealed within a minute, then a supervisor sends it."),
            _UNTOUCHED,
            self._untold(),
            _NO_UNDO,
        ]

    def _return(self) -> list[Line]:
        severity = Severity(self.case.severity)
        due = deadlines.due(self.now, severity, current_terms())
        return [
            ("Goes to", "Any moderator, your question on top."),
            ("Deadline", f"{moment(due)}: {severity.value}, counted anew."),
            _UNTOUCHED,
            self._untold(),
            _NO_UNDO,
        ]

    # --- What they are made of --------------------------------------------------------------------

    @cached_property
    def _children(self) -> list[Contact]:
        return (self.around or around_case(self.case)).children

    @cached_property
    def _reopen_points(self) -> float:
        active = ThresholdSet.objects.filter(state=ThresholdSet.State.ACTIVE)
        spec = active.values_list("spec", flat=True).first() or {}
        return ThresholdSpec.from_dict(spec).reopen_points

    def _closed(self, how: str) -> Line:
        return ("Case", f"{how}. New events reopen it at {self._rises(self._reopen_points)}.")

    def _rises(self, more: float) -> str:
        return f"{self.case.points + more:.0f} points ({self.case.points:.0f} now)"

    def _report(self) -> str:
        """Whom the report to the police names as what."""
        number = len(self._children)
        victims = sum(child.accepted for child in self._children)
        others = _count(number - victims, "intended recipient", "intended recipients")
        return (
            f"{_count(number, 'child', 'children')}: {_count(victims, 'victim', 'victims')} "
            f"(accepted), {others}."
        )

    def _untold(self) -> Line:
        """That no notice goes out, to how many, and how these stand with the account."""
        links = Counter(child.link for child in self._children)
        said = [f"{len(self._children):,} contacted", "none told"] if links else ["None contacted"]
        said += [f"{links[Link.ACCEPTED]:,} accepted"] if links[Link.ACCEPTED] else []
        said += [f"{links[Link.WAITING]:,} unanswered"] if links[Link.WAITING] else []
        return ("Children", f"{', '.join(said)}.")

    def _supervisors(self) -> str:
        """Who can decide it: nobody who has ever escalated it, the person who asks included."""
        proposers = Decision.objects.filter(case=self.case, verb=Verb.ESCALATE).values("by")
        able = (
            User.objects.filter(is_active=True, role__in=_SUPERVISING)
            .exclude(pk=self.user.pk)
            .exclude(pk__in=proposers)
            .count()
        )
        if not able:
            return "Nobody now: there is no other supervisor."
        waiting = escalations.waiting(self.user).count()
        there = _count(waiting, "case", "cases") if waiting else "no case"
        return f"{_count(able, 'other supervisor', 'other supervisors')}, {there} waiting."


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
