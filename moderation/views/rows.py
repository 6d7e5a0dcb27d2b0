"""One case as a list shows it: everything in words, so that a long list is quick to write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.text import Truncator

from moderation.domain import priority
from moderation.domain.transitions import LIVE_STATES, State
from moderation.models import Case
from moderation.selectors.case import without_points
from moderation.selectors.people import BANDS
from moderation.templatetags.sightline import day, moment, points, span
from moderation.views.answers import case_url
from staff.capabilities import Capability
from staff.models import User

_WAITING = frozenset({State.OPEN, State.IN_REVIEW, State.ESCALATED})
_BAND_OF_FACTOR = {points: band for band, points in priority.YOUNGEST.items()}
_ACCOUNT = 32
"""Characters of an account's identifier that a row shows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case as a list shows it to one person at one moment."""

    case: Case
    key: str  # the case's id
    url: str
    claim_url: str
    account: str
    mine: bool
    holder: str  # who else holds it, under a lease that has not lapsed
    claimable: bool
    standing: str  # who has it, or what became of it
    tone: str  # how the standing looks: a modifier of the tag, "" for none
    fallen: str  # that its score has fallen, while the case is live; "" otherwise
    waiting: bool  # for a person, with a deadline
    due: str  # "Due in 3 h", or when it was decided; "" for neither
    due_at: str  # the same moment, for machines
    overdue: bool
    sentence: str  # the first reason in full
    reasons: list[tuple[str, str]]  # the strongest: points, name
    factors: list[tuple[str, str]]  # of its priority: label, points
    priority: str
    minors: str
    youngest: str


def row_of(case: Case, user: User, now: datetime) -> Row:
    """What the row of ``case`` says to ``user``."""
    held = (
        case.state == State.IN_REVIEW
        and case.lease_expires_at is not None
        and case.lease_expires_at > now
    )
    mine = held and case.holder_id == user.pk
    free = case.state == State.OPEN or (case.state == State.IN_REVIEW and not held)
    holder = case.holder.name if held and not mine and case.holder else ""
    url = case_url(case)
    standing, tone = _standing(case, mine=mine, holder=holder)
    due, due_at, overdue = _due(case, now)
    return Row(
        case=case,
        key=str(case.pk),
        url=url,
        claim_url=f"{url}claim/",
        account=Truncator(case.account.account_id).chars(_ACCOUNT),
        mine=mine,
        holder=holder,
        claimable=free and user.can(Capability.REVIEW_CASES),
        standing=standing,
        tone=tone,
        fallen="Score has fallen" if case.fallen and case.state in LIVE_STATES else "",
        waiting=case.state in _WAITING,
        due=due,
        due_at="" if due_at is None else due_at.isoformat(),
        overdue=overdue,
        sentence=without_points(case.headline[0]["sentence"]) if case.headline else "",
        reasons=[(points(one["points"]), one["name"]) for one in case.headline],
        factors=[
            (priority.LABELS.get(name, name), points(priority.whole(number)))
            for name, number in case.priority_factors.items()
            if priority.whole(number)
        ],
        priority=str(priority.whole(case.priority)),
        minors=f"{case.minors:,}",
        youngest=youngest_words(case),
    )


def youngest_words(case: Case) -> str:
    """The age band of the youngest child involved, in words; "" where none is known."""
    band = _BAND_OF_FACTOR.get(case.priority_factors.get("youngest", 0.0))
    return BANDS[band] if band else ""


def _standing(case: Case, *, mine: bool, holder: str) -> tuple[str, str]:
    if mine:
        return f"You hold it until {moment(case.lease_expires_at)}", "solid"
    if holder:
        return f"{holder} until {moment(case.lease_expires_at)}", "accent"
    if case.state == State.ESCALATED:
        by = case.escalated_by
        return f"Escalated by {by.name if by else 'a former colleague'}", "warning"
    if case.state == State.MONITORING:
        return f"Monitored until {day(case.monitor_until)}", ""
    if case.state == State.IN_REVIEW:
        return "Hold lapsed", ""
    said = case.get_state_display()
    return f"{said[:1].upper()}{said[1:]}", ""


def _due(case: Case, now: datetime) -> tuple[str, datetime | None, bool]:
    """How the deadline stands, and whether it has passed; of a decided case, when it was."""
    if case.state not in _WAITING:
        said = f"Decided {moment(case.decided_at)}" if case.decided_at else ""
        return said, case.decided_at, False
    left = case.due_at - now
    if left < timedelta():
        return f"Overdue by {span(left)}", case.due_at, True
    return f"Due in {span(left)}", case.due_at, False
