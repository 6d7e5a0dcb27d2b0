"""Off to the organisation's own sign-in service, and back."""

from __future__ import annotations

from functools import wraps
from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from staff import single_sign_on
from staff.confirmation import is_confirmed, ways
from staff.views.guard import View, signed_in


@never_cache
@require_safe
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """To the service; whoever comes back from it is signed in."""
    return _off(request, AuthProcess.LOGIN)


@never_cache
@require_safe
@signed_in
def confirm(request: HttpRequest) -> HttpResponseBase:
    """To the service once more, to sign in afresh there; back to the page that asked for it."""
    single_sign_on.note_asked(request)
    return _off(request, AuthProcess.REDIRECT, prompt="login", max_age="0")


def confirmed_first(view: View[Any]) -> View[Any]:
    """Let nobody add a second factor on the strength of an open session alone.

    allauth asks for the password or for another factor first. Somebody who has neither signs in
    afresh at the service.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponseBase:
        open_ways = ways(request)
        if open_ways.only_single_sign_on and not is_confirmed(request):
            return HttpResponseRedirect(f"{open_ways.single_sign_on}?next={request.path}")
        return view(request, *args, **kwargs)

    return guarded


def _off(request: HttpRequest, process: str, **asked: str) -> HttpResponseBase:
    provider = get_adapter(request).get_provider(request, single_sign_on.PROVIDER)
    try:
        response: HttpResponse = provider.redirect(
            request, process, next_url=get_next_redirect_url(request) or "/", auth_params=asked
        )
    except ImmediateHttpResponse as refused:
        answer: HttpResponse = refused.response
        return answer
    except RequestException:
        messages.error(request, single_sign_on.FAILED)
        home = "home" if request.user.is_authenticated else "account_login"
        return HttpResponseRedirect(reverse(home))
    return response
