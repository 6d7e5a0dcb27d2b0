"""Structured logs, one JSON object a line, without personal data.

Names and birth dates never belong in a log. Events carry identifiers; values under a key that a
model declares as personal are blanked all the same, so that a slip does no harm.
"""

from __future__ import annotations

import logging.config
import sys
from collections.abc import ItemsView
from functools import cache
from typing import Any

import structlog
from django.apps import apps
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter
from django_structlog.middlewares import RequestMiddleware
from structlog.typing import EventDict, WrappedLogger

from audit.context import current_request_id

# Besides what the models declare themselves.
PERSONAL_KEYS = frozenset(
    {
        "age_band",
        "body",
        "community",
        "email",
        "name",
        "note",
        "password",
        "token",
    }
)


class RequestLogMiddleware(RequestMiddleware):
    """django-structlog's request log with paths only: a query string may hold a searched name.

    Hands the request's id on to the audit trail.
    """

    def prepare(self, request: HttpRequest) -> None:
        super().prepare(request)
        current_request_id.set(structlog.contextvars.get_contextvars()["request_id"])

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


class NoValuesReporterFilter(SafeExceptionReporterFilter):
    """Error reports without the values of variables, form fields and settings."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: Any
    ) -> ItemsView[str, Any]:
        return dict.fromkeys(tb_frame.f_locals, self.cleansed_substitute).items()


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank the values of personal keys."""
    keys = PERSONAL_KEYS | _declared_keys() if apps.models_ready else PERSONAL_KEYS
    for key in keys & event.keys():
        event[key] = "[redacted]"
    return event


@cache
def _declared_keys() -> frozenset[str]:
    """The fields that the modules of models list as `PERSONAL_DATA`."""
    modules = {sys.modules[model.__module__] for model in apps.get_models()}
    return frozenset(key for module in modules for key in getattr(module, "PERSONAL_DATA", ()))


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    redact,
]


def logging_config(*, level: str, style: str) -> dict[str, Any]:
    """The `logging` configuration. `style` is `json` (a line an event) or `text` (for a person)."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    exceptions = [structlog.processors.format_exc_info] if style == "json" else []
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *exceptions,
                    renderer,
                ],
            }
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured"},
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            name: {"level": level}
            for name in (
                "accounts",
                "audit",
                "config",
                "django_structlog",
                "moderation",
                "signals",
                "staff",
            )
        },
    }


def configure(config: dict[str, Any]) -> None:
    """Set up `logging` and structlog together; Django calls it through `LOGGING_CONFIG`."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
