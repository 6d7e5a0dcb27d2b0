"""What people enter on a case. The services check it again: these give the fields their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from moderation.domain import bulk, deadlines, second_look
from moderation.domain.age_checks import ANSWER_LABELS, USUAL_WAIT
from moderation.domain.deadlines import Terms
from moderation.domain.exemptions import MODERATOR_DAYS, SUPERVISOR_DAYS
from moderation.domain.reveals import REVEAL_LABELS, RevealReason
from moderation.domain.transitions import Verb
from moderation.domain.vocabulary import DISMISS_LABELS, SEVERITY_LABELS, DismissReason, Severity
from moderation.errors import InvalidDecision
from moderation.selectors.terms import current as current_terms
from moderation.templatetags.sightline import moment
from moderation.widgets import Radios


class CaseForm(forms.Form):
    """A form about a case; refusals of a service appear beside its fields."""

    required_css_class = ""
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"{type(self).name}_%s")
        super().__init__(*args, **kwargs)

    name = "form"

    def refuse(self, refusal: InvalidDecision) -> None:
        """Put a service's messages beside the fields that they are about."""
        for field, message in refusal.errors.items():
            self.add_error(field if field in self.fields else None, message)


class DecisionForm(CaseForm):
    """Every decision names the version of the case that was on the screen."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)


def _note(label: str, help_text: str, missing: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": missing},
    )


def _date(label: str, *, missing: str = "", help_text: str = "") -> forms.DateField:
    """A day; without ``missing``, the message where none is given, it may be left out."""
    messages = {"invalid": "Write the date as year-month-day, for example 2026-11-30."}
    return forms.DateField(
        label=label,
        help_text=help_text,
        required=bool(missing),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages=messages | ({"required": missing} if missing else {}),
    )


def _verb(
    label: str, verbs: Iterable[Verb], words: Mapping[Verb, str], missing: str
) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=[(verb.value, words[verb]) for verb in verbs],
        widget=Radios,
        error_messages={"required": missing},
    )


def _reason_to_dismiss(label: str) -> forms.ChoiceField:
    """Where other things than a dismissal can be chosen too."""
    return forms.ChoiceField(
        label=label,
        choices=[("", "None"), *((code.value, said) for code, said in DISMISS_LABELS.items())],
        required=False,
    )


class DismissForm(DecisionForm):
    name = "dismiss"
    reason = forms.ChoiceField(
        label="Reason",
        choices=[(reason.value, DISMISS_LABELS[reason]) for reason in DismissReason],
        widget=Radios,
        error_messages={
            "required": "Choose the reason for the dismissal.",
            "invalid_choice": "Choose one of the reasons offered.",
        },
    )
    note = _note(
        "Note",
        "What you looked at and why it is no reason for concern. No names of children.",
        "Say why, in a sentence or two.",
    )
    exempt_until = _date(
        "Do not flag this account before",
        help_text="Only where it will go on, as with a coach. At most "
        f"{MODERATOR_DAYS} days, {SUPERVISOR_DAYS} for supervisors.",
    )


class MonitorForm(DecisionForm):
    name = "monitor"
    until = _date(
        "Until",
        missing="Choose the date on which the case comes back.",
        help_text="At most a year from today.",
    )
    note = _note(
        "Note",
        "What to look for when it comes back. No names of children.",
        "Say what should be looked for.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_dates(self.fields["until"], usual=timedelta(days=30))


class AgeCheckForm(DecisionForm):
    name = "age_check"
    until = _date(
        "Wait for an answer until",
        missing="Choose the date on which the case comes back without an answer.",
        help_text="Then the case comes back without one. At most a year from today.",
    )
    note = _note(
        "Note",
        "Why the recorded age is in doubt. The platform does not see it. No names of children.",
        "Say why, in a sentence or two.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_dates(self.fields["until"], usual=USUAL_WAIT)


class AgeAnswerForm(CaseForm):
    name = "age_answer"
    answer = forms.ChoiceField(
        label="What did the platform answer?",
        choices=[(code.value, label) for code, label in ANSWER_LABELS.items()],
        widget=Radios,
        error_messages={
            "required": "Choose what the platform answered.",
            "invalid_choice": "Choose one of the answers offered.",
        },
    )
    note = _note("How you know", "Who answered, and when. No names.", "Say how you know.")


def _offer_dates(field: forms.Field, *, usual: timedelta) -> None:
    """Let a date be chosen from tomorrow to a year ahead; ``usual`` is proposed."""
    today = timezone.localdate()
    field.widget.attrs |= {
        "min": (today + timedelta(days=1)).isoformat(),
        "max": (today + timedelta(days=365)).isoformat(),
    }
    field.initial = today + usual


def _severity_choice(severity: Severity, terms: Terms) -> tuple[str, str]:
    hours = f"{terms.allowed[severity].total_seconds() / 3600:g}"
    counted = "hours" if terms.runs_always(severity) else "working hours"
    due = moment(deadlines.due(timezone.now(), severity, terms))
    return severity.value, f"{SEVERITY_LABELS[severity]}: within {hours} {counted}, by {due}"


class EscalateForm(DecisionForm):
    name = "escalate"
    severity = forms.ChoiceField(
        label="Severity",
        choices=list(SEVERITY_LABELS.items()),
        widget=Radios,
        error_messages={
            "required": "Choose how grave this is.",
            "invalid_choice": "Choose one of the severities offered.",
        },
    )
    note = _note(
        "Summary",
        "What you found, for the supervisor and for the record. No names of children.",
        "Sum up what you found.",
    )
    ask = forms.CharField(
        label="What do you ask for?",
        initial="Please decide on a referral to the police.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say what you ask the supervisor to do."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        terms = current_terms()
        choices = [_severity_choice(severity, terms) for severity in Severity]
        self.fields["severity"].widget.choices = choices


class NoteForm(CaseForm):
    name = "note"
    text = forms.CharField(
        label="Note",
        help_text="Everyone who works on cases can read it. No names of children.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Write the note first."},
    )


class RevealForm(CaseForm):
    name = "reveal"
    reason = forms.ChoiceField(
        label="Why do you need the names?",
        choices=[(reason.value, REVEAL_LABELS[reason]) for reason in RevealReason],
        widget=Radios,
        error_messages={
            "required": "Choose why you need the names.",
            "invalid_choice": "Choose one of the reasons offered.",
        },
    )
    note = forms.CharField(
        label="Anything to add",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ReferForm(DecisionForm):
    name = "refer"
    note = _note(
        "Why you refer it",
        "Your own reasons, beside the moderator's summary. You confirm on the next page.",
        "Say why, in a sentence or two.",
    )


class ReturnForm(DecisionForm):
    name = "return"
    note = _note(
        "Your question",
        "What should be looked at before you can decide. Anyone may take the case next.",
        "Write the question that should be answered.",
    )


class DismissEscalationForm(DismissForm):
    name = "dismiss_escalation"


class BulkForm(CaseForm):
    """What is decided for several cases at once: ``moderation.domain.bulk``."""

    name = "bulk"
    verb = _verb(
        "What should be done?",
        bulk.VERBS,
        {Verb.DISMISS: "Dismiss them", Verb.MONITOR: "Monitor them until a date"},
        "Choose what to do with these cases.",
    )
    reason = _reason_to_dismiss("Reason, to dismiss them")
    until = _date("Until, to monitor them")
    note = _note(
        "Note",
        "It stands on each of the cases. No names of children.",
        "Say why, in a sentence or two.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_dates(self.fields["until"], usual=timedelta(days=30))


class LookForm(CaseForm):
    """What a second person would have decided: ``moderation.domain.second_look``."""

    name = "look"
    verb = _verb(
        "What would you have decided?",
        second_look.VERBS,
        {
            Verb.DISMISS: "Dismiss",
            Verb.MONITOR: "Monitor for some time",
            Verb.ESCALATE: "Escalate to a supervisor",
        },
        "Choose what you would have decided.",
    )
    reason = _reason_to_dismiss("Reason, where you would dismiss it")
    note = _note("Why", "No names of children.", "Say why, in a sentence or two.")
