"""The search form of the audit page."""

from __future__ import annotations

from typing import Any

from django import forms

from audit import verbs
from audit.selectors import Filters


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"})
    )


class SearchForm(forms.Form):
    person = forms.CharField(
        label="Who",
        required=False,
        max_length=254,
        strip=True,
        widget=forms.TextInput(attrs={"placeholder": "Name or e-mail"}),
    )
    target = forms.CharField(
        label="About",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "Case or staff:12"}),
    )
    verb = forms.ChoiceField(label="What", required=False)
    since = _day("From")
    until = _day("To")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (verb, phrase[:1].upper() + phrase[1:]) for verb, phrase in verbs.known().items()
        ]
        verb = self.fields["verb"]
        assert isinstance(verb, forms.ChoiceField)  # noqa: S101 - declared above
        verb.choices = [("", "Anything"), *sorted(choices, key=lambda choice: choice[1])]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "The last day comes before the first.")
        return cleaned

    def filters(self) -> Filters:
        """What was asked for. Only of a valid form."""
        return Filters(**{name: value for name, value in self.cleaned_data.items() if value})
