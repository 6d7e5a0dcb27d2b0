"""Radio buttons that are written once: a case page has some twenty, and Django writes each anew."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import forms
from django.utils.safestring import SafeString


class Radios(forms.RadioSelect):
    """``RadioSelect`` that remembers what it wrote for the same choices, value and attributes."""

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: Any = None,
    ) -> SafeString:
        """As Django's. ``renderer`` is not asked: the templates are always the project's."""
        given = tuple(self.build_attrs(self.attrs, attrs).items())
        choices = tuple((code, str(label)) for code, label in self.choices)
        return _written(name, "" if value is None else str(value), given, choices)


@lru_cache(maxsize=128)
def _written(
    name: str,
    value: str,
    attrs: tuple[tuple[str, Any], ...],
    choices: tuple[tuple[str, str], ...],
) -> SafeString:
    return forms.RadioSelect(choices=choices).render(name, value, dict(attrs))
