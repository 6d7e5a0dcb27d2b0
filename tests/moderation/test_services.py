"""Every service: in the registry, in the audit trail, allowed and refused by role."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any

import pytest

from audit.actors import Actor
from audit.models import Entry
from moderation import services
from moderation.models import Case
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation.scenarios import SCENARIOS, SYSTEM, Scenario
from tests.support.undoing import undone

pytestmark = pytest.mark.django_db


def _name(service: Any) -> str:
    return f"{service.__module__.rpartition('.')[2]}.{service.__name__}"


KINDS = {
    "age_check",
    "account",
    "bulk",
    "care",
    "case",
    "deadlines",
    "exemption",
    "hold",
    "referral",
    "second_look",
}
"""What the verbs of this floor begin with."""

REGISTERED = [_name(service) for service in services.SERVICES]


@pytest.fixture
def people(
    moderator: User, supervisor: User, admin: User, auditor: User, outsider: User
) -> dict[str, User]:
    return {
        "moderator": moderator,
        "supervisor": supervisor,
        "admin": admin,
        "auditor": auditor,
        "outsider": outsider,
    }


def _actor(who: str, people: dict[str, User]) -> Actor:
    return Actor.system("worker") if who == SYSTEM else Actor.of_user(people[who])


NO_SERVICES = {
    "age_requests.arrived": "a step of outbox.deliver",
    "filing.arrived": "a step of outbox.deliver",
    "breaches.note": "a step of decisions and of terms.record_breaches",
    "drafts.keep": "comes every second, and drafts are no part of the trail",
    "drafts.sweep": "drafts are no part of the trail",
    "moves.begin": "what services begin with",
    "moves.background": "what services begin with",
    "moves.person": "what services begin with",
    "moves.move": "what services end with",
}
"""Functions that take an actor and are not registered, and why."""


def test_every_function_that_takes_an_actor_is_registered() -> None:
    modules = [
        import_module(f"{services.__name__}.{module.name}")
        for module in pkgutil.iter_modules(services.__path__)
    ]
    public = {
        _name(function)
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_")
        and function.__module__ == module.__name__
        and "actor" in inspect.signature(function).parameters
    }
    assert public == set(REGISTERED) | NO_SERVICES.keys()


@pytest.mark.parametrize("name", REGISTERED)
def test_it_leaves_an_audit_entry_in_the_actor_s_name(
    name: str, people: dict[str, User], moderator2: User
) -> None:
    scenario = SCENARIOS[name]
    who = SYSTEM if SYSTEM in scenario.allowed else min(scenario.allowed)
    person = people[Role.MODERATOR if who == SYSTEM else who]
    arguments = scenario.prepare(person, moderator2)
    before = Entry.objects.count()
    actor = _actor(who, people)
    scenario.service(actor=actor, **arguments)
    written = Entry.objects.filter(number__gt=before)
    assert written.exists()
    assert {entry.actor for entry in written} == {actor.label}
    assert all(entry.verb.partition(".")[0] in KINDS for entry in written)


@pytest.mark.parametrize("name", REGISTERED)
def test_it_is_done_by_those_who_may_and_refused_to_others(
    name: str, people: dict[str, User], moderator2: User
) -> None:
    scenario = SCENARIOS[name]
    for who in (*people, SYSTEM):
        with undone():
            _is_done_or_refused(scenario, who, people, moderator2)


def _is_done_or_refused(
    scenario: Scenario, who: str, people: dict[str, User], moderator2: User
) -> None:
    arguments = scenario.prepare(people.get(who, people["moderator"]), moderator2)
    entries = Entry.objects.count()
    cases = list(Case.objects.order_by("pk").values())
    if who in scenario.allowed:
        scenario.service(actor=_actor(who, people), **arguments)
        assert Entry.objects.count() > entries, who
    else:
        with pytest.raises(NotAllowed):
            scenario.service(actor=_actor(who, people), **arguments)
        assert Entry.objects.count() == entries, who
        assert list(Case.objects.order_by("pk").values()) == cases, who


BY_ITSELF = [name for name in REGISTERED if SYSTEM in SCENARIOS[name].allowed]


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_a_worker_does_may_be_done_twice(
    name: str, people: dict[str, User], moderator2: User
) -> None:
    """A message may come twice, and a worker may die after the commit."""
    scenario = SCENARIOS[name]
    arguments = scenario.prepare(people["moderator"], moderator2)
    scenario.service(actor=Actor.system("worker"), **arguments)
    entries, cases = Entry.objects.count(), list(Case.objects.order_by("pk").values())
    scenario.service(actor=Actor.system("worker"), **arguments)
    assert Entry.objects.count() == entries
    assert list(Case.objects.order_by("pk").values()) == cases
