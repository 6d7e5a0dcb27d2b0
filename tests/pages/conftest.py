"""Browsers without script: Django's test client, signed in as somebody."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.http import HttpResponseBase
from django.test import Client

from staff.models import User

SignedIn = Callable[[User], Client]


@pytest.fixture
def signed_in() -> SignedIn:
    """A browser of its own for each call."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.actions: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.actions.append(given.get("action") or "")
        if tag == "a":
            self.links.append(given.get("href") or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Seen:
    """What a person sees of an answer: its words, the forms to send and the links to follow."""

    def __init__(self, response: HttpResponseBase) -> None:
        page = _Page()
        page.feed(response.content.decode())  # type: ignore[attr-defined]  # never streamed here
        self.text = " ".join(" ".join(page.words).split())
        self.actions = page.actions
        self.links = page.links


@pytest.fixture
def seen() -> type[Seen]:
    return Seen
