"""The decision panel of a case: what this person may do now, or why nothing can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from django.utils import timezone

from moderation import forms
from moderation.domain.buttons import available
from moderation.domain.transitions import State, Verb
from moderation.models import AgeCheck, Case
from moderation.selectors import age_checks, drafts, undo
from moderation.selectors.consequences import Line, Preview
from moderation.selectors.contacts import Surroundings
from moderation.services import webhooks
from staff.capabilities import Capability
from staff.errors import Refused
from staff.models import User

_FORMS: dict[tuple[State, Verb], type[forms.DecisionForm]] = {
    (State.IN_REVIEW, Verb.DISMISS): forms.DismissForm,
    (State.IN_REVIEW, Verb.MONITOR): forms.MonitorForm,
    (State.IN_REVIEW, Verb.ESCALATE): forms.EscalateForm,
    (State.ESCALATED, Verb.REFER): forms.ReferForm,
    (State.ESCALATED, Verb.RETURN): forms.ReturnForm,
    (State.ESCALATED, Verb.DISMISS): forms.DismissEscalationForm,
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How the panel presents one decision."""

    title: str
    key: str
    url_name: str
    button: str
    whole_page: bool = False  # leads to a page of its own, which htmx must not swap into a part


WORDING: dict[str, Wording] = {
    "dismiss": Wording("Dismiss", "d", "case_dismiss", "Dismiss"),
    "monitor": Wording("Monitor", "m", "case_monitor", "Monitor"),
    "age_check": Wording("Ask for an age check", "g", "case_age_check", "Ask"),
    "escalate": Wording("Escalate", "e", "case_escalate", "Escalate"),
    "refer": Wording("Refer to the police", "f", "case_refer", "Continue", whole_page=True),
    "return": Wording("Return with a question", "t", "case_return", "Return"),
    "dismiss_escalation": Wording("Dismiss", "d", "case_dismiss_escalation", "Dismiss"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision on offer: its words, its form, and whether it is open."""

    name: str
    wording: Wording
    form: forms.DecisionForm
    opened: bool
    preview: Preview
    kept_at: datetime | None = None  # when a draft of it was kept last

    @property
    def consequences(self) -> list[Line]:
        """What would follow from it, read when it is shown."""
        return self.preview.lines(self.name)


@dataclass(slots=True)
class Panel:
    """Everything that the panel shows. ``standing`` says in a sentence how things are."""

    choices: list[Choice] = field(default_factory=list)
    held: bool = False
    seconds_left: int = 0  # of the person's own hold
    claim: str = ""  # the words of the claim button, "" where there is none
    put_back: bool = False  # whether it can be taken from whoever holds it
    onwards: bool = False  # whether the next case can be taken from here
    standing: str = ""
    note: forms.NoteForm | None = None
    refusal: Refused | None = None
    note_kept_at: datetime | None = None
    undo_until: datetime | None = None  # the person's own decision can be taken back until then
    age_check: AgeCheck | None = None  # the account's last one
    age_answer: forms.AgeAnswerForm | None = None
    age_asked_on: Case | None = None  # another case, where the answer is recorded
    kept: str = ""  # what the person had written when the decision could not be taken

    @property
    def time_left(self) -> str:
        """Of the person's own hold, as the script goes on counting it down."""
        return f"{self.seconds_left // 60}:{self.seconds_left % 60:02}"

    @property
    def invalid(self) -> forms.CaseForm | None:
        """The form that has errors, if one does."""
        tried: list[forms.CaseForm] = [choice.form for choice in self.choices]
        tried += [form for form in (self.note, self.age_answer) if form]
        return next((form for form in tried if form.errors), None)


def panel(
    case: Case,
    user: User,
    *,
    opened: str = "",
    tried: forms.CaseForm | None = None,
    refusal: Refused | None = None,
    around: Surroundings | None = None,
) -> Panel:
    """The panel of ``case`` for ``user``; ``tried`` is a form that was sent and not taken.

    ``around``: who is around the account, where the page knows it already.
    """
    now = timezone.now()
    held = case.state == State.IN_REVIEW and case.is_held_by(user, now)
    escalated_here = case.state == State.ESCALATED and case.was_escalated_by(user)
    verbs = available(case.state, user.role, is_holder=held, is_escalator=escalated_here)
    kept = drafts.of(case, user)
    opened = opened or kept.latest
    checked = age_checks.latest(case.account_id)
    preview = Preview(case, user, now, around, tells_platform=webhooks.has_address())
    choices = []
    for verb in verbs:
        form_class = _FORMS.get((State(case.state), verb))
        if form_class is not None:
            choices.append(_choice(preview, form_class, opened, tried, kept))
        if verb is Verb.MONITOR and not age_checks.why_not(case.account, checked):
            choices.append(_choice(preview, forms.AgeCheckForm, opened, tried, kept))
    reviews = user.can(Capability.REVIEW_CASES)
    lapsed = case.state == State.IN_REVIEW and not held and _lapsed(case, now)
    result = Panel(
        choices=choices,
        held=held,
        seconds_left=seconds_to(case.lease_expires_at, now) if held else 0,
        claim=_claim_words(case, user, lapsed) if reviews else "",
        put_back=(
            case.state == State.IN_REVIEW
            and not (held or lapsed)
            and user.can(Capability.REASSIGN_CASES)
        ),
        onwards=reviews and not held and not choices,
        standing=_standing(case, user, held=held, lapsed=lapsed, escalated_here=escalated_here),
        note=_note_form(tried, kept) if reviews else None,
        undo_until=undo.until(case, user, now) if reviews else None,
        age_check=checked,
        age_answer=_age_answer(case, checked, tried) if reviews else None,
        age_asked_on=age_checks.waits_on(case, checked, user),
        note_kept_at=kept.at.get(forms.NoteForm.name),
        refusal=refusal,
    )
    if tried is not None and refusal is not None and not _offered(choices, tried):
        result.kept = _written(tried.data)
    if kept.latest and not choices and result.claim:
        result.standing += " What you wrote is kept and comes back when you claim it."
    return result


def seconds_to(end: datetime | None, now: datetime) -> int:
    """Whole seconds from ``now`` to ``end``, rounded up; 0 where it has passed or there is none."""
    return max(0, ceil((end - now).total_seconds())) if end is not None else 0


def _choice(
    preview: Preview,
    form_class: type[forms.DecisionForm],
    opened: str,
    tried: forms.CaseForm | None,
    kept: drafts.Kept,
) -> Choice:
    name, version = form_class.name, preview.case.version
    form = form_class(initial={"version": version} | kept.words.get(name, {}))
    if isinstance(tried, form_class) and type(tried) is form_class:
        form = _with_version(tried, version)
    return Choice(
        name,
        WORDING[name],
        form,
        opened=name == opened or form.is_bound,
        preview=preview,
        kept_at=kept.at.get(name),
    )


def _with_version(tried: forms.DecisionForm, version: int) -> forms.DecisionForm:
    """The form as it was sent, for the case as it is now; its errors stay."""
    if not tried.is_bound:
        return tried
    tried.data = {**dict(tried.data.items()), "version": str(version)}
    return tried


def _note_form(tried: forms.CaseForm | None, kept: drafts.Kept) -> forms.NoteForm:
    if isinstance(tried, forms.NoteForm):
        return tried
    return forms.NoteForm(initial=kept.words.get(forms.NoteForm.name, {}))


def _age_answer(
    case: Case, checked: AgeCheck | None, tried: forms.CaseForm | None
) -> forms.AgeAnswerForm | None:
    if checked is None or checked.answered_at is not None or checked.case_id != case.pk:
        return None
    return tried if isinstance(tried, forms.AgeAnswerForm) else forms.AgeAnswerForm()


def _offered(choices: list[Choice], tried: forms.CaseForm) -> bool:
    return isinstance(tried, forms.NoteForm) or any(choice.form is tried for choice in choices)


def _written(data: Mapping[str, Any]) -> str:
    texts = [str(data.get(name, "")).strip() for name in ("note", "ask")]
    return "\n\n".join(text for text in texts if text)


def _lapsed(case: Case, now: datetime) -> bool:
    return case.lease_expires_at is not None and case.lease_expires_at <= now


def _claim_words(case: Case, user: User, lapsed: bool) -> str:
    if case.state == State.OPEN:
        return "Claim this case"
    if lapsed:
        return "Claim it again" if case.holder_id == user.pk else "Take it over"
    return ""


def _standing(case: Case, user: User, *, held: bool, lapsed: bool, escalated_here: bool) -> str:
    if case.state == State.OPEN:
        return "Nobody holds this case. Claim it to decide on it: it is yours for 20 minutes."
    if case.state == State.IN_REVIEW and not held:
        name = case.holder.name if case.holder else "Somebody"
        until = f"{timezone.localtime(case.lease_expires_at):%H:%M}"
        if lapsed and case.holder_id == user.pk:
            return f"Your hold on this case ended at {until}. Claim it again to decide on it."
        if lapsed:
            return f"{name} held this case until {until} and did not decide."
        return f"Held by {name} until {until}. You can read everything and leave a note."
    if escalated_here:
        return "Another supervisor must decide this: you escalated it."
    return ""
