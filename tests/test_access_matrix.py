"""Every route against every role: each may go exactly where its floor's policy says.

The routes come from the URL table and the expectations from each floor's ``policy.py``, so a new
route without an entry fails here, and so does an entry without a route.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.actors import Actor
from signals.services.defaults import active_thresholds
from staff.capabilities import Role
from staff.models import ApiKey, User
from staff.policy import KEYS, PUBLIC
from staff.services.keys import create_api_key
from tests.moderation import factories
from tests.support.undoing import undone

Address = Callable[[str], str]

FLOORS = ("staff", "audit", "accounts", "signals", "moderation")
SIGN_IN = "/sign-in/"

# Of the house itself: what machines ask, without a session.
HOUSE = {"healthz": PUBLIC, "readyz": PUBLIC, "metrics": PUBLIC, "api_schema": PUBLIC}

# These name something of the person's own, which a fresh person does not have.
OWN = {
    "mfa_deactivate_totp",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_view_recovery_codes",
    "bulk_job",
    "second_look",
    "mfa_download_recovery_codes",
}


def _routes(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns)
        else:
            yield pattern


def _policy() -> dict[str, Any]:
    policy: dict[str, Any] = dict(HOUSE)
    for floor in FLOORS:
        if find_spec(f"{floor}.policy"):
            policy |= import_module(f"{floor}.policy").urls_policy
    return policy


ROUTES = list(_routes(get_resolver().url_patterns))
POLICY = _policy()
NAMED = sorted({route.name for route in ROUTES if route.name} & POLICY.keys())
INSIDE = [name for name in NAMED if POLICY[name] not in (PUBLIC, KEYS)]


def test_every_route_has_a_name_and_a_policy() -> None:
    nameless = [str(route.pattern) for route in ROUTES if not route.name]
    unruled = sorted({route.name for route in ROUTES if route.name} - POLICY.keys())
    assert not nameless, "give each route a name, and an entry in its floor's policy.py"
    assert not unruled, "give each of these routes an entry in its floor's policy.py"


def test_every_policy_has_a_route() -> None:
    assert not sorted(POLICY.keys() - {route.name for route in ROUTES})


@pytest.fixture
def address(moderator2: User, supervisor2: User, tmp_path: Path) -> Address:
    """The address of a route, with things that exist where it names some."""
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("file,line,field,value,reason\n")
    things: dict[str, Callable[[], Any]] = {
        "reference": lambda: factories.escalated(moderator2).reference,
        "run_id": lambda: factories.run().pk,
        "version": lambda: active_thresholds().version,
        "batch_id": lambda: factories.batch(rejects_file=str(rejects)).pk,
        "number": lambda: 1,  # the entry that making the first person left
        "staff pk": lambda: moderator2.pk,
        "verb": lambda: "send",
        "delivery_id": lambda: factories.undelivered(moderator2, supervisor2).pk,
        "look_id": lambda: 1,
        "job_id": lambda: 1,
        "exemption_id": lambda: factories.exempted(moderator2).pk,
        "keys pk": lambda: _api_key().pk,
        "mfa pk": lambda: 1,
    }

    def thing(name: str, key: str) -> Any:
        kind = f"{name.partition('_')[0]} {key}" if key == "pk" else key
        assert kind in things, f"{name}: say here what stands for {kind!r}"
        return things[kind]()

    def address(name: str) -> str:
        route = next(route for route in ROUTES if route.name == name)
        return reverse(name, kwargs={key: thing(name, key) for key in route.pattern.converters})

    return address


def _api_key() -> ApiKey:
    made = create_api_key(actor=Actor.system("command"), name="Platform", scopes=["graph:write"])
    return made.key


def _visit(client: Client, url: str) -> HttpResponseBase:
    """What the route answers: to a GET or, where it knows none, to an empty POST."""
    response = client.get(url)
    return client.post(url) if response.status_code == 405 else response


def _leads_to_sign_in(response: HttpResponseBase) -> bool:
    return response.status_code == 302 and response.headers["Location"].startswith(SIGN_IN + "?")


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMED)
def test_each_role_goes_where_the_policy_says(
    name: str, address: Address, request: pytest.FixtureRequest
) -> None:
    url = address(name)
    for role in Role:
        user: User = request.getfixturevalue(role.value)
        with undone():
            response = _visit(_signed_in(user), url)
        answer = f"{role}: {response.status_code}"
        if POLICY[name] == KEYS:
            assert response.status_code == 401, answer
        elif POLICY[name] == PUBLIC or role in POLICY[name]:
            fine = response.status_code not in (401, 403, 404) and not _leads_to_sign_in(response)
            assert fine or (name in OWN and response.status_code == 404), answer
        else:
            assert response.status_code in (403, 404), answer


@pytest.mark.django_db
@pytest.mark.parametrize("name", INSIDE)
def test_nobody_gets_in_without_a_session_that_is_trusted(
    name: str, address: Address, outsider: User
) -> None:
    """Nor with the open session of somebody who has left."""
    url = address(name)
    with undone():
        assert _leads_to_sign_in(_visit(Client(), url))
    with undone():
        assert _leads_to_sign_in(_visit(_signed_in(outsider), url))


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in NAMED if POLICY[name] == PUBLIC])
def test_public_pages_answer_anybody(name: str, address: Address) -> None:
    assert _visit(Client(), address(name)).status_code < 400
