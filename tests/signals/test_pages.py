"""Pages about runs and thresholds: who gets in, what they say, that they work without script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from signals.models import Run, ThresholdSet
from signals.policy import urls_policy
from signals.services import active_thresholds, propose_thresholds, start_run
from signals.urls import urlpatterns
from staff.capabilities import Role
from staff.models import User

pytestmark = pytest.mark.django_db

PEOPLE = ("moderator", "supervisor", "admin", "auditor")


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def as_supervisor(client: Client, supervisor: User) -> Client:
    client.force_login(supervisor)
    return client


def queued() -> Run:
    return start_run(actor=Actor.system("command"), trigger="command", full=True)


def complete(**given: Any) -> Run:
    now = timezone.now()
    values = {
        "trigger": "nightly",
        "state": "done",
        "stage": "cases",
        "progress": 1.0,
        "started_at": now,
        "finished_at": now,
        "thresholds": active_thresholds(),
        "contacts": 13838,
        "accounts": 1899,
        "figures": {
            "zero_mutual_at_contact": 11884,
            "zero_mutual_final": 8319,
            "both_sides": {"5": {"contacts": 0, "zero_mutual": 0}},
        },
        "seconds": {"load": 1.25, "contact_facts": 0.5, "indicators": 2.0, "cases": 0.25},
    }
    return Run.objects.create(**(values | given))


def proposed(author: User) -> ThresholdSet:
    return propose_thresholds(
        actor=Actor.of_user(author),
        spec=active_thresholds().spec | {"open_at": 140.0},
        note="Too many cases a day.",
    )


# -- Who gets in -------------------------------------------------------------------------------


def requests_by_name(admin: User) -> Iterator[tuple[str, str, str]]:
    """Every page: its name, the method it takes, an address that exists."""
    run, draft = queued(), proposed(admin)
    for pattern in urlpatterns:
        name = str(pattern.name)
        given = {"run_id": run.pk, "version": draft.version}
        wanted = {key: given[key] for key in pattern.pattern.converters}
        is_change = name in {"run_start", "run_cancel", "threshold_approve", "threshold_withdraw"}
        yield name, "post" if is_change else "get", reverse(name, kwargs=wanted)


@pytest.mark.parametrize("role", [*PEOPLE, "outsider"])
def test_each_role_reaches_what_the_policy_says_and_nothing_else(
    role: str, client: Client, admin2: User, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(role)
    client.force_login(person)
    allowed = 0
    for name, method, url in list(requests_by_name(admin2)):
        response = getattr(client, method)(url)
        if role == "outsider":
            assert response.status_code == 302, name
            assert response["Location"].startswith("/sign-in/"), name
        elif Role(person.role) in urls_policy[name]:
            assert response.status_code in {200, 302}, name
            allowed += 1
        else:
            assert response.status_code == 403, name
    assert allowed == {"admin": 9, "supervisor": 4}.get(role, 0)


def test_nobody_gets_in_without_signing_in(client: Client, admin: User) -> None:
    for name, method, url in list(requests_by_name(admin)):
        response = getattr(client, method)(url)
        assert response.status_code == 302, name
        assert response["Location"].startswith("/sign-in/"), name
    assert ThresholdSet.objects.get(version=2).state == "draft"
    assert Run.objects.get().state == "queued"


def test_changes_are_not_made_by_a_link(as_admin: Client, admin2: User) -> None:
    for _name, method, url in list(requests_by_name(admin2)):
        if method == "post":
            assert as_admin.get(url).status_code == 405
    assert ThresholdSet.objects.get(version=2).state == "draft"


# -- Runs --------------------------------------------------------------------------------------


def test_without_runs_the_page_says_what_makes_one(as_supervisor: Client) -> None:
    page = as_supervisor.get("/runs/").content.decode()
    assert "No runs yet" in page
    assert "Start a run" not in page


def test_a_supervisor_sees_runs_but_no_buttons(as_supervisor: Client) -> None:
    run = queued()
    listed = as_supervisor.get("/runs/").content.decode()
    assert f"Run {run.pk}" in listed
    shown = as_supervisor.get(f"/runs/{run.pk}/").content.decode()
    assert "Waiting for a worker" in shown
    for page in (listed, shown):
        assert "Cancel this run" not in page
        assert "Start a run" not in page


def test_an_admin_starts_and_cancels_a_run(as_admin: Client) -> None:
    response = as_admin.post("/runs/start/", {"full": "on"}, follow=True)
    run = Run.objects.get()
    assert response.redirect_chain == [(f"/runs/{run.pk}/", 302)]
    assert (run.state, run.full, run.trigger) == ("queued", True, "person")
    assert "Cancel this run" in response.content.decode()

    page = as_admin.post(f"/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "This run was cancelled" in page
    assert Run.objects.get().state == "cancelled"
    assert (
        "is cancelled already"
        in as_admin.post(f"/runs/{run.pk}/cancel/", follow=True).content.decode()
    )


@pytest.mark.parametrize(
    "as_of",
    [
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-10-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-10-01T00:00:00\x00",
        "9" * 5000,
    ],
)
def test_a_time_without_an_offset_is_refused(as_admin: Client, as_of: str) -> None:
    answer = as_admin.post("/runs/start/", {"as_of": as_of, "full": "on"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Error: Runs" in page
    assert 'href="#id_as_of"' in page
    assert answer.context["form"]["as_of"].value() == as_of
    assert not Run.objects.exists()


def test_a_run_as_of_a_time(as_admin: Client) -> None:
    as_admin.post("/runs/start/", {"as_of": "2026-10-01T00:00:00Z"})
    assert Run.objects.get().as_of == datetime(2026, 10, 1, tzinfo=UTC)


def test_a_complete_run_shows_what_contacts_are_like(as_supervisor: Client) -> None:
    run = complete()
    page = as_supervisor.get(f"/runs/{run.pk}/").content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Without a friend in common at the contact 11,884 13,838 85.9 %" in text
    assert "on the graph as it is now 8,319 13,838 60.1 %" in text
    assert "where both sides had 5 or more ties 0 0 –" in text
    assert "Reading the graph done 1.25" in text
    assert 'hx-trigger="every' not in page


def test_progress_is_polled_while_it_changes_and_no_longer(as_supervisor: Client) -> None:
    run = Run.objects.create(
        trigger="command", state="running", stage="indicators", progress=0.62,
        started_at=timezone.now(), attempts=1,
    )  # fmt: skip
    url = f"/runs/{run.pk}/"
    page = as_supervisor.get(url).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert "62 %" in page
    assert f'<noscript><p><a href="{url}">Refresh</a>' in page

    part = as_supervisor.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part

    run.state, run.finished_at = "done", timezone.now()
    run.save()
    part = as_supervisor.get(url, headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every' not in part
    assert f'data-announce="Run {run.pk} is complete."' in part


def test_a_failed_run_says_why_and_that_nothing_was_kept(as_supervisor: Client) -> None:
    run = complete(state="failed", error="OSError: No space left on device")
    page = as_supervisor.get(f"/runs/{run.pk}/").content.decode()
    assert "No space left on device" in page
    assert "Nothing that it computed was kept" in page


def test_a_run_that_is_not_there(as_supervisor: Client) -> None:
    assert as_supervisor.get("/runs/9/").status_code == 404


# -- Thresholds --------------------------------------------------------------------------------


def test_the_page_explains_points_and_every_value(as_supervisor: Client) -> None:
    page = as_supervisor.get("/thresholds/").content.decode()
    assert "20 points double the odds" in page
    assert "odds 362 times those of the average account" in page
    assert "Ties that make a contact informative" in page
    assert "Propose a change" not in page


def form_of(client: Client) -> dict[str, Any]:
    """What a browser would send from the untouched form."""
    form = client.get("/thresholds/propose/").context["form"]
    values = {
        field.html_name: field.value() for field in form if field.value() not in (None, False)
    }
    return {name: "on" if value is True else value for name, value in values.items()}


def test_the_untouched_form_is_the_active_version(as_admin: Client) -> None:
    """So whatever differs afterwards is what the person changed."""
    page = as_admin.post("/thresholds/propose/", form_of(as_admin) | {"note": "why"})
    assert page.status_code == 422
    assert "Nothing differs from version 1" in page.content.decode()


def test_a_change_goes_through_four_eyes_on_the_pages(
    as_admin: Client, admin: User, admin2: User
) -> None:
    values = form_of(as_admin) | {
        "open_at": "140",
        "stretches": "90, 365",
        "indicators.burst.minimum": "6",
        "note": "Too many cases a day.",
    }
    del values["indicators.spread.enabled"]
    page = as_admin.post("/thresholds/propose/", values, follow=True)
    assert page.redirect_chain == [("/thresholds/2/", 302)]
    draft = ThresholdSet.objects.get(version=2)
    assert draft.spec["stretches"] == [90, 365]
    assert draft.spec["indicators"]["spread"]["enabled"] is False
    text = page.content.decode()
    assert "<del>170</del>" in text
    assert "<ins>140</ins>" in text
    assert "another admin approves it" in text
    assert "Approve version 2" not in text

    refused = as_admin.post("/thresholds/2/approve/", follow=True).content.decode()
    assert "You proposed version 2 yourself" in refused
    assert active_thresholds().version == 1

    as_admin.force_login(admin2)
    waiting = as_admin.get("/thresholds/").content.decode()
    assert "Version 2</a> waits for a second admin" in waiting
    assert "Approve version 2" in waiting
    approved = as_admin.post("/thresholds/2/approve/", follow=True).content.decode()
    assert "Version 2 is active" in approved
    assert active_thresholds().version == 2


def test_errors_stand_beside_their_fields_and_nothing_is_lost(as_admin: Client) -> None:
    values = form_of(as_admin) | {
        "open_at": "many",
        "min_groups": "99",
        "stretches": "365, 90",
        "group_caps.rings": "",
        "note": "",
        "trim": "0.05",
    }
    response = as_admin.post("/thresholds/propose/", values)
    assert response.status_code == 422
    form = response.context["form"]
    assert form.errors["open_at"] == ["“Open a case at” needs a number."]
    assert form.errors["note"] == ["Say why, for the admin who approves."]
    assert form.errors["group_caps.rings"] == ["“Acting together” needs a number."]
    page = response.content.decode()
    assert "Error: Propose thresholds" in page
    assert 'href="#id_open_at"' in page
    assert form["trim"].value() == "0.05"
    assert form["open_at"].value() == "many"

    values |= {"open_at": "110", "group_caps.rings": "6", "note": "why"}
    form = as_admin.post("/thresholds/propose/", values).context["form"]
    assert form.errors.keys() == {"min_groups", "stretches"}
    assert form.errors["stretches"] == ["“Stretches of time looked at” must rise."]
    assert "between 1 and 8" in form.errors["min_groups"][0]
    assert not ThresholdSet.objects.filter(version=2).exists()


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "1,000", "²"])
def test_numbers_that_are_none_are_refused(as_admin: Client, value: str) -> None:
    values = form_of(as_admin) | {"open_at": value, "note": "why"}
    form = as_admin.post("/thresholds/propose/", values).context["form"]
    assert form.errors.keys() == {"open_at"}


def test_a_proposal_is_withdrawn_with_a_click(as_admin: Client, admin: User) -> None:
    proposed(admin)
    page = as_admin.post("/thresholds/2/withdraw/", follow=True).content.decode()
    assert "Version 2 is withdrawn" in page
    assert ThresholdSet.objects.get(version=2).state == "withdrawn"


def test_why_a_proposal_is_withdrawn_is_kept(as_admin: Client, admin: User) -> None:
    proposed(admin)
    assert 'name="reason"' in as_admin.get("/thresholds/2/").content.decode()
    for unkept in ("\x00", "x" * 2001):
        page = as_admin.post("/thresholds/2/withdraw/", {"reason": unkept}, follow=True)
        assert "Shorten the reason" in page.content.decode()
    assert ThresholdSet.objects.get(version=2).state == "draft"
    as_admin.post("/thresholds/2/withdraw/", {"reason": "A typing error."})
    assert Entry.objects.get(verb="thresholds.withdraw").reason == "A typing error."


def test_the_note_is_shown_as_text(as_supervisor: Client, admin: User) -> None:
    propose_thresholds(
        actor=Actor.of_user(admin),
        spec=active_thresholds().spec | {"open_at": 140.0},
        note="<script>alert(1)</script>",
    )
    for url in ("/thresholds/", "/thresholds/2/"):
        assert "<script>alert" not in as_supervisor.get(url).content.decode()


@pytest.mark.parametrize("url", ["/thresholds/9/", "/thresholds/9/approve/"])
def test_a_version_that_is_not_there(as_admin: Client, url: str) -> None:
    method = as_admin.post if url.endswith("approve/") else as_admin.get
    assert method(url).status_code == 404
