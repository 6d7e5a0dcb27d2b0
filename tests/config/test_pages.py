"""What every answer carries, and the pages that Sightline itself brings."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions

from config import errors
from config.problems import exception_handler
from staff.models import User


def test_alive(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "broker": "ok",
    }


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(
    client: Client, owner_connection: psycopg2.extensions.connection
) -> None:
    with owner_connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations) "
            "RETURNING app, name"
        )
        missing = cursor.fetchone()
        try:
            answer = client.get("/readyz")
        finally:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", missing
            )
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "failing"


@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({}, "192.0.2.7", 404),
        ({"X-Forwarded-For": "192.0.2.7"}, "127.0.0.1", 404),
        ({"Authorization": "Bearer right"}, "192.0.2.7", 200),
        ({"Authorization": "Bearer wrong"}, "192.0.2.7", 404),
    ],
)
def test_metrics_are_for_loopback_or_a_token(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    address: str,
    status: int,
) -> None:
    monkeypatch.setattr(settings, "METRICS_TOKEN", "right")
    answer = client.get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert (b"python_info" in answer.content) is (status == 200)


def test_without_a_token_an_empty_one_opens_nothing(client: Client) -> None:
    assert settings.METRICS_TOKEN == ""
    answer = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 404


@pytest.mark.django_db
def test_headers_of_every_page(client: Client) -> None:
    answer = client.get("/sign-in/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"].startswith(("no-store", "max-age=0"))
    assert "no-store" in answer.headers["Cache-Control"]
    assert "HX-Request" in answer.headers["Vary"]
    assert "geolocation=()" in answer.headers["Permissions-Policy"]


@pytest.mark.django_db
def test_a_page_that_is_not_there(client: Client) -> None:
    answer = client.get("/nothing/?name=Somebody+Known")
    assert answer.status_code == 404
    assert b"There is nothing at this address" in answer.content
    assert b"Somebody" not in answer.content


@pytest.mark.django_db
def test_an_api_address_that_is_not_there(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "There is nothing at this address",
        "status": 404,
    }


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (errors.bad_request, 400),
        (errors.forbidden, 403),
        (errors.csrf_failure, 403),
        (errors.not_found, 404),
        (errors.method_not_allowed, 405),
        (errors.server_error, 500),
    ],
)
def test_error_pages_need_no_database_and_repeat_nothing(
    rf: RequestFactory, view: Callable[[HttpRequest], HttpResponse], status: int
) -> None:
    answer = view(rf.get("/cases/SL-2026-000001/?q=secret"))
    assert answer.status_code == status
    page = answer.content.decode()
    assert page.startswith("<!doctype html>")
    assert "secret" not in page
    assert "<style" not in page
    assert "style=" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/audit/verify/", "/queue/start/"])
def test_an_address_that_only_buttons_use_says_so(
    client: Client, moderator: User, path: str
) -> None:
    """Typed, or reloaded after a sign-out: not a blank page."""
    client.force_login(moderator)
    answer = client.get(path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "no-store" in answer.headers["Cache-Control"]
    assert b"Go back to the page with the button" in answer.content


@pytest.mark.django_db
def test_a_cookie_that_no_database_takes_is_no_session(client: Client) -> None:
    answer = client.get(
        "/queue/", headers={"Cookie": f'{settings.SESSION_COOKIE_NAME}="\\000{32 * "a"}"'}
    )
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/")


@pytest.mark.django_db
@pytest.mark.parametrize("shown", ["http://[", "//[::1", "\xff", "x" * 5000])
def test_a_page_that_htmx_names_wrongly(client: Client, moderator: User, shown: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": shown}
    answer = client.get("/queue/", headers=headers)
    assert answer.headers["HX-Redirect"].startswith("/sign-in/")


def test_a_stale_form_is_explained(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in/", {"login": admin.email, "password": "x"})
    assert answer.status_code == 403
    assert b"Nothing was changed" in answer.content


def test_a_body_larger_than_anything_taken_is_refused_unread(client: Client) -> None:
    limit = settings.IMPORT_UPLOAD_MAX_BYTES
    for length, status in ((limit + 2 * 1024 * 1024, 413), (limit, 405)):
        answer = client.post("/healthz", "x", "text/plain", CONTENT_LENGTH=str(length))
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            exceptions.NotFound(),
            {"type": "about:blank", "title": "Not found", "status": 404, "detail": "Not found."},
        ),
        (
            exceptions.ValidationError({"rows": [{}, {"actor": ["Too long."]}]}),
            {
                "type": "about:blank",
                "title": "The request is not valid",
                "status": 400,
                "errors": [{"field": "rows.1.actor", "message": "Too long."}],
            },
        ),
        (
            exceptions.ValidationError("Empty."),
            {
                "type": "about:blank",
                "title": "The request is not valid",
                "status": 400,
                "errors": [{"field": "", "message": "Empty."}],
            },
        ),
    ],
)
def test_problem_details(error: Exception, expected: dict[str, object]) -> None:
    answer = exception_handler(error, {})
    assert answer is not None
    assert answer.data == expected
    assert answer.content_type == "application/problem+json"


def test_what_is_no_api_error_is_not_hidden() -> None:
    assert exception_handler(KeyError("x"), {}) is None
