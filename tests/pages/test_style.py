"""The style page shows every component, so whoever adds one is led to show it there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from staff.models import User
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db

CSS = Path(settings.BASE_DIR) / "static" / "css"
SHARED = ("components", "forms", "content", "data", "utilities")
"""The files of components that any page may use; what one page alone uses is seen on it."""

ELSEWHERE = {
    "js",  # of the whole document
    "page",
    "not",
    "skip-link",  # once on every page
    "account-menu",
    "help",
    "topbar",
    "nav",
    "brand",
    "page-actions",
    "page-foot",
    "only-print",
    "flush",
    "messages",
    "step",
    "net-node",
    "tl-bar",
    "case__why",
}
"""Names in these files that are no component, or stand on every page anyway."""


def _classes(sheet: str) -> set[str]:
    text = re.sub(r"/\*.*?\*/", "", (CSS / f"{sheet}.css").read_text("utf-8"), flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", text)
    return {name for one in selectors for name in re.findall(r"\.([a-z][\w-]*)", one)}


def _shown(page: str) -> set[str]:
    return {name for found in re.findall(r'class="([^"]*)"', page) for name in found.split()}


def test_every_component_is_shown(moderator: User, signed_in: SignedIn) -> None:
    page = signed_in(moderator).get(reverse("style")).content.decode()
    styled = set().union(*map(_classes, SHARED)) - ELSEWHERE

    assert len(styled) > 60
    assert not sorted(styled - _shown(page)), "show these on the style page"


def test_every_colour_and_step_is_shown(moderator: User, signed_in: SignedIn) -> None:
    page = signed_in(moderator).get(reverse("style")).content.decode()
    shown, kept = _shown(page), _classes("style")
    tokens = (CSS / "tokens.css").read_text("utf-8")
    named = set(re.findall(r"var\(--([\w-]+)\);", (CSS / "style.css").read_text("utf-8")))

    used = {name for name in kept if re.match(r"(swatch|step-shown|size-shown)--", name)}
    assert len(used) > 30
    assert used <= shown
    assert all(f"--{name}:" in tokens for name in named - {"shown"})


@pytest.mark.parametrize("role", ["moderator", "supervisor", "admin", "auditor"])
def test_everybody_who_works_here_may_look(
    role: str, signed_in: SignedIn, request: pytest.FixtureRequest
) -> None:
    client = signed_in(request.getfixturevalue(role))
    assert client.get(reverse("style")).status_code == 200
    assert client.post(reverse("style")).headers["Location"] == reverse("style")


def test_nobody_else_may(client: Client) -> None:
    assert client.get(reverse("style")).status_code == 302
