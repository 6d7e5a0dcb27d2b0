"""Plain error pages, and problem details for the API. They never repeat what was asked for."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache


def _answer(request: HttpRequest, status: int, title: str, advice: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        problem = {"type": "about:blank", "title": title, "status": status}
        return HttpResponse(
            json.dumps(problem), status=status, content_type="application/problem+json"
        )
    # Without the request: the page holds on when the session or the database does not.
    page = render_to_string("errors/error.html", {"title": title, "advice": advice})
    return HttpResponse(page, status=status)


@never_cache
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request, 400, "The request could not be read", "Go back, check what you sent and try again."
    )


@never_cache
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request,
        403,
        "Your role does not allow this",
        "If you think it should, ask an administrator.",
    )


@never_cache
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request,
        403,
        "The page was too old to be sent",
        "Nothing was changed. Go back, reload the page and send it again.",
    )


@never_cache
def method_not_allowed(request: HttpRequest) -> HttpResponse:
    return _answer(
        request,
        405,
        "This address only takes what a button sends",
        "Nothing was changed. Go back to the page with the button and press it there.",
    )


@never_cache
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request,
        404,
        "There is nothing at this address",
        "It may have been removed, or it may not be yours to see.",
    )


@never_cache
def too_large(request: HttpRequest) -> HttpResponse:
    megabytes = settings.IMPORT_UPLOAD_MAX_BYTES // (1024 * 1024)
    return _answer(
        request,
        413,
        "This is more than can be uploaded here",
        f"The largest file taken is {megabytes:,} MB. Larger ones go in with "
        "`manage.py import_graph`.",
    )


@never_cache
def server_error(request: HttpRequest, *_arguments: Any) -> HttpResponse:
    return _answer(
        request,
        500,
        "Something went wrong on our side",
        "Nothing was half-saved. Try again; if it happens again, tell an administrator the time.",
    )
