"""Thresholds: the version in force in plain words, proposals, approval by a second admin."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from signals import hooks
from signals.errors import InvalidThresholds
from signals.forms import ThresholdForm, WithdrawForm
from signals.models import ThresholdSet
from signals.sampled import sample_figures, sample_words
from signals.selectors import thresholds as select
from signals.services import (
    active_thresholds,
    approve_thresholds,
    propose_thresholds,
    withdraw_thresholds,
)
from signals.spec import ThresholdSpec
from signals.views.person import actor_of
from signals.wording import describe, odds_text
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import require


@require(Capability.VIEW_THRESHOLDS)
@require_safe
def thresholds(request: HttpRequest) -> HttpResponse:
    """The active version with every value explained, what waits for approval, and the history."""
    active = active_thresholds()
    actor = actor_of(request)
    spec = ThresholdSpec.from_dict(active.spec)
    context = {
        "active": active,
        "sections": describe(spec),
        "odds": odds_text(spec.open_at),
        "proposals": select.proposals(active),
        "versions": select.versions(),
        "sample": _sample(spec),
        "person": actor.user,
        "may_propose": actor.can(Capability.EDIT_THRESHOLDS),
        "may_approve": actor.can(Capability.APPROVE_THRESHOLDS),
    }
    return render(request, "signals/thresholds.html", context)


def _sample(spec: ThresholdSpec) -> str:
    """What the random sample has found so far, as figures; "" where there is and was none."""
    sampled = hooks.sampled()
    return sample_words(sample_figures(sampled)) if sampled or spec.sample_share else ""


@require(Capability.VIEW_THRESHOLDS)
@require_safe
def version(request: HttpRequest, version: int) -> HttpResponse:
    """Any version: who, why, what it changed, and all its values."""
    people = ("created_by", "approved_by", "withdrawn_by", "based_on")
    found = get_object_or_404(ThresholdSet.objects.select_related(*people), version=version)
    active = active_thresholds()
    actor = actor_of(request)
    spec = ThresholdSpec.from_dict(found.spec)
    context = {
        "version": found,
        "changes": select.changes_of(found),
        "sections": describe(spec),
        "odds": odds_text(spec.open_at),
        "is_outdated": found.state == "draft" and found.based_on_id != active.version,
        "active": active,
        "is_own": found.created_by_id == (actor.user.pk if actor.user else None),
        "may_propose": actor.can(Capability.EDIT_THRESHOLDS),
        "may_approve": actor.can(Capability.APPROVE_THRESHOLDS),
    }
    return render(request, "signals/threshold_version.html", context)


@require(Capability.EDIT_THRESHOLDS)
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """A form with every value of the active version; what it stores waits for another admin."""
    active = active_thresholds()
    base = ThresholdSpec.from_dict(active.spec)
    form = ThresholdForm(request.POST or None, base=base)
    if request.method == "POST" and form.is_valid():
        try:
            draft = propose_thresholds(
                actor=actor_of(request), spec=form.spec(), note=form.cleaned_data["note"]
            )
        except InvalidThresholds as refusal:
            form.take_errors(refusal.errors)
        except Refused as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(
                request, f"Version {draft.version} is proposed. Another admin has to approve it."
            )
            return redirect("threshold_version", version=draft.version)
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "active": active}
    return render(request, "signals/threshold_propose.html", context, status=status)


@require(Capability.APPROVE_THRESHOLDS)
@require_POST
def approve(request: HttpRequest, version: int) -> HttpResponse:
    """Put a colleague's proposal in force."""
    try:
        approve_thresholds(actor=actor_of(request), version=version)
    except ThresholdSet.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("threshold_version", version=version)
    messages.success(request, f"Version {version} is active. A run under it is queued.")
    return redirect("thresholds")


@require(Capability.EDIT_THRESHOLDS)
@require_POST
def withdraw(request: HttpRequest, version: int) -> HttpResponse:
    """Give a proposal up."""
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Shorten the reason to 2,000 ordinary characters.")
        return redirect("threshold_version", version=version)
    try:
        withdraw_thresholds(actor=actor_of(request), version=version, **form.cleaned_data)
    except ThresholdSet.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"Version {version} is withdrawn.")
    return redirect("threshold_version", version=version)
