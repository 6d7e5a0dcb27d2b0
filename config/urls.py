"""Every address of Sightline, floor by floor."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from config import errors, health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/v1/schema/", SpectacularJSONAPIView.as_view(), name="api_schema"),
    path("", include("staff.urls")),
    path("", include("audit.urls")),
    path("", include("accounts.urls")),
    path("", include("signals.urls")),
    path("", include("moderation.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
