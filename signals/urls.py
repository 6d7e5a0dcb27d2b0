"""Addresses of this floor. Each has an entry in ``signals.policy``."""

from __future__ import annotations

from django.urls import path

from signals.views import runs, thresholds

urlpatterns = [
    path("runs/", runs.runs, name="runs"),
    path("runs/start/", runs.start, name="run_start"),
    path("runs/<int:run_id>/", runs.run_detail, name="run_detail"),
    path("runs/<int:run_id>/cancel/", runs.cancel, name="run_cancel"),
    path("thresholds/", thresholds.thresholds, name="thresholds"),
    path("thresholds/propose/", thresholds.propose, name="threshold_propose"),
    path("thresholds/<int:version>/", thresholds.version, name="threshold_version"),
    path("thresholds/<int:version>/approve/", thresholds.approve, name="threshold_approve"),
    path("thresholds/<int:version>/withdraw/", thresholds.withdraw, name="threshold_withdraw"),
]
