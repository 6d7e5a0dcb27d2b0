"""Ticking cases in the queue, reviewing each, and following the job."""

from __future__ import annotations

import pytest

from moderation.models import BulkJob
from moderation.services import bulk_decisions
from staff.models import User
from tests.moderation import factories
from tests.pages.conftest import Seen, SignedIn

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def test_tick_review_decide_and_follow(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case, held = factories.case(), factories.held(moderator2)
    browser = signed_in(moderator)
    assert f'name="case" value="{case.pk}" form="bulk"' in browser.get("/queue/").content.decode()

    response = browser.get("/queue/bulk/", {"case": [case.pk, held.pk]})
    page, content = Seen(response), response.content.decode()
    assert "1 of them would be decided" in page.text
    assert "Left alone. Max Okafor holds it." in page.text
    assert f'value="{case.pk}:{case.version}"' in content
    assert f'value="{held.pk}:' not in content

    data = {"version": f"{case.pk}:{case.version}", "verb": "dismiss"}
    assert browser.post("/queue/bulk/", data).status_code == 422
    data |= {"reason": "family", "note": "One family."}
    sent = browser.post("/queue/bulk/", data)
    job = BulkJob.objects.get()
    assert sent["Location"] == f"/queue/bulk/{job.pk}/"
    waiting = browser.get(sent["Location"])
    assert "1 of 1 still wait" in Seen(waiting).text
    assert 'hx-trigger="poll"' in waiting.content.decode()
    bulk_decisions.run(job.pk)
    part = browser.get(sent["Location"], headers=HTMX)
    assert "All have had their turn. 1 is dismissed, 0 were left alone." in Seen(part).text
    assert "<html" not in part.content.decode()


def test_what_was_left_alone_is_listed_with_the_reason(
    moderator: User, moderator2: User, signed_in: SignedIn
) -> None:
    case = factories.case()
    browser = signed_in(moderator)
    data = {"version": f"{case.pk}:7", "verb": "dismiss", "reason": "family", "note": "x"}
    url = browser.post("/queue/bulk/", data)["Location"]
    bulk_decisions.run(BulkJob.objects.get().pk)
    page = Seen(browser.get(url))
    assert f"{case.reference} : {case.reference} has changed since you opened it" in page.text
    assert signed_in(moderator2).get(url).status_code == 404


def test_nothing_ticked_leads_back_to_the_queue(moderator: User, signed_in: SignedIn) -> None:
    browser = signed_in(moderator)
    for query in ("", "?case=x", "?case=99999999999999999999", "?case=4"):
        response = browser.get(f"/queue/bulk/{query}")
        assert response["Location"] == "/queue/"
    assert browser.post("/queue/bulk/", {"version": "1:x"})["Location"] == "/queue/"
