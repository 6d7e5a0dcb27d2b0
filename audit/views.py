"""The audit page: search, verify, export."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from audit import checkpoints, keys, services
from audit.forms import SearchForm
from audit.selectors import Page, page, verdict
from audit.under_way import under_way
from staff.capabilities import Capability
from staff.errors import Refused
from staff.views import actor_of, require

_KINDS: dict[str, tuple[Literal["jsonl", "csv"], str]] = {
    "jsonl": ("jsonl", "application/x-ndjson"),
    "csv": ("csv", "text/csv"),
}


@require_safe
@require(Capability.VIEW_AUDIT)
def audit(request: HttpRequest) -> HttpResponseBase:
    """The trail as the address filters it: a page, or a part of it for htmx."""
    if request.GET.get("part") == "verifying":
        return render(request, "audit/verifying.html", _verdict() | {"asked_again": True})
    form = SearchForm(request.GET)
    found = (
        page(form.filters(), before=_number(request, "before"), after=_number(request, "after"))
        if form.is_valid()
        else Page([], "", "", "")
    )
    context = {
        "form": form,
        "page": found,
        "filtered": bool(form.is_valid() and form.filters().as_dict()),
        "checkpoint": checkpoints.latest(),
        "can_export": actor_of(request).can(Capability.EXPORT_AUDIT),
    } | _verdict()
    part = request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers
    template = "audit/audit.html#entries" if part else "audit/audit.html"
    return render(request, template, context, status=422 if form.errors else 200)


@require_POST
@require(Capability.VIEW_AUDIT)
def verify(request: HttpRequest) -> HttpResponseBase:
    result = services.ask_verification(actor=actor_of(request))
    if result is None:
        messages.info(request, "A worker verifies the trail now; the result will stand here.")
    elif result.ok:
        messages.success(request, f"All {result.entries} entries hold.")
    else:
        where = "" if result.first_bad is None else f"Entry {result.first_bad}: "
        messages.error(request, f"The trail is not whole. {where}{result.problem}")
    return HttpResponseRedirect(reverse("audit"))


@require_POST
@require(Capability.EXPORT_AUDIT)
def export(request: HttpRequest) -> HttpResponseBase:
    """The entries that the search found, as a file. A POST, because it leaves an entry itself."""
    form = SearchForm(request.POST)
    if request.POST.get("format") == "proof" and form.is_valid():
        return _proof(request, form)
    kind = _KINDS.get(request.POST.get("format", ""))
    if kind is None or not form.is_valid():
        raise BadRequest("The search or the format of the export is not valid.")
    name, content_type = kind
    pieces = services.export(actor=actor_of(request), filters=form.filters(), kind=name)
    return StreamingHttpResponse(
        pieces, content_type=f"{content_type}; charset=utf-8", headers=_download(name)
    )


def _verdict() -> dict[str, Any]:
    """What the last verification found, and how far one is that goes on."""
    return {"verdict": verdict(), "under_way": under_way()}


def _proof(request: HttpRequest, form: SearchForm) -> HttpResponseBase:
    """The entries as one file that anybody checks with the public key alone."""
    try:
        text = checkpoints.export_proof(actor=actor_of(request), filters=form.filters())
    except (Refused, checkpoints.BrokenTrail) as refused:
        messages.error(request, str(refused))
        query = urlencode(form.filters().as_dict())
        return HttpResponseRedirect(f"{reverse('audit')}?{query}")
    return HttpResponse(text, content_type="application/json", headers=_download("proof.json"))


def _download(ending: str) -> dict[str, str]:
    stamp = timezone.now().strftime("%Y%m%d-%H%M%S")
    return {"Content-Disposition": f'attachment; filename="audit-{stamp}.{ending}"'}


@require_safe
@require(Capability.VIEW_AUDIT)
def public_key(_request: HttpRequest) -> HttpResponseBase:
    """The key with which anybody can verify an export."""
    try:
        pem = keys.public_pem(keys.public_key())
    except keys.NoKey as missing:
        return HttpResponse(str(missing), status=404, content_type="text/plain; charset=utf-8")
    return HttpResponse(
        pem,
        content_type="application/x-pem-file",
        headers={"Content-Disposition": 'attachment; filename="audit-public-key.pem"'},
    )


@require_safe
@require(Capability.VIEW_AUDIT)
def checkpoint(request: HttpRequest) -> HttpResponseBase:
    """The newest signed checkpoint as text, to be kept outside this system."""
    newest = checkpoints.latest()
    if newest is None:
        messages.info(request, "No checkpoint has been signed yet: a worker does it every hour.")
        return HttpResponseRedirect(reverse("audit"))
    return HttpResponse(
        newest.note,
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="audit-checkpoint-{newest.size}.txt"'
        },
    )


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
