"""The guard in front of every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase

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


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send the browser to the sign-in page and back afterwards, also from within an htmx swap."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(request.get_full_path())
    # htmx would follow a redirect and put the sign-in page into a corner of the page.
    here = request.headers.get("HX-Current-URL", "/")
    path = here.partition("://")[2].partition("/")[2]
    response = HttpResponse(status=204)
    response["HX-Redirect"] = redirect_to_login(f"/{path}").url
    return response
