"""Logs carry identifiers, never personal data."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
import structlog
from django.test import Client, RequestFactory

from audit.context import current_request_id
from config.logs import NoValuesReporterFilter, logging_config


@pytest.fixture
def lines() -> io.StringIO:
    """What a logger configured as in production writes."""
    written = io.StringIO()
    config = logging_config(level="INFO", style="json")
    formatter = config["formatters"]["structured"]
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=formatter["foreign_pre_chain"], processors=formatter["processors"]
        )
    )
    logger = logging.getLogger("config.tests")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel("INFO")
    return written


def test_personal_values_are_blanked(lines: io.StringIO) -> None:
    structlog.get_logger("config.tests").warning(
        "imported", batch=7, display_name="Robin Example", birth_date="2011-03-04"
    )
    event = json.loads(lines.getvalue())
    assert event["event"] == "imported"
    assert event["batch"] == 7
    assert event["display_name"] == event["birth_date"] == "[redacted]"
    assert event["timestamp"].endswith("Z")


def test_a_traceback_is_one_line_without_values(lines: io.StringIO) -> None:
    name = "Robin Example"
    try:
        raise KeyError(len(name))
    except KeyError:
        logging.getLogger("config.tests").exception("failed")
    assert lines.getvalue().count("\n") == 1
    event = json.loads(lines.getvalue())
    assert "KeyError" in event["exception"]
    assert "Robin Example" not in lines.getvalue()


def test_requests_are_logged_without_their_query(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "django_structlog"):
        client.get("/healthz?name=Robin+Example")
    assert "GET /healthz" in caplog.text
    assert "Robin" not in caplog.text


def test_the_request_id_reaches_the_audit_trail(client: Client) -> None:
    current_request_id.set("")
    client.get("/healthz")
    assert len(current_request_id.get()) == 36


def test_error_reports_hold_no_values() -> None:
    request = RequestFactory().post("/", {"note": "Robin Example"})
    report = NoValuesReporterFilter()
    assert "Robin Example" not in str(report.get_post_parameters(request))
    assert "note" in report.get_post_parameters(request)
