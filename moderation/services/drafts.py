"""Keeping what people write before they decide, so that no lapsed hold and no crash loses it.

The only writing without an audit entry: an unfinished sentence changes nothing about a case, is
shown to nobody but its author, and comes every second or so. So these are no part of ``SERVICES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from moderation.domain import drafts as rules
from moderation.domain.transitions import State
from moderation.errors import InvalidDecision
from moderation.models import Draft
from moderation.services.moves import background, lock, person
from staff.capabilities import Capability

KEPT_FOR = timedelta(days=30)


def keep(*, actor: Actor, case_id: int, form: str, given: Mapping[str, str]) -> Draft | None:
    """Keep what ``given`` holds of the fields of ``form``, in place of what was kept before.

    Returns None, and keeps nothing, where the fields are empty or the decision cannot come about
    any more (see ``rules.may_be_kept``). Raises NotAllowed, InvalidDecision or Case.DoesNotExist.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    if form not in rules.FIELDS:
        raise InvalidDecision({"form": "There is no such form."})
    words = rules.words(form, given)
    too_long = {
        name: f"A draft keeps up to {rules.LONGEST:,} characters; this has {len(value):,}."
        for name, value in words.items()
        if len(value) > rules.LONGEST
    }
    unkeepable = {
        name: "Remove the control characters from this text."
        for name, value in words.items()
        if "\x00" in value
    }
    if too_long or unkeepable:
        raise InvalidDecision(too_long | unkeepable)
    with transaction.atomic():
        # Locked: a decision that is being taken ends first, and its drafts stay gone.
        case = lock(case_id)
        if not words or not rules.may_be_kept(form, State(case.state)):
            Draft.objects.filter(case=case, by=user, form=form).delete()
            return None
        draft, _ = Draft.objects.update_or_create(
            case=case,
            by=user,
            form=form,
            defaults={"words": words, "updated_at": timezone.now()},
        )
        return draft


def sweep(*, actor: Actor, now: datetime | None = None) -> int:
    """Remove drafts that nobody has added to for ``KEPT_FOR``; how many there were.

    Only Sightline itself does this. Raises NotAllowed.
    """
    background(actor)
    oldest = (now or timezone.now()) - KEPT_FOR
    removed, _ = Draft.objects.filter(updated_at__lt=oldest).delete()
    return removed
