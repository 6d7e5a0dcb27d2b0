"""Refusals that every floor shares."""

from django.core.exceptions import PermissionDenied


class NotAllowed(PermissionDenied):
    """The actor lacks the capability. Django and REST framework both answer it with 403."""


class Refused(Exception):
    """A clear refusal by a rule of the domain. ``message`` is one sentence for the person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(Refused):
    """Fields of a form or command that break a rule. ``errors``: field name to one sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors
