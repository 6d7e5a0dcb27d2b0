"""Signing in as somebody at a browser does."""

from __future__ import annotations

from django.test import Client

from audit.models import Entry
from tests.conftest import PASSWORD

SIGN_IN = "/sign-in/"


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: str) -> int:
    return client.post(SIGN_IN, {"login": email, "password": password, **extra}).status_code


def is_signed_in(client: Client) -> bool:
    return client.get("/preferences/").status_code == 200


def entries(verb: str) -> list[Entry]:
    return list(Entry.objects.filter(verb=verb).order_by("number"))
