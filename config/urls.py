"""Every address of Sightline, floor by floor."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import include, path

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
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
