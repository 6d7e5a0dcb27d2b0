"""How deliveries are carried: what the outbox asks of whatever sends, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audit.actors import Actor
from moderation.domain import backoff
from moderation.models import Delivery
from staff.capabilities import Capability


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery that is there, under the number ``receipt``.

    ``destination`` is where it has thereby been sent; "" for a rehearsal.
    """

    destination: str
    receipt: str


class TryAgain(Exception):
    """Not this time. The message goes on the page, so it names nobody."""


class GiveUp(Exception):
    """No repetition will help: somebody must do something, which the message says."""


class Lost(Exception):
    """Another worker has taken the delivery over."""


Save = Callable[[dict[str, Any]], None]
Send = Callable[[Delivery, Save], Arrived]


@dataclass(frozen=True, slots=True)
class Carrier:
    """How deliveries of one kind are carried.

    ``send(delivery, save)`` runs outside any transaction, may be called again at any time for the
    same row, and goes on from ``delivery.progress``, which it keeps with ``save`` (that raises
    Lost). It raises TryAgain or GiveUp. ``obstacle(delivery)`` says in a sentence why it may not
    leave any more, as things are now, or "". ``arrived(actor, delivery, arrived)`` records that it
    is there, with the case locked, and returns a remark or "". ``topic`` begins its verbs in the
    audit trail; ``needs`` is what whoever asked must still be allowed.
    """

    send: Send
    obstacle: Callable[[Delivery], str]
    arrived: Callable[[Actor, Delivery, Arrived], str]
    topic: str
    needs: Capability
    most_attempts: int = backoff.MOST_ATTEMPTS


_carriers: dict[str, Carrier] = {}


def provide(kind: Delivery.Kind, carrier: Carrier) -> None:
    """Let ``carrier`` carry deliveries of ``kind``; called in ``AppConfig.ready``."""
    _carriers[kind] = carrier


def carrier(kind: str) -> Carrier:
    """What carries deliveries of ``kind``. Raises KeyError where nothing here can."""
    return _carriers[kind]
