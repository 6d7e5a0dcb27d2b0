"""Asking for an age check from the case page, and recording what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from audit.actors import Actor
from moderation.models import AgeCheck, Delivery
from moderation.services import claims, upkeep
from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db


def test_a_moderator_asks_and_another_records_the_answer(
    moderator: User, moderator2: User, auditor: User, signed_in: SignedIn
) -> None:
    case = factories.held(moderator)
    url = f"/cases/{case.reference}/"
    browser = signed_in(moderator)
    page = Seen(browser.get(url))
    assert f"{url}age-check/" in page.actions
    assert "no address of the platform is set. Ask it yourself." in page.text
    until = timezone.localdate() + timedelta(days=9)
    words = {"version": case.version, "until": until}
    incomplete = browser.post(f"{url}age-check/", words)
    assert incomplete.status_code == 422
    asked = browser.post(f"{url}age-check/", words | {"note": "Ties of a child."}, follow=True)
    page = Seen(asked)
    assert f"{case.reference} waits for an age check until {until:%-d %b %Y}." in page.text
    assert "asked for by Mo Reyes" in page.text
    assert "Waits for an age check" in page.text
    assert f"{url}undo/" in page.actions

    assert signed_in(auditor).post(f"{url}age-check/answer/").status_code == 403
    other = signed_in(moderator2)
    assert f"{url}age-check/answer/" in Seen(other.get(url)).actions
    empty = other.post(f"{url}age-check/answer/", {"note": "They wrote."})
    assert empty.status_code == 422
    assert "Choose what the platform answered." in Seen(empty).text
    done = other.post(
        f"{url}age-check/answer/", {"answer": "minor", "note": "They wrote."}, follow=True
    )
    assert "Age check: Under 18, made sure of. Max Okafor" in Seen(done).text
    assert AgeCheck.objects.get().answer == "minor"


def test_a_later_case_leads_to_the_one_that_asked(
    moderator: User, supervisor: User, signed_in: SignedIn
) -> None:
    asked = factories.asked_for_age(moderator)
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        upkeep.resume_monitored(actor=Actor.system("worker"))
        held = claims.claim(actor=Actor.of_user(moderator), case_id=asked.pk)
        factories.refer(supervisor, factories.escalate(moderator, held))
    later = factories.another_case(asked.account)
    page = Seen(signed_in(moderator).get(f"/cases/{later.reference}/"))
    assert f"It was asked for on {asked.reference}" in page.text
    assert f"/cases/{asked.reference}/" in page.links
    assert f"/cases/{later.reference}/age-check/answer/" not in page.actions
    page = Seen(signed_in(moderator).get(f"/cases/{asked.reference}/"))
    assert f"/cases/{asked.reference}/age-check/answer/" in page.actions


def test_it_is_not_offered_for_a_verified_age(moderator: User, signed_in: SignedIn) -> None:
    case = factories.held(moderator, factories.account(age_source="verified"))
    url = f"/cases/{case.reference}/"
    browser = signed_in(moderator)
    assert f"{url}age-check/" not in Seen(browser.get(url)).actions
    tried = browser.post(
        f"{url}age-check/",
        {"version": case.version, "until": "2099-01-01", "note": "All the same."},
    )
    assert tried.status_code == 409
    assert "verified the recorded age already" in Seen(tried).text


def test_the_outbox_shows_when_the_request_leaves(
    moderator: User, supervisor: User, signed_in: SignedIn, settings: Any
) -> None:
    settings.WEBHOOK_URL = "https://platform.example/sightline"
    case = factories.held(moderator)
    page = Seen(signed_in(moderator).get(f"/cases/{case.reference}/"))
    assert "The platform is asked about it in 10 minutes" in page.text
    waiting = factories.asked_for_age(moderator)
    assert Delivery.objects.get().case == waiting
    page = Seen(signed_in(supervisor).get("/outbox/"))
    assert "The platform, age check" in page.text
    assert "Leaves " in page.text
    assert f"/cases/{waiting.reference}/" in page.links
