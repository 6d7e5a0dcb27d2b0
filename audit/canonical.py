r"""The bytes that an entry's hash and signature cover. Pure: no Django, no database.

A third party can verify the trail from an export and the public key with this text alone.

An entry's *canonical text* is one JSON object, in UTF-8, without any white space outside strings,
with exactly these members in this order:

    {"actor":…,"after":…,"at":…,"before":…,"number":…,"previous_hash":…,
     "reason":…,"request_id":…,"role":…,"target":…,"verb":…}

(one line; it is broken here only to fit the page). Rules for the values:

* ``number``: the entry's number in decimal digits; the first entry is 1.
* ``at``: a string, ``YYYY-MM-DDTHH:MM:SS.ffffffZ``, UTC, always six digits of a second.
* ``previous_hash``: a string of 64 lower-case hexadecimal digits, the hash of the entry before;
  64 zeros for entry 1.
* ``before`` and ``after``: JSON objects. In objects at any depth the members are sorted by key,
  by Unicode code point; a key occurs once.
* All other members are strings.
* Strings: ``"`` and ``\`` are written ``\"`` and ``\\``; U+0008, U+0009, U+000A, U+000C and U+000D
  as ``\b \t \n \f \r``; every other character below U+0020 as ``\u00xx`` in lower case;
  everything else as itself. Nothing is normalised.
* Numbers: decimal digits without exponent; no ``+``, no leading zeros (``0.5`` has one zero), no
  trailing zeros after the point, no point without digits after it, no ``-0``. A binary
  floating-point number stands as the shortest decimal that reads back as the same double.
* ``true``, ``false`` and ``null`` as such.

    hash      = SHA-256( "sightline-audit-entry-v1" 0x0A canonical text )         32 bytes
    signature = Ed25519( "sightline-audit-signature-v1" 0x0A hash )               64 bytes
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

GENESIS: Final = bytes(32)
"""The ``previous_hash`` of entry 1."""

_HASH_PREFIX: Final = b"sightline-audit-entry-v1\n"
_SIGNATURE_PREFIX: Final = b"sightline-audit-signature-v1\n"

_string = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry says. ``at`` is already in canonical form, ``before``/``after`` plain JSON."""

    number: int
    at: str
    actor: str
    role: str
    verb: str
    target: str
    before: Any
    after: Any
    reason: str
    request_id: str
    previous_hash: bytes


def canonical_text(content: Content) -> bytes:
    """The canonical text of an entry, as the module describes it.

    Raises ValueError for a value that JSON cannot carry or a string that UTF-8 cannot.
    """
    members = {
        "actor": content.actor,
        "after": content.after,
        "at": content.at,
        "before": content.before,
        "number": content.number,
        "previous_hash": bytes(content.previous_hash).hex(),
        "reason": content.reason,
        "request_id": content.request_id,
        "role": content.role,
        "target": content.target,
        "verb": content.verb,
    }
    return _write(members).encode("utf-8")


def entry_hash(content: Content) -> bytes:
    """SHA-256 over the canonical text, 32 bytes. Raises ValueError like ``canonical_text``."""
    return hashlib.sha256(_HASH_PREFIX + canonical_text(content)).digest()


def signed_message(digest: bytes) -> bytes:
    """The bytes that the Ed25519 signature of an entry with hash ``digest`` covers."""
    return _SIGNATURE_PREFIX + digest


def timestamp(moment: datetime) -> str:
    """``moment`` (aware) as ``YYYY-MM-DDTHH:MM:SS.ffffffZ``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value: Any) -> Any:
    """``value`` as plain JSON values, which a JSON column gives back unchanged.

    Times become RFC 3339 strings in UTC, dates ISO strings, ``Decimal`` and ``UUID`` strings,
    tuples lists. Raises ValueError for NaN, infinities, U+0000, keys that are no strings, and
    TypeError for types that have no place in an entry.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked(str(value))
    if isinstance(value, int | float):
        return _plain_number(value)
    if isinstance(value, date | Decimal | UUID):
        return timestamp(value) if isinstance(value, datetime) else str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    raise TypeError(f"A {type(value).__name__} has no place in an audit entry.")


def read_json(text: str) -> Any:
    """Parse a stored JSON text without losing a digit. Raises ValueError when it is none."""
    return json.loads(text, parse_float=Decimal)


def _plain_number(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in an audit entry.")
    return int(value) if value == int(value) else float(value)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise ValueError(f"The key {key!r} of an audit entry is no string.")
    return _checked(str(key))


def _checked(text: str) -> str:
    if "\0" in text:
        raise ValueError("A string of an audit entry holds the character U+0000.")
    text.encode("utf-8")
    return text


def _write(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int():
            return str(value)
        case float():
            return _number(Decimal(repr(value)))
        case Decimal():
            return _number(value)
        case list():
            return "[" + ",".join(map(_write, value)) + "]"
        case dict():
            return "{" + ",".join(f"{_string(k)}:{_write(value[k])}" for k in sorted(value)) + "}"
    raise ValueError(f"A {type(value).__name__} has no canonical form.")


def _number(value: Decimal) -> str:
    if not value:
        return "0"
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
