"""The page of API keys."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from staff import services
from staff.capabilities import Capability
from staff.errors import InvalidInput, Refused
from staff.forms import AddKeyForm
from staff.models import ApiKey
from staff.selectors import all_keys
from staff.views.guard import actor_of, require
from staff.views.outcome import show_errors

manages_keys = require(Capability.MANAGE_KEYS)


@require_safe
@manages_keys
def keys(request: HttpRequest) -> HttpResponseBase:
    return render(request, "staff/keys.html", {"keys": all_keys()})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@manages_keys
def add(request: HttpRequest) -> HttpResponseBase:
    """Make a key. The answer to the form shows it, once: it is kept nowhere."""
    form = AddKeyForm(request.POST or None)
    if form.is_valid():
        try:
            new = services.create_api_key(actor=actor_of(request), **form.cleaned_data)
        except InvalidInput as refusal:
            show_errors(form, refusal)
        except Refused as refusal:
            form.add_error("name", refusal.message)
        else:
            return render(request, "staff/key_made.html", {"new": new})
    return render(request, "staff/key_add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@manages_keys
def revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Asks first: whatever uses the key stops at once, and the key cannot be brought back."""
    if request.method != "POST":
        key = get_object_or_404(ApiKey, pk=pk, revoked_at=None)
        return render(request, "staff/key_revoke.html", {"key": key})
    try:
        key = services.revoke_api_key(actor=actor_of(request), key_id=pk)
    except ApiKey.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"The key {key.name} no longer opens anything.")
    return HttpResponseRedirect(reverse("keys"))
