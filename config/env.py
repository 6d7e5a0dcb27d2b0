"""A small typed reader of environment variables.

Every setting comes from the environment. A value that does not fit is refused with one sentence
that names the variable, what it holds and what it may hold; secrets are never repeated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a PostgreSQL database is and who signs in, as read from a `postgresql://` address."""

    name: str
    user: str
    password: str
    host: str
    port: str
    options: Mapping[str, str] = field(default_factory=dict)

    def as_django(self) -> dict[str, Any]:
        """The keys that Django's `DATABASES` entry takes."""
        return {
            "NAME": self.name,
            "USER": self.user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": self.port,
            "OPTIONS": dict(self.options),
        }


class Env:
    """Typed access to a mapping of environment variables (the process's own by default).

    An unset and an empty variable mean the same: the default.
    Every method raises `ImproperlyConfigured` for a value that does not fit.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}, but must be 1 or 0 (or true or false).")

    def number(self, name: str, default: int, *, at_least: int = 0, at_most: int = 2**31) -> int:
        value = self.text(name)
        if not value:
            return default
        try:
            number = int(value)
        except ValueError:
            number = at_least - 1
        if not at_least <= number <= at_most:
            raise ImproperlyConfigured(
                f"{name} is {value!r}, but must be a whole number from {at_least} to {at_most}."
            )
        return number

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise ImproperlyConfigured(
                f"{name} is {value!r}, but must be one of {', '.join(allowed)}."
            )
        return value

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """A list separated by commas; surrounding spaces and empty items are dropped."""
        items = [item.strip() for item in self.text(name).split(",")]
        return [item for item in items if item] or list(default)

    def path(self, name: str, default: Path) -> Path:
        """An absolute path; a relative value counts from the working directory."""
        value = self.text(name)
        return Path(value).expanduser().absolute() if value else default

    def database(self, name: str) -> DatabaseAddress | None:
        """A `postgresql://user:password@host:port/name?option=value`, or None when unset."""
        value = self.text(name)
        if not value:
            return None
        try:
            return parse_database_address(value)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} is not usable: {error}.") from None

    def address(self, name: str, schemes: tuple[str, ...]) -> str:
        """A URL with one of `schemes`, or an empty string when unset."""
        value = self.text(name)
        if value and value.partition("://")[0] not in schemes:
            raise ImproperlyConfigured(
                f"{name} must begin with one of {', '.join(f'{s}://' for s in schemes)}."
            )
        return value


def parse_database_address(value: str) -> DatabaseAddress:
    """Read a PostgreSQL address. Raises ValueError; its reason never repeats the password."""
    parts = urlsplit(value)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("it must begin with postgresql://, as Sightline runs on PostgreSQL only")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is not a number from 0 to 65535") from None
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ValueError("it names no database after the host, as in postgresql://host/sightline")
    return DatabaseAddress(
        name=name,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=host,
        port=options.pop("port", "") or (str(port) if port else ""),
        options=options,
    )
