"""The registry of verbs: what an audit entry may say happened, and how pages word it."""

from __future__ import annotations

import re

_PATTERN = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
_phrases: dict[str, str] = {}

OWN = {
    "audit.ask_verification": "asked for the audit trail to be verified",
    "audit.verify": "verified the audit trail",
    "audit.export": "exported audit entries",
    "personal.read": "looked at personal data",
    "audit.checkpoint": "signed a checkpoint of the audit trail",
    "audit.offer_key": "named the audit trail's next signing key",
}
"""Verbs of the trail itself."""


class UnknownVerb(ValueError):
    """An entry was to be written with a verb that no app registered."""


def register(verb: str, phrase: str) -> None:
    """Make ``verb`` known, e.g. ``register("case.claim", "claimed the case")``.

    Each app registers its own in ``AppConfig.ready()``. ``verb`` is ``noun.what``, lower case, up
    to 60 characters; ``phrase`` completes "Sam Field …". Registering the same pair twice is
    harmless; a second wording for one verb raises ValueError.
    """
    if not _PATTERN.fullmatch(verb) or len(verb) > 60:
        raise ValueError(f"{verb!r} is no verb: write it like 'case.claim'.")
    if _phrases.setdefault(verb, phrase) != phrase:
        raise ValueError(f"{verb!r} is already registered as {_phrases[verb]!r}.")


def check(verb: str) -> None:
    """Raise ``UnknownVerb`` unless ``verb`` is registered."""
    if verb not in _phrases:
        raise UnknownVerb(f"{verb!r} is not registered: call audit.verbs.register in ready().")


def phrase(verb: str) -> str:
    """How a page words ``verb``; the verb itself when no app knows it any longer."""
    return _phrases.get(verb, verb)


def known() -> dict[str, str]:
    """All verbs and their wording, sorted by verb."""
    return dict(sorted(_phrases.items()))
