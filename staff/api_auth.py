"""How a platform's programs come in: `Authorization: Bearer slk_…`, and what the key may do."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from staff.models import ApiKey
from staff.scopes import Scope
from staff.services.keys import PREFIX, digest_of, note_use


class ApiKeyAuthentication(BaseAuthentication):
    """Sets ``request.auth`` and ``request.user`` to the ``ApiKey``; a wrong key answers 401.

    A request without any key passes as nobody's, for endpoints that need none.
    """

    def authenticate(self, request: Request) -> tuple[ApiKey, ApiKey] | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if not kind:
            return None
        secret = secret.strip()
        if kind.lower() != "bearer" or not secret.startswith(PREFIX):
            raise AuthenticationFailed("Send the header 'Authorization: Bearer slk_…'.")
        # Found by digest: the time that this takes tells nothing about the key itself.
        key = ApiKey.objects.filter(digest=digest_of(secret)).first()
        if key is None:
            raise AuthenticationFailed("This API key does not exist.")
        if key.revoked_at is not None:
            raise AuthenticationFailed("This API key was revoked.")
        if not key.is_live:
            raise AuthenticationFailed("This API key has expired.")
        note_use(key)
        return key, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Sightline"'


class HasScope(BasePermission):
    """Lets keys in that hold the view's ``required_scope``. A view without one is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope: Scope | None = getattr(view, "required_scope", None)
        key = request.auth
        if not isinstance(key, ApiKey) or scope is None:
            return False
        self.message = f"This needs a key with the scope {scope}."
        return scope in key.scopes


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped metaclass
    """How the OpenAPI document describes the keys."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `slk_…`"}
