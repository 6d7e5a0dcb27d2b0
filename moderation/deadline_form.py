"""What an admin enters about deadlines; the service checks it again."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms

from moderation.domain.deadlines import Terms
from moderation.domain.vocabulary import SEVERITY_LABELS, Severity
from moderation.errors import InvalidDecision

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class DaysField(forms.CharField):
    """Dates, one a line, as ``2026-12-25``."""

    widget = forms.Textarea(attrs={"rows": 6})

    def to_python(self, value: Any) -> Any:
        """The dates in order. A line that is none is named in the error."""
        days: set[date] = set()
        for line in str(value or "").splitlines():
            if text := line.strip():
                try:
                    days.add(date.fromisoformat(text))
                except ValueError:
                    raise forms.ValidationError(
                        f"“{text[:40]}” is no date: write it as 2026-12-25."
                    ) from None
        return sorted(days)

    def prepare_value(self, value: Any) -> Any:
        """Dates as lines; what was typed as it was typed."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value


def _hours(severity: Severity) -> forms.FloatField:
    return forms.FloatField(
        label=f"{SEVERITY_LABELS[severity]}: hours until decided",
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        error_messages={"required": "Give a number of hours.", "invalid": "Give a number."},
    )


class DeadlineForm(forms.Form):
    """The terms of waiting: hours by severity, and when the team works."""

    use_required_attribute = False

    critical = _hours(Severity.CRITICAL)
    high = _hours(Severity.HIGH)
    standard = _hours(Severity.STANDARD)
    days = forms.TypedMultipleChoiceField(
        label="Working days",
        choices=list(enumerate(_DAYS)),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose one day of the week at least."},
    )
    start = forms.TimeField(
        label="From",
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        error_messages={"required": "Say when the working day starts."},
    )
    end = forms.TimeField(
        label="Until",
        help_text="Empty: midnight.",
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    zone = forms.ChoiceField(label="Time zone", choices=[])
    holidays = DaysField(
        label="Holidays", help_text="One date a line, as 2026-12-25.", required=False
    )
    note = forms.CharField(
        label="Why",
        help_text="Kept in the audit trail.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why the deadlines change."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(zone, zone) for zone in sorted(available_timezones())]
        self.fields["zone"].choices = zones  # type: ignore[attr-defined]  # a ChoiceField has them

    @staticmethod
    def of(terms: Terms) -> dict[str, Any]:
        """The values that show ``terms``."""
        hours = {s.value: f"{terms.allowed[s].total_seconds() / 3600:g}" for s in Severity}
        working = terms.working
        return hours | {
            "days": sorted(working.days),
            "start": working.start,
            "end": working.end,
            "zone": working.zone,
            "holidays": sorted(working.holidays),
        }

    def said(self) -> dict[str, Any]:
        """What the service wants to be told."""
        values = self.cleaned_data
        return {
            "hours": {severity.value: values[severity.value] for severity in Severity},
            **{name: values[name] for name in ("zone", "days", "start", "end", "holidays", "note")},
        }

    def refuse(self, refusal: InvalidDecision) -> None:
        """Put the service's messages beside the fields that they are about."""
        for field, message in refusal.errors.items():
            self.add_error(field if field in self.fields else None, message)
