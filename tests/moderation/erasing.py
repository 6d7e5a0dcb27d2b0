"""A person to be erased, with a name that shows wherever it stands."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from moderation.models import Case
from moderation.services import decisions, reveals
from moderation.services.erasure import Erased, erase_account
from staff.models import User
from tests.moderation import factories

NAME, BORN = "Ellis Quorndon", date(1971, 3, 9)
IDENTIFIER, COMMUNITY = "acct-quorndon-71", "Quorndon swimming club"
SECRET = "Quorndon"
"""Stands in everything that names the person."""

COMMAND = Actor.system("command")


def person() -> Account:
    values: dict[str, Any] = {
        "account_id": IDENTIFIER,
        "display_name": NAME,
        "birth_date": BORN,
        "birth_year": BORN.year,
        "gender": "x",
        "region": "Quorndon",
        "community": COMMUNITY,
        "role": "coach",
        "created_at": timezone.now(),
    }
    return factories.account(**values)


def erase(actor: Actor = COMMAND, reason: str = "person_asked") -> Erased:
    return erase_account(actor=actor, account_id=IDENTIFIER, reason=reason)


def told_about(by: User, of: Account) -> Case:
    """A dismissed case with everything that people can write about it."""
    sentence = factories.contribution() | {"sentence": f"{NAME} wrote to 4 children."}
    case = factories.held(by, of, contributions=[sentence])
    child = factories.child()
    factories.evidence(case.assessment, factories.event(of, child, region="Quorndon"))
    actor = Actor.of_user(by)
    decisions.add_note(actor=actor, case_id=case.pk, text=f"{NAME} coaches at the {COMMUNITY}.")
    reveals.reveal(actor=actor, case_id=case.pk, reason="check_age", note=f"Is {NAME} 54?")
    return decisions.dismiss(
        actor=actor,
        case_id=case.pk,
        version=Case.objects.get(pk=case.pk).version,
        reason="ordinary_behaviour",
        note=f"{NAME} is the coach of all of them.",
    )


def everything_stored() -> str:
    """Every row of every table but people who work here and the sessions, as text."""
    found = []
    for model in apps.get_models():
        if model._meta.app_label in {"accounts", "signals", "moderation", "audit"}:
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT to_jsonb(t)::text FROM "{model._meta.db_table}" t')
                found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)
