"""Headers that every answer carries."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

from config.errors import method_not_allowed, too_large

_FORM_BYTES = 1024 * 1024
"""What a form may hold beside the file that it uploads."""

_PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)


class SecurityHeadersMiddleware:
    """Headers beyond Django's: no browser features, no embedding, no cached pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Pages hold personal data: neither a proxy nor the browser's cache may keep them.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class CompressPagesMiddleware(GZipMiddleware):
    """Compresses pages for browsers that take it: a long case shrinks to a sixth.

    Only pages: files and exports are compressed already, or streamed. Django's middleware adds a
    random number of bytes to each, so that its length tells nothing about what is in it.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


class BodyLimitMiddleware:
    """Refuses a request whose body is larger than anything Sightline takes, before reading it.

    Without a length nothing is read at all: WSGI hands on as much as the header announces.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        announced = request.META.get("CONTENT_LENGTH") or "0"
        limit = settings.IMPORT_UPLOAD_MAX_BYTES + _FORM_BYTES
        if announced.isdigit() and int(announced) > limit:
            return too_large(request)
        return self.get_response(request)


class WrongMethodMiddleware:
    """Says in words that an address is not opened this way: Django's own answer is a blank page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        told = method_not_allowed(request)
        told.headers["Allow"] = response.headers["Allow"]
        return told


class CleanCookiesMiddleware:
    """Drops cookies that hold a NUL, which no database takes; Sightline sets none such."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in [name for name, value in request.COOKIES.items() if "\x00" in value]:
            del request.COOKIES[name]
        return self.get_response(request)


class VaryOnHtmxMiddleware:
    """One address answers with a page or, for htmx, with a part: caches must not mix them up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        return response
