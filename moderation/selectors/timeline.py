"""What has happened to a case so far: decisions, notes, claims and changes of the score."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from audit import verbs
from audit.models import Entry
from moderation.domain.age_checks import ANSWER_LABELS, AgeAnswer
from moderation.domain.transitions import Verb
from moderation.domain.vocabulary import REASON_LABELS, SEVERITY_LABELS, Severity
from moderation.models import Case, Decision, Note
from moderation.selectors import undo
from signals.models import Assessment

ENTRIES = 200
"""Audit entries that the page reads; the trail itself holds all."""

_DECIDED: dict[str, str] = {
    Verb.DISMISS: "Dismissed",
    Verb.MONITOR: "Put under monitoring",
    Verb.ESCALATE: "Escalated",
    Verb.REFER: "Referred to the police",
    Verb.RETURN: "Returned with a question",
    Verb.UNDO: "Took the decision back",
}
_TOLD_OTHERWISE = frozenset({"case.note", "age_check.ask"})
"""Verbs whose entries stand beside a note or a decision that is shown already."""

_ROUTINE = frozenset({"case.claim", "case.release", "case.renew", "case.people"})


class Sort(StrEnum):
    DECISION = "decision"
    NOTE = "note"
    CHANGE = "change"
    ROUTINE = "routine"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the history. ``facts`` are short labelled values, ``text`` a person's words."""

    at: datetime
    sort: Sort
    title: str
    who: str
    text: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Newest first. ``routine`` holds claims and extensions, which rarely matter.

    ``scores``: when, points, run, and the complete run whose comparison values a prompt run used
    (None: it is complete itself). ``compared_with``: the same for what the case shows.
    """

    items: list[Item]
    routine: list[Item]
    scores: list[tuple[datetime, float, int, int | None]]
    compared_with: int | None
    escalation: Decision | None
    question: Decision | None


def history(case: Case) -> History:
    """The history of ``case``. Four queries."""
    decisions = list(case.decisions.select_related("by").order_by("-at", "-pk"))
    notes = list(case.notes.select_related("by").order_by("-at", "-pk"))
    entries = list(Entry.objects.filter(target=f"case:{case.reference}")[:ENTRIES])
    scores = list(
        Assessment.objects.filter(account_id=case.account_id)
        .order_by("pk")
        .values_list("created_at", "points", "run_id", "run__base_id")
    )
    told = {decision.entry_id for decision in decisions}
    items = [_decision(decision) for decision in decisions]
    items += [_note(note) for note in notes]
    routine = []
    for entry in entries:
        if entry.number in told or entry.verb in _TOLD_OTHERWISE:
            continue
        if entry.verb in _ROUTINE:
            routine.append(_entry(entry, Sort.ROUTINE))
        else:
            items.append(_entry(entry, Sort.CHANGE))
    items.sort(key=lambda item: item.at, reverse=True)
    return History(
        items=items,
        routine=routine,
        scores=scores,
        compared_with=next(
            (base for _, _, run, base in scores if run == case.assessment.run_id), None
        ),
        escalation=next((d for d in undo.standing(decisions) if d.verb == Verb.ESCALATE), None),
        question=_open_question(decisions),
    )


def _open_question(decisions: list[Decision]) -> Decision | None:
    """A supervisor's question, while it is the last thing that was decided."""
    last = next(iter(undo.standing(decisions)), None)
    return last if last is not None and last.verb == Verb.RETURN else None


def _decision(decision: Decision) -> Item:
    facts = []
    if decision.reason:
        facts.append(("Reason", REASON_LABELS[decision.reason]))
    if severity := decision.details.get("severity"):
        facts.append(("Severity", SEVERITY_LABELS[Severity(severity)]))
    if ask := decision.details.get("ask"):
        facts.append(("Asked", str(ask)))
    if until := decision.details.get("until"):
        facts.append(("Until", f"{date.fromisoformat(str(until)):%-d %b %Y}"))
    facts.append(("Points then", f"{decision.points:.0f}"))
    return Item(
        at=decision.at,
        sort=Sort.DECISION,
        title=_DECIDED.get(decision.verb, decision.verb.capitalize()),
        who=decision.by.name,
        text=decision.note,
        facts=facts,
        entry=decision.entry_id,
    )


def _note(note: Note) -> Item:
    return Item(at=note.at, sort=Sort.NOTE, title="Note", who=note.by.name, text=note.text)


def _entry(entry: Entry, sort: Sort) -> Item:
    phrase = verbs.phrase(entry.verb)
    facts = []
    points = entry.after.get("points")
    if points is not None:
        before = entry.before.get("points")
        moved = f"{before:.0f} → {points:.0f}" if before is not None else f"{points:.0f}"
        facts.append(("Points", moved))
    if entry.after.get("fallen", False) != entry.before.get("fallen", False):
        facts.append(("Score", "has fallen" if entry.after["fallen"] else "is back"))
    if answer := entry.after.get("answer"):
        facts.append(("Answer", ANSWER_LABELS[AgeAnswer(answer)]))
    return Item(
        at=entry.at,
        sort=sort,
        title=phrase[:1].upper() + phrase[1:],
        who=who(entry.actor),
        facts=facts,
        entry=entry.number,
    )


def who(label: str) -> str:
    """A person's name out of an audit label; "Sightline" for what the system did by itself."""
    kind, _, rest = label.partition(":")
    if kind == "staff":
        return rest.partition(" ")[2]
    return rest.partition(" ")[2] or "Platform key" if kind == "key" else "Sightline"
