"""How many queries a page takes, and how light the heaviest is. Another number says here why."""

from __future__ import annotations

import gzip
import re
from importlib import import_module
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from accounts.models import ImportBatch, RejectedRow
from audit.actors import Actor
from moderation.models import Case
from moderation.services import claims, holds
from signals.services.defaults import active_thresholds
from staff.models import User
from staff.services import create_api_key
from tests.moderation import factories
from tests.pages import stories
from tests.pages.conftest import SignedIn
from tests.support.undoing import undone

pytestmark = pytest.mark.django_db

BUDGETS = {
    "/queue/": ("moderator", 9),
    "/queue/updates/?since=2026-01-01T00:00:00Z": ("moderator", 3),
    "/queue/?q={case}": ("moderator", 11),
    "/queue/?view=fallen": ("moderator", 10),
    "/queue/bulk/?{ticked}": ("moderator", 8),
    # Three tell what a decision would do: thresholds, who could decide, what waits there
    "/cases/{case}/": ("moderator", 24),
    "/cases/{case}/?contacts=1&evidence=no_mutuals": ("moderator", 25),
    "/cases/{case}/linked/": ("moderator", 7),
    "/cases/{case}/hold/": ("supervisor", 4),
    "/escalations/": ("supervisor", 4),
    "/referrals/": ("supervisor", 9),
    "/referrals/{referred}/": ("supervisor", 16),
    "/referrals/{referred}/file/": ("supervisor", 4),
    "/referrals/{referred}/nca/": ("supervisor", 7),
    "/outbox/": ("supervisor", 7),
    "/exemptions/": ("supervisor", 4),
    "/second-looks/": ("supervisor", 4),
    "/shift/": ("moderator", 10),
    "/shift/pause/": ("moderator", 7),
    "/go/?q={case}": ("moderator", 12),
    "/go/?q=a": ("moderator", 12),
    "/help/": ("moderator", 3),
    "/style/": ("moderator", 2),
    "/preferences/": ("moderator", 3),
    "/imports/": ("admin", 5),
    "/imports/{batch}/": ("admin", 10),
    "/runs/": ("admin", 5),
    "/runs/{run}/": ("admin", 4),
    # One asks what the random sample has found
    "/thresholds/": ("admin", 6),
    "/thresholds/propose/": ("admin", 3),
    "/thresholds/{version}/": ("admin", 4),
    "/deadlines/": ("admin", 4),
    "/care/": ("admin", 4),
    "/staff/": ("admin", 3),
    "/staff/add/": ("admin", 2),
    "/staff/{person}/": ("admin", 3),
    "/keys/": ("admin", 3),
    "/keys/add/": ("admin", 2),
    "/audit/": ("auditor", 6),
}
"""Address to a role that may see it, and its queries."""

NO_PAGES = {
    "staff": {
        # allauth's own
        "account_login", "account_logout", "account_inactive", "account_reauthenticate",
        "account_change_password", "mfa_authenticate", "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn", "mfa_index", "mfa_activate_totp", "mfa_deactivate_totp",
        "mfa_list_webauthn", "mfa_add_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn",
        "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
        # these change something, or lead elsewhere
        "home", "staff_role", "staff_password", "staff_second_factor", "staff_deactivate",
        "staff_reactivate", "keys_revoke",
    },
    "audit": {"audit_verify", "audit_export", "audit_checkpoint", "audit_public_key"},
    "accounts": {"import_rejects", "api_accounts", "api_ties", "api_events"},
    "signals": {"run_start", "run_cancel", "threshold_approve", "threshold_withdraw"},
    "moderation": {
        "queue_start", "case_claim", "case_renew", "case_release", "case_skip", "case_put_back",
        "case_reveal", "case_conceal",
        "case_dismiss", "case_monitor", "case_age_check", "case_age_answer",
        "case_escalate", "case_note", "case_draft", "case_undo", "case_refer", "case_return",
        "case_dismiss_escalation", "shift_choose", "shift_end", "second_look_start",
        "exemption_revoke", "referral_step", "case_package", "outbox_retry",
        # one's own, of which a fresh person has none
        "second_look", "bulk_job",
    },
}  # fmt: skip
"""Routes of each floor that are no page, by name."""

LISTS = (
    "/queue/", "/escalations/", "/referrals/", "/outbox/", "/exemptions/", "/imports/", "/runs/",
    "/thresholds/", "/staff/", "/keys/", "/audit/", "/go/?q=a",
    "/imports/{batch}/", "/queue/bulk/?{ticked}",
)  # fmt: skip
"""Pages whose rows may be many."""


