"""Addresses of this floor. Each has an entry in ``accounts.policy``."""

from __future__ import annotations

from django.urls import path

from accounts import views

urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/<int:batch_id>/", views.import_detail, name="import_detail"),
    path("imports/<int:batch_id>/rejects/", views.import_rejects, name="import_rejects"),
]
