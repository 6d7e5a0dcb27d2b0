"""Celery's settings. Without `CELERY_BROKER_URL` messages are files under `SIGHTLINE_HOME`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from kombu import Queue

accept_content = ["json"]
task_serializer = "json"
task_ignore_result = True
timezone = "UTC"
enable_utc = True

# The database holds the truth and sweeps queue again what a dead worker dropped; a task that
# was taken counts as done only when it ended.
task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1
worker_max_tasks_per_child = 200
# Seconds. Tasks that take longer say so themselves.
task_soft_time_limit = 15 * 60
task_time_limit = 20 * 60
task_default_queue = "sightline"
# A worker takes both, unless it is told otherwise (`-Q prompt`): what is prompt need not wait for
# a run that keeps every process of the other worker busy.
task_queues = [Queue("sightline"), Queue("prompt", routing_key="prompt")]
worker_hijack_root_logger = False
worker_enable_remote_control = False
worker_send_task_events = False
broker_connection_retry_on_startup = True

broker_transport_options: dict[str, Any]

if settings.CELERY_BROKER_URL:
    broker_url = settings.CELERY_BROKER_URL
    # Seconds. Redis hands a task out again after this time, so it exceeds the longest task.
    broker_transport_options = {"visibility_timeout": 12 * 60 * 60}
else:
    _folder = settings.SIGHTLINE_HOME / "queue"
    for _part in ("messages", "control", "taken"):
        (_folder / _part).mkdir(parents=True, exist_ok=True)
    broker_url = "filesystem://localhost"
    broker_transport = "config.filesystem_queue:Transport"
    broker_transport_options = {
        "data_folder_in": str(_folder / "messages"),
        "data_folder_out": str(_folder / "messages"),
        "control_folder": str(_folder / "control"),
        "processed_folder": str(_folder / "taken"),
        # Seconds. The default of 1 lets about six tasks a second through.
        "polling_interval": 0.05,
    }
