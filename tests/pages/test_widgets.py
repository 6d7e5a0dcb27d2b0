"""Radio buttons that are written once look as Django writes them, each time."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms

from moderation.widgets import Radios

CHOICES = [("a", "First & last"), ("b", "Second")]


@pytest.mark.parametrize("value", ["a", "b", "", None, "<c>"])
@pytest.mark.parametrize("attrs", [{}, {"id": "x", "aria-invalid": "true"}, {"disabled": True}])
def test_they_are_those_of_django(value: str | None, attrs: dict[str, Any]) -> None:
    expected = forms.RadioSelect(choices=CHOICES).render("verb", value, attrs)
    for _ in range(2):
        assert Radios(choices=CHOICES).render("verb", value, attrs) == expected


def test_other_choices_are_written_anew() -> None:
    widget = Radios(choices=CHOICES)
    assert "Second" in widget.render("verb", "a", {"id": "x"})
    widget.choices = [("a", "Third")]
    again = widget.render("verb", "a", {"id": "x"})
    assert "Third" in again
    assert "Second" not in again
