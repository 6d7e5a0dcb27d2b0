"""axe on the states of admins', auditors' and sign-in pages: refused, failed, under way, style."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.imports.progress import FileProgress
from accounts.models import RejectedRow
from audit.actors import Actor
from moderation.services import packages
from signals.models import Run
from signals.services import active_thresholds, propose_thresholds
from staff.models import User
from staff.services import create_api_key
from tests.browser.conftest import SignIn
from tests.browser.test_axe import PICTURES, check
from tests.browser.test_sending import referred
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _folder() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


def _see(page: Page, path: str, name: str, status: int = 200) -> None:
    response = page.goto(path)
    assert response is not None
    assert response.status == status
    check(page, name)


def _refused(page: Page, path: str, button: str, name: str) -> None:
    """The form as it comes back when it was sent with what it cannot take."""
    page.goto(path)
    page.get_by_role("button", name=button).click()
    expect(page.locator(".error-summary")).to_be_focused()
    check(page, name)


def test_the_style_page(auditor: User, sign_in: SignIn) -> None:
    page = sign_in(auditor)
    _see(page, "/style/", "style")
    assert page.evaluate("document.activeElement === document.body")  # no example takes the focus
    _see(page, "/help/", "help-auditor")


def test_what_admins_see_while_work_goes_on_and_when_it_fails(
    admin: User, admin2: User, sign_in: SignIn
) -> None:
    active_thresholds()
    page = sign_in(admin)
    _see(page, "/runs/", "runs-empty")
    _see(page, "/imports/", "imports-empty")
    now = timezone.now()
    failed = factories.run(state="failed", error="The disk is full: free some space.")
    under_way = Run.objects.create(
        trigger="person", state="running", stage="indicators", progress=0.62, started_at=now,
        attempts=2, created_by=admin,
    )  # fmt: skip
    for run in (failed, under_way):
        _see(page, f"/runs/{run.pk}/", f"run-{run.state}")
    file = FileProgress("/nowhere", "events.csv", size=100, offset=62, row=5012).as_json()
    importing = factories.batch(
        state="running", finished_at=None, files=[file, file | {"problem": "It is no CSV file."}]
    )
    partial = factories.batch(
        state="partial", rejected=1, accepted_accounts=5012, notices=["Ignored a column: shoe."]
    )
    RejectedRow.objects.create(
        batch=partial, file="accounts.csv", line=12, field="birth_year", value="20x2",
        reason="This is no year: write it in four digits.",
    )  # fmt: skip
    for batch in (importing, partial):
        _see(page, f"/imports/{batch.pk}/", f"import-{batch.state}")
    _see(page, "/imports/", "imports-under-way")
    page.goto("/runs/")
    page.get_by_label("As of").fill("yesterday")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".error-summary")).to_be_focused()
    check(page, "runs-refused")


def test_what_admins_see_of_thresholds_people_and_keys(
    admin: User, admin2: User, outsider: User, sign_in: SignIn
) -> None:
    propose_thresholds(
        actor=Actor.of_user(admin2),
        spec=active_thresholds().spec | {"open_at": 140.0},
        note="Too many cases a day.",
    )
    key = create_api_key(actor=Actor.of_user(admin), name="Platform", scopes=["graph:write"]).key
    page = sign_in(admin)
    for path, name in (
        ("/thresholds/", "thresholds-proposal"),
        ("/thresholds/2/", "threshold-draft"),
        ("/thresholds/propose/", "threshold-propose"),
        (f"/staff/{admin2.pk}/", "staff-person"),
        (f"/staff/{outsider.pk}/", "staff-deactivated"),
        ("/keys/", "keys-made"),
        (f"/keys/{key.pk}/revoke/", "key-revoke"),
    ):
        _see(page, path, name)
    for path, button, name in (
        ("/imports/", "Upload and import", "imports-refused"),
        ("/thresholds/propose/", "Propose this version", "threshold-refused"),
        ("/staff/add/", "Add", "staff-add-refused"),
        ("/keys/add/", "Make the key", "key-add-refused"),
        ("/deadlines/", "Set the deadlines", "deadlines-refused"),
    ):
        _refused(page, path, button, name)
    page.goto("/keys/add/")
    page.get_by_label("Name").fill("Advice")
    page.get_by_label("Ask for contact advice").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_be_focused()
    check(page, "key-made")


def test_the_page_that_is_open_is_in_sight_in_the_bar(admin: User, sign_in: SignIn) -> None:
    page = sign_in(admin)
    page.set_viewport_size({"width": 320, "height": 700})
    for path, name in (("/imports/", "Imports"), ("/deadlines/", "Deadlines"), ("/keys/", "Keys")):
        page.goto(path)
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name=name)
        expect(link).to_be_in_viewport(ratio=0.95)


def test_what_auditors_see(auditor: User, sign_in: SignIn) -> None:
    page = sign_in(auditor)
    _see(page, "/audit/?person=nobody", "audit-nothing")
    _see(page, "/audit/?since=2026-03-02&until=2026-03-01", "audit-refused", 422)
    page.goto("/audit/")
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.locator("summary", has_text="Proof").first.click()
    check(page, "audit-verified")


def test_a_referral_in_each_of_its_states(
    moderator: User, supervisor: User, supervisor2: User, sign_in: SignIn
) -> None:
    case = referred(stories.coach(children=7, account_id="flagged-1"), moderator, supervisor2)
    page = sign_in(supervisor)
    url = f"/referrals/{case.reference}/"
    _see(page, f"{url}nca/", "nca-not-sealed")
    packages.seal_approved(actor=Actor.system("worker"))
    _refused(page, f"{url}nca/", "Record it as sent", "nca-refused")
    _refused(page, url, "Record it as sent", "referral-refused")
    page.get_by_label("Handed over as a file").check()
    page.get_by_label("Number that the receiver gave").fill("17")
    page.get_by_role("button", name="Record it as sent").click()
    expect(page.get_by_role("alert")).to_contain_text("recorded as sent")
    check(page, "referral-sent")
    page.get_by_label("Their reason").fill("Not ours.")
    rejected = page.get_by_role("region", name="The police have rejected it")
    rejected.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("alert")).to_contain_text("recorded as rejected")
    check(page, "referral-rejected")


def test_signing_in_and_what_belongs_to_it(supervisor: User, sign_in: SignIn) -> None:
    page = sign_in(supervisor)
    page.goto("/preferences/second-factor/app/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    check(page, "confirm")
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".error-summary")).to_be_focused()
    check(page, "confirm-refused")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up an authenticator app")
    check(page, "second-factor-app")
    for path, name in (
        ("/preferences/second-factor/", "second-factor"),
        ("/preferences/second-factor/keys/", "security-keys"),
        ("/preferences/second-factor/keys/add/", "security-key-add"),
        ("/preferences/password/", "password"),
        ("/sign-out/", "sign-out"),
        ("/sign-in/no-access/", "no-access"),
    ):
        _see(page, path, name)


def test_pages_that_say_what_is_wrong(auditor: User, sign_in: SignIn, settings: Any) -> None:
    page = sign_in(auditor)
    _see(page, "/audit/verify/", "error-405", 405)
    page.goto("/audit/")
    page.locator("[name=csrfmiddlewaretoken]").evaluate_all("all => all.forEach(it => it.remove())")
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The page was too old to be sent")
    check(page, "error-403-stale")
