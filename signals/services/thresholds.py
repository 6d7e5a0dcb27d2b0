"""Threshold versions: proposed by one admin, approved by another, never edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from signals.errors import InvalidThresholds, ThresholdsRefused
from signals.models import Run, ThresholdSet
from signals.services.defaults import active_thresholds, one_at_a_time, target
from signals.services.runs import start_run
from signals.spec import SpecError, ThresholdSpec
from signals.wording import changes
from staff.capabilities import Capability
from staff.models import User


@transaction.atomic
def propose_thresholds(*, actor: Actor, spec: Mapping[str, Any], note: str) -> ThresholdSet:
    """Store ``spec`` (as ``ThresholdSpec.to_dict`` gives it) as a draft for another admin.

    ``note`` says why, for the colleague and the trail. Raises InvalidThresholds with an error for
    each field (``note`` among them), ThresholdsRefused when nothing differs from the version in
    force, NotAllowed.
    """
    author = _person(actor, Capability.EDIT_THRESHOLDS)
    errors = {} if note.strip() else {"note": "Say why, for the admin who approves."}
    try:
        wanted = ThresholdSpec.from_dict(spec)
    except SpecError as error:
        raise InvalidThresholds({**error.errors, **errors}) from None
    if errors:
        raise InvalidThresholds(errors)
    one_at_a_time()
    active = active_thresholds()
    differing = changes(ThresholdSpec.from_dict(active.spec), wanted)
    if not differing:
        raise ThresholdsRefused(f"Nothing differs from version {active.version}, which is active.")
    last = ThresholdSet.objects.order_by("-version").values_list("version", flat=True)[0]
    draft = ThresholdSet.objects.create(
        version=last + 1,
        spec=wanted.to_dict(),
        note=note.strip(),
        created_by=author,
        based_on=active,
    )
    record(
        actor=actor,
        verb="thresholds.propose",
        target=target(draft),
        before={"version": active.version} | {x.field: x.before for x in differing},
        after={"version": draft.version} | {x.field: x.after for x in differing},
        reason=draft.note,
    )
    return draft


@transaction.atomic
def approve_thresholds(*, actor: Actor, version: int) -> ThresholdSet:
    """Put the draft ``version`` in force, retire the one before and queue a run under it.

    Raises ThresholdsRefused for one's own draft, a version that is no draft, and a draft that was
    written against a version which is no longer in force; NotAllowed;
    ThresholdSet.DoesNotExist.
    """
    approver = _person(actor, Capability.APPROVE_THRESHOLDS)
    one_at_a_time()
    draft = _draft(version)
    if draft.created_by_id == approver.pk:
        raise ThresholdsRefused(
            f"You proposed version {version} yourself: another admin must approve it."
        )
    active = active_thresholds()
    if draft.based_on_id != active.version:
        raise ThresholdsRefused(
            f"Version {version} was written against version {draft.based_on_id}, but version "
            f"{active.version} is active by now: withdraw it and propose the change again."
        )
    differing = changes(ThresholdSpec.from_dict(active.spec), ThresholdSpec.from_dict(draft.spec))
    active.state = ThresholdSet.State.RETIRED
    active.save(update_fields=["state"])
    draft.state = ThresholdSet.State.ACTIVE
    draft.approved_by = approver
    draft.activated_at = timezone.now()
    draft.save(update_fields=["state", "approved_by", "activated_at"])
    start_run(actor=actor, trigger=Run.Trigger.THRESHOLDS)
    record(
        actor=actor,
        verb="thresholds.approve",
        target=target(draft),
        before={"version": active.version} | {x.field: x.before for x in differing},
        after={"version": draft.version} | {x.field: x.after for x in differing},
    )
    return draft


@transaction.atomic
def withdraw_thresholds(*, actor: Actor, version: int, reason: str = "") -> ThresholdSet:
    """Give up the draft ``version``: its author may, and any other admin.

    Raises ThresholdsRefused for a version that is no draft; NotAllowed; ThresholdSet.DoesNotExist.
    """
    person = _person(actor, Capability.EDIT_THRESHOLDS)
    one_at_a_time()
    draft = _draft(version)
    draft.state = ThresholdSet.State.WITHDRAWN
    draft.withdrawn_by = person
    draft.withdrawn_at = timezone.now()
    draft.save(update_fields=["state", "withdrawn_by", "withdrawn_at"])
    record(
        actor=actor,
        verb="thresholds.withdraw",
        target=target(draft),
        before={"state": ThresholdSet.State.DRAFT.value},
        after={"state": ThresholdSet.State.WITHDRAWN.value},
        reason=reason.strip(),
    )
    return draft


def _person(actor: Actor, capability: Capability) -> User:
    actor.require(capability)
    if actor.user is None:
        raise ThresholdsRefused(
            "Thresholds are changed by a person with a name, never by a system."
        )
    return actor.user


def _draft(version: int) -> ThresholdSet:
    found = ThresholdSet.objects.select_for_update().get(version=version)
    if found.state != ThresholdSet.State.DRAFT:
        raise ThresholdsRefused(f"Version {version} is {found.get_state_display()} already.")
    return found
