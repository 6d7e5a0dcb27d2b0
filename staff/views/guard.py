"""The guard in front of every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import SplitResult, urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from staff.actors import Actor
from staff.capabilities import Capability
from staff.errors import NotAllowed
from staff.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def require(*capabilities: Capability) -> Callable[[View[P]], View[P]]:
    """Let only signed-in people in who hold one of ``capabilities``.

    Others are sent to the sign-in page (not signed in) or get 403 (no such capability). Inside
    the view ``request.user`` is a ``User``.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User):
                return to_sign_in(request)
            if capabilities and not any(user.can(capability) for capability in capabilities):
                raise NotAllowed(f"{user.role} may not {capabilities[0].replace('_', ' ')}.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def signed_in(view: View[P]) -> View[P]:
    """Let everybody in who is signed in."""
    return require()(view)


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as services want him. Only behind the guard."""
    user = request.user
    if not isinstance(user, User):
        raise NotAllowed("Nobody is signed in.")
    return Actor.of_user(user)


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send the browser to the sign-in page, and back afterwards to the page that is open now."""
    here = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    if _from_htmx(request):
        shown = page_shown(request)
        here = (shown.path or "/") + (f"?{shown.query}" if shown.query else "")
    return redirect(request, redirect_to_login(here).url)


def page_shown(request: HttpRequest) -> SplitResult:
    """The address of the page from which htmx asked for a part; an empty one where it is none."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return urlsplit("")


def redirect(request: HttpRequest, url: str) -> HttpResponseBase:
    """Open another page, also from within an htmx swap.

    htmx would follow a plain redirect and put the page into a corner of the one that is open.
    """
    if _from_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _from_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
