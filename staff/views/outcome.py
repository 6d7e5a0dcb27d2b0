"""Turning what a service says into what a page shows."""

from __future__ import annotations

from django import forms

from staff.errors import InvalidInput


def show_errors(form: forms.Form, refusal: InvalidInput) -> None:
    """Put the service's sentences beside the fields that they are about."""
    for name, sentence in refusal.errors.items():
        form.add_error(name if name in form.fields else None, sentence)
