"""Whether the process lives, whether it can work, and its figures for Prometheus."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from config.celery import app as celery

logger = structlog.get_logger(__name__)


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when database, migrations, cache and broker are fit for work, else 503 saying which not.

    Reasons go to the log: the answer is open to anybody.
    """
    checks = {
        "database": _database,
        "migrations": _migrations,
        "cache": _cache,
        "broker": _broker,
    }
    states: dict[str, str] = {}
    for name, check in checks.items():
        try:
            states[name] = "ok" if check() else "failing"
        except (DatabaseError, KombuError, OSError) as error:
            logger.warning("not_ready", part=name, error=type(error).__name__)
            states[name] = "failing"
    ready = set(states.values()) == {"ok"}
    return JsonResponse({"ready": ready, **states}, status=200 if ready else 503)


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _cache() -> bool:
    cache.set("readyz", "ok", timeout=10)
    return bool(cache.get("readyz") == "ok")


def _broker() -> bool:
    with celery.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=3)
    return True


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for a loopback address or with `Authorization: Bearer` and the token."""
    if not (_from_loopback(request) or _has_token(request)):
        return HttpResponse("Not found\n", status=404, content_type="text/plain")
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _from_loopback(request: HttpRequest) -> bool:
    # Behind a proxy every request comes from loopback, so only the token counts there.
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(
        given.encode(), settings.METRICS_TOKEN.encode()
    )