@pytest.fixture
def people(moderator: User, supervisor: User, admin: User, auditor: User) -> dict[str, User]:
    return {
        "moderator": moderator,
        "supervisor": supervisor,
        "admin": admin,
        "auditor": auditor,
    }


def _fill(by: User, approver: User) -> None:
    """One more of everything that a list shows."""
    factories.escalated(by)
    factories.undelivered(by, approver)
    factories.exempted(by)
    factories.monitored(by)
    made = factories.batch(rejected=1)
    RejectedRow.objects.create(
        batch=made, file="ties.csv", line=made.pk, field="kind", value="pal", reason="unknown"
    )
    holds.set_hold(actor=Actor.of_user(approver), case_id=factories.case().pk, reason="Asked for.")
    create_api_key(
        actor=Actor.system("command"), name=f"Platform {made.pk}", scopes=["graph:write"]
    )


def _count(browser: Client, url: str) -> list[str]:
    """The queries of a page that has been seen before: some things are worked out once."""
    browser.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return [query["sql"][:120] for query in queries]


@pytest.fixture
def world(moderator2: User, supervisor2: User, people: dict[str, User]) -> dict[str, object]:
    """What addresses name. The moderator holds the case."""
    _fill(moderator2, supervisor2)
    case = stories.coach(children=9)
    claims.claim(actor=Actor.of_user(people["moderator"]), case_id=case.pk)
    batch = ImportBatch.objects.filter(rejected=1).latest("pk")
    referred = factories.referred(moderator2, supervisor2)
    return {
        "case": case.reference,
        "referred": referred.reference,
        "batch": batch.pk,
        "run": factories.run().pk,
        "version": active_thresholds().version,
        "person": moderator2.pk,
        "ticked": f"case={case.pk}",
    }


def test_a_page_takes_so_many_queries(
    people: dict[str, User], world: dict[str, object], signed_in: SignedIn
) -> None:
    wrong = {}
    for address, (role, budget) in BUDGETS.items():
        with undone():
            queries = _count(signed_in(people[role]), address.format(**world))
        if len(queries) != budget:
            wrong[address] = (len(queries), queries)
    assert not wrong


def test_a_list_takes_no_more_for_more_rows(
    people: dict[str, User],
    world: dict[str, object],
    moderator2: User,
    supervisor2: User,
    signed_in: SignedIn,
) -> None:
    def counts(world: dict[str, object]) -> dict[str, list[str]]:
        found = {}
        for address in LISTS:
            with undone():
                browser = signed_in(people[BUDGETS[address][0]])
                found[address] = _count(browser, address.format(**world))
        return found

    few = counts(world)
    for _ in range(3):
        _fill(moderator2, supervisor2)
    RejectedRow.objects.update(batch=world["batch"])
    ticked = "&".join(f"case={case.pk}" for case in Case.objects.filter(state="open"))
    many = counts(world | {"ticked": ticked})
    assert not {
        address: many[address] for address in LISTS if len(many[address]) != len(few[address])
    }


@pytest.mark.parametrize("address", ["/queue/", "/cases/{case}/?contacts=1&evidence=no_mutuals"])
def test_the_heaviest_pages_are_light_to_load_first(
    address: str, moderator: User, signed_in: SignedIn
) -> None:
    """The page and all that it links to, as they are sent: compressed, under 120 kB."""
    case = stories.crowd(300)
    for _ in range(30):
        factories.case()
    browser = signed_in(moderator)
    answer = browser.get(address.format(case=case.reference), headers={"Accept-Encoding": "gzip"})
    page = gzip.decompress(answer.content).decode()
    linked = {
        finders.find(name)
        for name in re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js|svg))"', page)
    }
    assert len(linked) > 10
    assert all(linked), "a file that the page names was not found"
    sent = sum(len(gzip.compress(Path(path).read_bytes())) for path in linked if path)
    assert len(answer.content) + sent < 120_000


def test_every_page_has_a_budget() -> None:
    placed = {
        resolve(
            address.partition("?")[0].format(
                case="SL-2026-000001",
                referred="SL-2026-000001",
                batch=1,
                run=1,
                version=1,
                person=1,
            )
        ).url_name
        for address in BUDGETS
    }
    missing = {
        name
        for floor, no_pages in NO_PAGES.items()
        for name in import_module(f"{floor}.policy").urls_policy.keys() - no_pages
    } - placed
    assert sorted(missing) == [], "give each a budget, or name it in NO_PAGES"
