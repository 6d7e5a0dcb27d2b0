"""What wins over an erasure, who may ask for one, and what SQL cannot do instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Account
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case, Decision, Note
from moderation.services import holds
from moderation.services.erasure import Kept, NotFound
from staff.errors import InvalidInput, NotAllowed
from staff.models import User
from staff.personal import REMOVED
from tests.moderation import factories
from tests.moderation.erasing import (
    IDENTIFIER,
    NAME,
    SECRET,
    erase,
    everything_stored,
    person,
    told_about,
)
from tests.moderation.sql import intruding, refused

pytestmark = pytest.mark.usefixtures("own_files")


# -- What wins over it ----------------------------------------------------------------------------


def _under_hold(moderator: User, supervisor: User) -> None:
    case = told_about(moderator, person())
    holds.set_hold(actor=Actor.of_user(supervisor), case_id=case.pk, reason="Operation Heron.")


def _with_a_live_case(moderator: User, _supervisor: User) -> None:
    factories.held(moderator, person())


def _escalated(moderator: User, _supervisor: User) -> None:
    factories.escalated(moderator, person())


def _referred_lately(moderator: User, supervisor: User) -> None:
    factories.referred(moderator, supervisor, person())


def _a_child_in_anothers_case(moderator: User, _supervisor: User) -> None:
    suspect = factories.account()
    case = factories.held(moderator, suspect)
    factories.evidence(case.assessment, factories.event(suspect, person()))


def _a_child_in_a_case_under_hold(moderator: User, supervisor: User) -> None:
    suspect = factories.account()
    case = factories.dismissed(moderator, suspect)
    factories.evidence(case.assessment, factories.event(suspect, person()))
    holds.set_hold(actor=Actor.of_user(supervisor), case_id=case.pk, reason="Operation Heron.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (_a_child_in_a_case_under_hold, "under a police hold"),
        (_under_hold, "police hold"),
        (_with_a_live_case, "not decided yet"),
        (_escalated, "not decided yet"),
        (_referred_lately, "referred to the police"),
        (_a_child_in_anothers_case, "not decided yet"),
    ],
)
def test_it_is_refused_while_something_stronger_stands(
    moderator: User, supervisor: User, prepare: Callable[[User, User], None], says: str
) -> None:
    prepare(moderator, supervisor)
    before = everything_stored()
    with pytest.raises(Kept, match=says):
        erase()
    assert everything_stored() == before


@pytest.mark.django_db
def test_it_goes_on_once_the_hold_is_lifted(moderator: User, supervisor: User) -> None:
    case = told_about(moderator, person())
    actor = Actor.of_user(supervisor)
    holds.set_hold(actor=actor, case_id=case.pk, reason=f"Asked about {NAME}.")
    holds.lift_hold(actor=actor, case_id=case.pk, reason=f"{NAME} is cleared.")
    erase()
    assert SECRET not in everything_stored()


# -- Who may, and how -----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["moderator", "supervisor", "auditor", "outsider"])
def test_only_admins_and_commands_erase(role: str, request: pytest.FixtureRequest) -> None:
    person()
    with pytest.raises(NotAllowed):
        erase(actor=Actor.of_user(request.getfixturevalue(role)))
    assert Account.objects.filter(account_id=IDENTIFIER).exists()


@pytest.mark.django_db
def test_an_admin_does(admin: User) -> None:
    person()
    assert not erase(actor=Actor.of_user(admin)).already
    assert Entry.objects.get(verb="account.erase").actor.endswith("Ada Marsh")


@pytest.mark.django_db
def test_an_unknown_account_and_a_reason_in_ones_own_words() -> None:
    with pytest.raises(NotFound):
        erase()
    person()
    with pytest.raises(InvalidInput):
        erase(reason=f"because {NAME} asked")


@pytest.mark.django_db
def test_the_command(moderator: User) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="no account"):
        call_command("erase_account", IDENTIFIER, reason="person_asked")
    account = person()
    case = told_about(moderator, account)
    call_command("erase_account", IDENTIFIER, reason="person_asked", stdout=out)
    call_command("erase_account", IDENTIFIER, reason="person_asked", stdout=out)
    first, second = out.getvalue().splitlines()
    assert first == f"Erased, as account:{account.pk}, with {case.reference}."
    assert second == f"It is erased already, as account:{account.pk}."


# -- By SQL ---------------------------------------------------------------------------------------

_REMOVALS = (
    "UPDATE moderation_note SET text = '(removed)'",
    "UPDATE moderation_decision SET note = '(removed)'",
    "UPDATE moderation_reveal SET note = '(removed)'",
)
_CHANGES = (
    ("UPDATE moderation_note SET text = 'Nothing to see.'", "kept as it was written"),
    ("UPDATE moderation_note SET text = '(removed)', by_id = by_id + 1", "kept as it was written"),
    ("UPDATE moderation_decision SET note = ''", "kept as it was written"),
    ("UPDATE moderation_decision SET verb = 'refer'", "kept as it was written"),
    ('UPDATE moderation_decision SET details = \'{"severity": "high"}\'', "as it was written"),
    ("UPDATE moderation_reveal SET note = 'for fun'", "nothing else about it changes"),
)


@pytest.mark.django_db(transaction=True)
def test_sql_removes_only_and_not_without_an_entry(moderator: User) -> None:
    told_about(moderator, person())
    for statement, says in _CHANGES:
        with refused(says) as intruder:
            intruder.run(statement)
    for statement in _REMOVALS:
        with refused("the audit trail does not tell of it") as intruder:
            intruder.run(statement)
    erase()
    with intruding() as intruder:  # what the entry tells of is allowed, and changes nothing more
        intruder.run(_REMOVALS[0])
    assert Note.objects.get().text == REMOVED


@pytest.mark.django_db
def test_a_date_beside_is_untouched(moderator: User) -> None:
    """Another account's case keeps every word."""
    person()
    other = factories.account(account_id="other", display_name="Somebody")
    case = factories.dismissed(moderator, other)
    note = Decision.objects.get(case=case).note
    erase()
    assert Decision.objects.get(case=case).note == note
    assert Account.objects.get(pk=other.pk).display_name == "Somebody"
    assert timezone.now() - timedelta(days=1) < Case.objects.get(pk=case.pk).updated_at
