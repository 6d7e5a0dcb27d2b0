"""Addresses of this floor. Each has an entry in ``accounts.policy``."""

from __future__ import annotations

from django.urls import path

from accounts import api, views

urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/<int:batch_id>/", views.import_detail, name="import_detail"),
    path("api/v1/accounts", api.AccountRows.as_view(), name="api_accounts"),
    path("api/v1/ties", api.TieRows.as_view(), name="api_ties"),
    path("api/v1/events", api.EventRows.as_view(), name="api_events"),
    path("imports/<int:batch_id>/rejects/", views.import_rejects, name="import_rejects"),
]
