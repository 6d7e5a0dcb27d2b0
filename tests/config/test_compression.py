"""Pages go compressed to browsers that take it; nothing else does."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from staff.models import User
from tests.pages import stories

pytestmark = pytest.mark.django_db


def test_a_long_page_is_sent_compressed_and_is_the_same_page(moderator: User) -> None:
    case = stories.crowd(60)
    browser = Client()
    browser.force_login(moderator)
    address = f"/cases/{case.reference}/"

    plain = browser.get(address)
    packed = browser.get(address, headers={"Accept-Encoding": "gzip, br"})

    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert packed["Cache-Control"] == "no-store"
    assert len(packed.content) < len(plain.content) / 4
    assert "Child A" in gzip.decompress(packed.content).decode()


def test_what_is_no_page_is_left_as_it_is(auditor: User) -> None:
    browser = Client()
    browser.force_login(auditor)
    answer = browser.get("/audit/public-key.pem", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer
