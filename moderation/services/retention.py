"""The sweep that removes personal data when its time is over."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from audit.actors import Actor
from moderation.services import mishaps
from moderation.services.erasure import cases_due, erase_case
from staff.capabilities import Capability


def due() -> Iterator[tuple[str, str]]:
    """Reference and state of every case that the sweep would empty now, oldest first."""
    return cases_due(timezone.now()).values_list("reference", "state").iterator()


def sweep(*, actor: Actor) -> int:
    """Empty every case whose retention is over, each in its own transaction; how many those were.

    A case that fails is left for the next sweep and named in the log. Raises NotAllowed.
    """
    actor.require(Capability.ERASE_DATA)
    emptied = 0
    for case_id in list(cases_due(timezone.now()).values_list("pk", flat=True)):
        try:
            emptied += erase_case(actor=actor, case_id=case_id)
        except Exception as error:  # noqa: BLE001 - the others are emptied all the same
            mishaps.note(f"Emptying case {case_id}", error)
    return emptied
