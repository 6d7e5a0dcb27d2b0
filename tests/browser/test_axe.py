"""axe on every page and its states: light and dark, wide and narrow; and the pages as pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from audit.actors import Actor
from moderation.models import Case, SecondLook
from moderation.services import bulk_decisions, claims, decisions, intake
from signals.services.defaults import active_thresholds
from staff.models import User
from tests.browser.conftest import SignIn
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages import stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visit = Callable[..., None]

PICTURES = Path(os.environ.get("SIGHTLINE_TEST_ARTEFACTS", "test-artefacts")) / "pages"
LOOKS = (("light", 1440), ("dark", 390), ("dark", 1440), ("light", 390))
PICTURED = LOOKS[:2]
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],  # the nodes that pass are many megabytes
}


def check(page: Page, name: str, looks: tuple[tuple[str, int], ...] = LOOKS) -> None:
    """No violation in any look, nothing wider than the window; keeps a picture of each."""
    found = []
    page.evaluate(Axe().axe_script)
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal above
        page.set_viewport_size({"width": width, "height": 900})
        violations = page.evaluate("options => axe.run(options)", RULES)["violations"]
        found += [
            f"{name} {scheme} {width}: {v['id']}: {node['html'][:200]} {node['failureSummary']}"
            for v in violations
            for node in v["nodes"][:3]
        ]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{name} {scheme}: {wide} px wide in a window of {width} px")
        if (scheme, width) in PICTURED:
            page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})
    assert not found, "\n".join(found)


@pytest.fixture(autouse=True)
def _folder() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def visit() -> Visit:
    def visit(page: Page, path: str, name: str, status: int = 200) -> None:
        response = page.goto(path)
        assert response is not None
        assert response.status == status
        check(page, name)

    return visit


def _bulk_job(actor: Actor, *cases: Case) -> str:
    versions = {case.pk: case.version for case in cases}
    job = bulk_decisions.ask(
        actor=actor, verb="dismiss", versions=versions, reason="family", note="One family."
    )
    bulk_decisions.run(job.pk)
    return f"/queue/bulk/{job.pk}/"


def _fallen(account_id: str) -> Case:
    """An open case whose score has fallen below the margin."""
    case = stories.coach(account_id=account_id)
    found = factories.assessment(case.account, points=96.0, flagged=False)
    intake.open_cases(found.run, Actor.system("worker"))
    return case


def _second_look(decided_by: User) -> None:
    decision = factories.dismiss(decided_by, stories.coach(account_id="flagged-2")).decisions.get()
    SecondLook.objects.create(decision=decision, chosen_at=decision.at)


def test_what_a_moderator_sees(
    moderator: User, moderator2: User, sign_in: SignIn, visit: Visit
) -> None:
    page = sign_in(moderator)
    visit(page, "/queue/", "queue-empty")
    case, other = stories.coach(children=7, account_id="flagged-1"), stories.coach(children=45)
    held = factories.held(moderator2)
    mine = Actor.of_user(moderator)
    claims.claim(actor=mine, case_id=case.pk)
    decisions.add_note(actor=mine, case_id=case.pk, text="Asked the school.")
    page.goto("/queue/")
    page.locator(".factors summary").first.click()
    check(page, "queue")
    visit(page, "/queue/?q=nobody", "queue-nothing-fits")
    visit(page, f"/cases/{other.reference}/?contacts=1&evidence=no_mutuals", "case-open")
    url = f"/cases/{case.reference}/"
    for decision in ("dismiss", "monitor", "escalate"):
        visit(page, f"{url}?do={decision}", f"case-{decision}")
    page.goto(f"{url}?do=dismiss")
    page.get_by_role("button", name="Dismiss", exact=True).click()
    page.get_by_role("alert").wait_for()
    check(page, "case-error")
    visit(page, f"/cases/{held.reference}/", "case-held-by-another")
    fallen = _fallen("flagged-3")
    visit(page, "/queue/?view=fallen", "queue-fallen")
    visit(page, f"/cases/{fallen.reference}/", "case-fallen")
    visit(page, "/help/", "help")
    visit(page, "/referrals/", "referrals-empty")
    visit(page, f"/cases/{other.reference}/linked/", "linked")
    visit(page, f"/queue/bulk/?case={other.pk}&case={held.pk}", "bulk")
    visit(page, _bulk_job(mine, other, held), "bulk-job")
    _second_look(moderator2)
    visit(page, "/second-looks/", "second-looks")
    page.get_by_role("button", name="Take the next one").click()
    page.get_by_role("heading", name="Your look").wait_for()
    check(page, "second-look")
    page.goto("/queue/")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    check(page, "queue-help-sheet")


def test_what_a_moderator_is_refused(
    moderator: User, moderator2: User, sign_in: SignIn, visit: Visit
) -> None:
    case = stories.coach()
    page = sign_in(moderator)
    page.goto("/queue/")
    claims.claim(actor=Actor.of_user(moderator2), case_id=case.pk)
    page.locator(f"#case-{case.pk}").get_by_role("button", name="Claim").click()
    page.get_by_text("has been reviewing").wait_for()
    check(page, "queue-lost-race")
    visit(page, "/cases/SL-2026-999999/", "error-404", 404)
    visit(page, "/thresholds/", "error-403", 403)


def test_what_a_supervisor_sees(
    moderator: User, supervisor: User, sign_in: SignIn, visit: Visit
) -> None:
    page = sign_in(supervisor)
    visit(page, "/escalations/", "escalations-empty")
    case, own = factories.escalated(moderator), factories.escalated(supervisor)
    visit(page, "/escalations/", "escalations")
    visit(page, f"/cases/{own.reference}/", "case-escalated-by-oneself")
    visit(page, f"/cases/{case.reference}/?do=refer", "case-refer")
    page.get_by_label("Why you refer it").fill("I agree.")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="This cannot be undone").wait_for()
    check(page, "refer-confirm")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Refer to the police").click()
    page.get_by_role("row", name=case.reference).wait_for()
    check(page, "referrals")
    visit(page, f"/referrals/{case.reference}/", "referral")
    visit(page, f"/cases/{own.reference}/hold/", "police-hold")
    factories.exempted(moderator)
    visit(page, "/exemptions/", "exemptions")
    page.get_by_role("link", name="End it").click()
    page.get_by_role("heading", name="End the exemption").wait_for()
    check(page, "exemption-end")
    visit(page, f"/cases/{case.reference}/", "case-referred")


def test_what_everybody_sees(
    moderator: User, sign_in: SignIn, visit: Visit, chromium: object
) -> None:
    page = sign_in(moderator)
    visit(page, "/preferences/", "preferences")
    stories.crowd(150)
    factories.held(moderator)
    visit(page, "/shift/", "shift")
    visit(page, "/shift/pause/", "shift-pause")
    visit(page, "/shift/end/", "shift-end")
    visit(page, "/go/?q=SL", "go")
    crowded = Case.objects.get(account__account_id="crowded")
    visit(page, f"/cases/{crowded.reference}/?until=2026-03-20", "case-crowded")
    _printed(page, f"/cases/{crowded.reference}/?contacts=1")
    page.context.clear_cookies()
    visit(page, "/sign-in/", "sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    check(page, "sign-in-error")


def _printed(page: Page, path: str) -> None:
    """Paper has the pictures and the whole table, dark on white also in the dark theme."""
    page.goto(path)
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 794, "height": 1123})
    for gone in (".topbar", ".breadcrumb", ".page-foot", "#panel", ".replay", ".pagination ul"):
        expect(page.locator(gone).first).to_be_hidden()
    for name in ("Who is around the account", "Contact with children over time"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
    expect(page.get_by_text("1 to 50 of 150")).to_be_visible()
    expect(page.get_by_text("Printed from Sightline by")).to_be_visible()
    table = page.locator("#contact-rows .table-scroll")
    assert table.evaluate("it => it.scrollHeight - it.clientHeight") <= 1
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    page.screenshot(path=PICTURES / "case-printed.png", full_page=True)
    page.emulate_media(media="screen")


def test_what_an_admin_sees(admin: User, sign_in: SignIn, visit: Visit) -> None:
    active_thresholds()
    run, batch = factories.run(), factories.batch()
    page = sign_in(admin)
    for path in (
        "care",
        "deadlines",
        "runs",
        "thresholds",
        "imports",
        "staff",
        "staff/add",
        "keys",
        "keys/add",
    ):
        visit(page, f"/{path}/", path.replace("/", "-"))
    visit(page, f"/runs/{run.pk}/", "run")
    visit(page, f"/imports/{batch.pk}/", "import")
    visit(page, "/thresholds/1/", "threshold-version")


def test_what_an_auditor_sees(
    moderator: User, auditor: User, sign_in: SignIn, visit: Visit
) -> None:
    factories.escalated(moderator)
    page = sign_in(auditor)
    visit(page, "/audit/", "audit")
