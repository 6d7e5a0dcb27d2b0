"""The form on which an admin writes a new threshold version: one field for each value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms

from signals.spec import ThresholdSpec
from signals.wording import Item, Section, describe, value_text

NOTE = "note"


@dataclass(frozen=True)
class FormSection:
    """Fields under one heading. ``is_open``: shown unfolded, as something in it needs attention."""

    section: Section
    fields: list[forms.BoundField]
    is_open: bool


class ThresholdForm(forms.Form):
    """Every value of a threshold set, generated from it, and a note that says why it changes."""

    note = forms.CharField(
        label="Why this change",
        help_text="For the admin who approves it, and for the audit trail. No personal data.",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        error_messages={"required": "Say why, for the admin who approves."},
    )

    def __init__(self, *args: Any, base: ThresholdSpec, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = describe(base)
        for section in self._sections:
            for item in section.items:
                self.fields[item.field] = _field(item)
                self.initial.setdefault(item.field, _shown(item))
        self.order_fields([*(name for name in self.fields if name != NOTE), NOTE])

    def sections(self) -> list[FormSection]:
        """All fields but the note, section by section."""
        groups = []
        for number, section in enumerate(self._sections):
            bound = [self[item.field] for item in section.items]
            needs_attention = any(field.errors for field in bound)
            groups.append(FormSection(section, bound, number == 0 or needs_attention))
        return groups

    def spec(self) -> dict[str, Any]:
        """What the service takes. Call it on a valid form."""
        values: dict[str, Any] = {}
        for section in self._sections:
            for item in section.items:
                *path, last = item.field.split(".")
                place = values
                for step in path:
                    place = place.setdefault(step, {})
                place[last] = self.cleaned_data[item.field]
        return values

    def take_errors(self, errors: dict[str, str]) -> None:
        """Put the service's errors beside the fields that they are about."""
        for name, what in errors.items():
            if name in self.fields:
                said = what if name == NOTE else f"“{self.fields[name].label}” {what}."
                self.add_error(name, said)
            else:
                self.add_error(None, f"{name} {what}.")


class MomentField(forms.CharField):
    """A point in time with its offset; cleans to a time in UTC, or None where it is empty."""

    default_error_messages = {
        "no_moment": "The time needs a date and an offset, such as 2026-10-01T00:00:00Z.",
    }

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):  # no time, or none that a calendar has in UTC
            pass
        raise forms.ValidationError(self.error_messages["no_moment"])


class StartForm(forms.Form):
    """What a run is started with."""

    as_of = MomentField(
        label="As of",
        required=False,
        max_length=40,
        help_text="Ignores everything from this time on. Write it as 2026-10-01T00:00:00Z; left "
        "empty, everything imported counts.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": MomentField.default_error_messages["no_moment"]},
    )
    full = forms.BooleanField(label="Compute even if nothing is new", required=False)


class WithdrawForm(forms.Form):
    """Why a proposal is given up; nobody has to say."""

    reason = forms.CharField(required=False, max_length=2000)


class DaysField(forms.CharField):
    """Whole numbers of days, separated by commas."""

    def clean(self, value: Any) -> list[int]:
        text = super().clean(value)
        try:
            return [int(part) for part in text.split(",")]
        except ValueError:
            raise forms.ValidationError(
                f"“{self.label}” takes whole numbers of days, separated by commas, "
                "such as 90, 365, 1095."
            ) from None


def _field(item: Item) -> forms.Field:
    if isinstance(item.value, bool):
        return forms.BooleanField(label=item.label, help_text=item.help, required=False)
    if isinstance(item.value, list):
        return DaysField(label=item.label, help_text=_help(item), max_length=60)
    kind = forms.IntegerField if item.whole else forms.FloatField
    field: forms.IntegerField = kind(
        label=item.label,
        help_text=_help(item),
        required=not item.optional,
        error_messages={
            "required": f"“{item.label}” needs {_a_number(item)}.",
            "invalid": f"“{item.label}” needs {_a_number(item)}.",
        },
    )
    # A text field that shows digits: number fields change under a scrolling mouse wheel.
    field.widget = forms.TextInput(
        attrs={"inputmode": "numeric" if item.whole else "decimal", "autocomplete": "off"}
    )
    return field


def _a_number(item: Item) -> str:
    return "a whole number" if item.whole else "a number"


def _help(item: Item) -> str:
    bounds = ""
    if item.low is not None and item.high is not None:
        bounds = f"From {value_text(item.low)} to {value_text(item.high)}"
        bounds += f" {item.unit}." if item.unit else "."
    elif item.unit and not item.optional:
        bounds = f"{item.unit[0].upper()}{item.unit[1:]}."
    return " ".join(filter(None, (item.help, bounds)))


def _shown(item: Item) -> Any:
    """A value as its field shows it at first: without thousands separators, which are not taken."""
    if isinstance(item.value, list):
        return ", ".join(str(part) for part in item.value)
    if isinstance(item.value, float):
        return value_text(item.value).replace(",", "")
    return item.value
