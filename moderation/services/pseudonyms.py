"""Keeping the names by which a case calls the people around its account."""

from __future__ import annotations

from django.db import transaction

from audit.actors import Actor
from audit.services import record
from moderation.domain.transitions import LIVE_STATES
from moderation.models import Case, Pseudonym
from moderation.selectors.surroundings import around_case, kept_names
from moderation.services.moves import background, lock, target
from staff.capabilities import Capability

_AT_ONCE = 200


def keep(*, actor: Actor, case_id: int) -> int:
    """Keep the name of everybody around the case's account who has none yet; how many those were.

    Safe to repeat: names that are kept stay. Raises NotAllowed or Case.DoesNotExist.
    """
    actor.require(Capability.VIEW_CASES)
    with transaction.atomic():
        case = lock(case_id)
        known = kept_names(case_id)
        new = [
            Pseudonym(case=case, account_id=person.key, kind=person.kind, mark=person.mark)
            for person in around_case(case).people.values()
            if person.key not in known
        ]
        if new:
            Pseudonym.objects.bulk_create(new, batch_size=1000)
            told = {"kept": len(new), "in_all": len(known) + len(new)}
            record(actor=actor, verb="case.people", target=target(case), after=told)
        return len(new)


def keep_new(*, actor: Actor) -> int:
    """Keep the names of live cases that have kept none yet; how many cases those were.

    Only Sightline itself does this, every minute, so that opening a case need not wait for it.
    Raises NotAllowed.
    """
    background(actor)
    waiting = (
        Case.objects.filter(state__in=LIVE_STATES, pseudonyms=None)
        .order_by("-priority", "id")
        .values_list("pk", flat=True)
    )
    return sum(keep(actor=actor, case_id=pk) > 0 for pk in list(waiting[:_AT_ONCE]))
