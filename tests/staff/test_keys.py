"""API keys: making, using, revoking, expiring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from audit.models import Entry
from staff import services
from staff.actors import Actor
from staff.api_auth import ApiKeyAuthentication, HasScope
from staff.capabilities import Capability
from staff.errors import InvalidInput, NotAllowed, Refused
from staff.models import ApiKey, User
from staff.scopes import Scope
from staff.services import NewKey

pytestmark = pytest.mark.django_db


def make(**changes: Any) -> NewKey:
    return services.create_api_key(
        **{
            "actor": Actor.system("command"),
            "name": "Platform",
            "scopes": [Scope.GRAPH_WRITE],
            **changes,
        }
    )


class Endpoint(APIView):
    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope]
    required_scope: Scope | None = Scope.GRAPH_WRITE

    def get(self, request: Request) -> Response:
        assert isinstance(request.auth, ApiKey)
        return Response({"name": request.auth.name})


class Unnamed(Endpoint):
    required_scope = None


def ask(header: str | None, view: type[APIView] = Endpoint) -> Response:
    headers = {} if header is None else {"Authorization": header}
    response = view.as_view()(APIRequestFactory().get("/", headers=headers))
    assert isinstance(response, Response)
    return response


def test_a_key_opens_what_its_scope_says() -> None:
    new = make()
    response = ask(f"Bearer {new.secret}")
    assert (response.status_code, response.data) == (200, {"name": "Platform"})


def test_only_a_digest_and_the_first_characters_are_kept() -> None:
    new = make()
    stored = str(vars(ApiKey.objects.get()))
    assert new.secret.startswith("slk_")
    assert len(new.secret) >= 40
    assert new.secret not in stored
    assert new.key.hint == new.secret[:9]
    assert all(new.secret not in str(vars(entry)) for entry in Entry.objects.all())


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer slk_" + "x" * 43, 401),
        ("Bearer ", 401),
        ("Bearer ghp_something", 401),
        ("Basic c2xrXw==", 401),
        ("Bearer slk_é", 401),
    ],
)
def test_without_a_known_key_nothing_opens(header: str | None, status: int) -> None:
    make()
    response = ask(header)
    assert response.status_code == status
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_another_scope_is_refused() -> None:
    new = make(scopes=[Scope.ADVICE_READ, Scope.CASES_READ])
    response = ask(f"Bearer {new.secret}")
    assert response.status_code == 403
    assert "graph:write" in response.data["detail"]


def test_an_endpoint_that_names_no_scope_is_closed() -> None:
    assert ask(f"Bearer {make().secret}", Unnamed).status_code == 403


def test_a_revoked_key_is_refused(admin: User) -> None:
    new = make()
    actor = Actor.of_user(admin)
    services.revoke_api_key(actor=actor, key_id=new.key.pk)
    response = ask(f"Bearer {new.secret}")
    assert (response.status_code, response.data["detail"]) == (401, "This API key was revoked.")
    with pytest.raises(Refused, match="already revoked"):
        services.revoke_api_key(actor=actor, key_id=new.key.pk)
    entry = Entry.objects.get(verb="key.revoke")
    assert entry.target == f"key:{new.key.pk}"


def test_a_key_expires() -> None:
    new = make(days=30)
    with time_machine.travel(new.key.expires_at):
        response = ask(f"Bearer {new.secret}")
    assert (response.status_code, response.data["detail"]) == (401, "This API key has expired.")


def test_the_last_use_is_kept_to_the_minute() -> None:
    new = make()
    start = timezone.now()
    seen = []
    for seconds in (0, 30, 61):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            ask(f"Bearer {new.secret}")
            seen.append(ApiKey.objects.get().last_used_at)
    assert seen[0] == seen[1] == start
    assert seen[2] is not None
    assert seen[2] > start


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["graph:write", "everything"]}, "scopes"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"days": 0}, "days"),
        ({"days": 731}, "days"),
    ],
)
def test_what_a_key_cannot_be(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make(**changes)
    assert list(refusal.value.errors) == [field]
    assert not ApiKey.objects.exists()


def test_a_name_is_free_again_once_revoked() -> None:
    first = make()
    with pytest.raises(Refused, match="already a key"):
        make()
    services.revoke_api_key(actor=Actor.system("command"), key_id=first.key.pk)
    make()


def test_the_database_itself_knows_the_scopes() -> None:
    for scopes in ([], ["everything"]):
        with pytest.raises(IntegrityError):
            _store(scopes)


def _store(scopes: list[str]) -> None:
    from django.db import transaction

    with transaction.atomic():
        ApiKey.objects.create(
            name=str(scopes), digest=str(scopes), scopes=scopes, expires_at=timezone.now()
        )


@pytest.mark.parametrize("role", ["moderator", "supervisor", "auditor", "outsider"])
def test_only_admins_manage_keys(role: str, request: pytest.FixtureRequest) -> None:
    actor = Actor.of_user(request.getfixturevalue(role))
    with pytest.raises(NotAllowed):
        make(actor=actor)
    key = make().key
    with pytest.raises(NotAllowed):
        services.revoke_api_key(actor=actor, key_id=key.pk)


def test_a_key_acts_with_what_its_scopes_stand_for() -> None:
    actor = Actor.of_key(make(scopes=[Scope.GRAPH_WRITE, Scope.CASES_READ]).key)
    assert actor.label.startswith("key:")
    assert actor.can(Capability.IMPORT_GRAPH)
    assert actor.can(Capability.VIEW_CASES)
    assert not actor.can(Capability.REVIEW_CASES)
    assert not Actor.of_key(make(name="Other", scopes=[Scope.ADVICE_READ]).key).can(
        Capability.VIEW_CASES
    )
