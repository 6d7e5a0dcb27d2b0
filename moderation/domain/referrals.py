"""The life of a referral, as data, and what the police can answer.

The services, the database trigger and the documentation follow this table, as they follow
``moderation.domain.transitions`` for cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReferralState(StrEnum):
    PREPARING = "preparing"
    APPROVED = "approved"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"


class ReferralVerb(StrEnum):
    APPROVE = "approve"
    SEND = "send"
    ACKNOWLEDGE = "acknowledge"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ReferralMove:
    """One move; its audit entry has the verb ``referral.<verb>``."""

    verb: ReferralVerb
    source: ReferralState
    target: ReferralState


REFERRAL_MOVES: tuple[ReferralMove, ...] = (
    ReferralMove(ReferralVerb.APPROVE, ReferralState.PREPARING, ReferralState.APPROVED),
    ReferralMove(ReferralVerb.SEND, ReferralState.APPROVED, ReferralState.SENT),
    ReferralMove(ReferralVerb.ACKNOWLEDGE, ReferralState.SENT, ReferralState.ACKNOWLEDGED),
    ReferralMove(ReferralVerb.REJECT, ReferralState.SENT, ReferralState.REJECTED),
)


class Destination(StrEnum):
    DOWNLOAD = "download"
    NCMEC = "ncmec"
    NCMEC_TEST = "ncmec_test"
    NCA = "nca"


DESTINATION_LABELS: dict[Destination, str] = {
    Destination.DOWNLOAD: "Handed over as a file",
    Destination.NCMEC: "NCMEC CyberTipline",
    Destination.NCMEC_TEST: "NCMEC CyberTipline, test host",
    Destination.NCA: "National Crime Agency, portal form",
}


class Outcome(StrEnum):
    INVESTIGATION = "investigation"
    CHILD_SAFEGUARDED = "child_safeguarded"
    ARREST = "arrest"
    PASSED_ON = "passed_on"
    NO_ACTION = "no_action"


OUTCOME_LABELS: dict[Outcome, str] = {
    Outcome.INVESTIGATION: "Investigation opened",
    Outcome.CHILD_SAFEGUARDED: "A child was safeguarded",
    Outcome.ARREST: "Arrest or charge",
    Outcome.PASSED_ON: "Passed to another force or country",
    Outcome.NO_ACTION: "No further action",
}
"""What became of a referral, as far as the police say: codes that reports count."""


def find_move(verb: ReferralVerb, source: ReferralState) -> ReferralMove | None:
    """The move that ``verb`` makes from ``source``, or None where there is none."""
    return next((m for m in REFERRAL_MOVES if m.verb is verb and m.source is source), None)
