"""What supervisors enter about a referral and a police hold; the services check it again."""

from __future__ import annotations

from django import forms

from moderation.domain.referrals import DESTINATION_LABELS, OUTCOME_LABELS, Destination, Outcome
from moderation.forms import CaseForm
from moderation.package.nca import PRIORITIES


def _words(label: str, missing: str, help_text: str = "", *, required: bool = True) -> forms.Field:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": missing},
    )


class SentForm(CaseForm):
    name = "send"
    destination = forms.ChoiceField(
        label="Where to",
        # What the test host has is a rehearsal: nobody acts on it.
        choices=[
            (d.value, DESTINATION_LABELS[d]) for d in Destination if d is not Destination.NCMEC_TEST
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Say where it was sent."},
    )
    receipt = forms.CharField(
        label="Number that the receiver gave",
        max_length=100,
        error_messages={
            "required": "Write the number that the receiver gave.",
            "max_length": "Shorten this to 100 characters.",
        },
    )


class StopForm(CaseForm):
    name = "stop"


class NcaForm(CaseForm):
    name = "nca"
    priority = forms.ChoiceField(
        label="Priority that you chose in the portal",
        choices=PRIORITIES,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the priority that you gave it."},
    )
    receipt = forms.CharField(
        label="Reference that the NCA gave",
        max_length=80,
        error_messages={
            "required": "Write the reference that the NCA gave.",
            "max_length": "Shorten this to 80 characters.",
        },
    )


class AcknowledgeForm(CaseForm):
    name = "acknowledge"
    answer = _words(
        "Their words", "", "As they wrote them, without children's names.", required=False
    )


class RejectForm(CaseForm):
    name = "reject"
    answer = _words("Their reason", "Write the reason that the police gave.")


class OutcomeForm(CaseForm):
    name = "outcome"
    outcome = forms.ChoiceField(
        label="What became of it",
        choices=[(o.value, OUTCOME_LABELS[o]) for o in Outcome],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what became of it."},
    )
    note = _words("How you know", "Say how you know.")


class HoldForm(CaseForm):
    name = "hold"
    reason = _words(
        "Reason",
        "Say who asked for it and why, in a sentence or two.",
        "Who asked for it, and by what reference. No names of children.",
    )
