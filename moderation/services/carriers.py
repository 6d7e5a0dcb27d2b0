"""How deliveries are carried: what the outbox asks of whatever sends, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moderation.models import Delivery


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery that is there, under the number ``receipt``.

    ``destination`` is where the referral has thereby been sent; "" for a rehearsal.
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
_carriers: dict[str, Send] = {}


def provide(kind: Delivery.Kind, send: Send) -> None:
    """Let ``send(delivery, save)`` carry deliveries of ``kind``; called in ``AppConfig.ready``.

    It runs outside any transaction, may be called again at any time for the same row, and goes on
    from ``delivery.progress``, which it keeps with ``save`` (that raises Lost). It raises TryAgain
    or GiveUp.
    """
    _carriers[kind] = send


def carrier(kind: str) -> Send | None:
    """What carries deliveries of ``kind``; None where nothing here can."""
    return _carriers.get(kind)
