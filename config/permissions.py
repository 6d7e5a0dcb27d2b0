"""What an API endpoint allows that says nothing about it."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """The default permission: an endpoint that names none of its own lets nobody in."""

    def has_permission(self, _request: Request, _view: Any) -> bool:
        return False
