"""Which decisions are decided again by somebody who does not know them, and what that shows."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from enum import StrEnum

from moderation.domain.transitions import Verb

SAMPLED = (Verb.DISMISS, Verb.MONITOR)
"""An escalation is looked at by a second person anyway."""

VERBS = (Verb.DISMISS, Verb.MONITOR, Verb.ESCALATE)
"""What the second person says that they would do. It changes nothing about the case."""

HELD_FOR = timedelta(hours=1)
"""After so long without an answer, somebody else may be asked."""

_GRAVER = {verb: place for place, verb in enumerate(VERBS)}
_UNIT = 2**64


class Agreement(StrEnum):
    """How a second look compares with the decision, from the decision's side."""

    SAME = "same"
    OTHER_REASON = "other_reason"
    GRAVER = "graver"  # the second person would have done more
    MILDER = "milder"


AGREEMENT_LABELS: dict[Agreement, str] = {
    Agreement.SAME: "The same",
    Agreement.OTHER_REASON: "Dismissed as well, for another reason",
    Agreement.GRAVER: "The second person would have done more",
    Agreement.MILDER: "The second person would have done less",
}


def is_sampled(*, reference: str, version: int, percent: int, secret: bytes) -> bool:
    """Whether the decision that made ``version`` of a case gets a second look.

    The same decision always gives the same answer, and nobody without ``secret`` can foresee it.
    ``percent`` of all decisions are sampled, 0 to 100.
    """
    said = f"{reference}:{version}".encode()
    drawn = int.from_bytes(hmac.new(secret, said, hashlib.sha256).digest()[:8], "big")
    return drawn * 100 < percent * _UNIT


def compare(first: Verb, second: Verb, *, reason: str, second_reason: str) -> Agreement:
    """What the second look says about the decision."""
    if _GRAVER[second] != _GRAVER[first]:
        return Agreement.GRAVER if _GRAVER[second] > _GRAVER[first] else Agreement.MILDER
    return Agreement.SAME if reason == second_reason else Agreement.OTHER_REASON
