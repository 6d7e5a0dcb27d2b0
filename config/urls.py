"""Every address of Sightline, floor by floor."""

from __future__ import annotations

from importlib.util import find_spec

from allauth.account.views import login
from django.urls import include, path
from django.views.generic import RedirectView

from config import errors, health

_floors = [
    path("", include(f"{floor}.urls"))
    for floor in ("staff", "audit", "accounts", "signals", "moderation")
    if find_spec(f"{floor}.urls")
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    *_floors,
    # allauth's own address of the sign-in page leads to ours; declared last, ours is the one
    # that "account_login" names.
    path("sign-in/login/", RedirectView.as_view(url="/sign-in/", query_string=True)),
    path("sign-in/", include("allauth.urls")),
    path("sign-in/", login, name="account_login"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
