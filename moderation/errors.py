"""Clear refusals by the rules of a case. Each carries what a page needs to say what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from moderation.domain.referrals import ReferralState, ReferralVerb
from moderation.domain.transitions import State, Verb
from moderation.domain.wording import (
    REFERRAL_STATE_WORDS,
    REFERRAL_VERB_WORDS,
    STATE_WORDS,
    VERB_WORDS,
)
from staff.errors import Refused


class CaseTaken(Refused):
    """Somebody else holds the case. ``since`` is when that person claimed it (aware, UTC)."""

    def __init__(self, *, holder_name: str, since: datetime, reference: str) -> None:
        self.holder_name = holder_name
        self.since = since
        self.reference = reference
        super().__init__(f"{holder_name} has been reviewing {reference} since {since:%H:%M} UTC.")


class ShiftFull(Refused):
    """A limit of the person's shift is reached, so that no further case is taken in it.

    ``reached``: what the shift has held, in words, such as "40 cases".
    """

    def __init__(self, *, reached: Sequence[str]) -> None:
        self.reached = list(reached)
        super().__init__(
            f"Your shift has held {', '.join(reached)}. Take a break, or choose to go on, before "
            "you take another."
        )


class LeaseLapsed(Refused):
    """The actor held the case, but for longer than the lease; claiming it again is the way on."""

    def __init__(self, *, reference: str, ended_at: datetime) -> None:
        self.reference = reference
        self.ended_at = ended_at
        super().__init__(
            f"Your hold on {reference} ended at {ended_at:%H:%M} UTC. "
            "Claim the case again to go on."
        )


class StaleCase(Refused):
    """The case changed since the page was made. ``what`` is one phrase, e.g. "dismissed the case".

    ``version_now`` is the version that a decision must name after looking again; ``changed_by`` is
    a member of staff's name, or "Sightline" for a change by the system.
    """

    def __init__(self, *, reference: str, version_now: int, changed_by: str, what: str) -> None:
        self.reference = reference
        self.version_now = version_now
        self.changed_by = changed_by
        self.what = what
        super().__init__(
            f"{reference} has changed since you opened it: {changed_by} {what}. "
            "Look again before you decide."
        )


class IllegalMove(Refused):
    """The transition table knows no such move from the case's state."""

    def __init__(self, *, state: State, verb: Verb, reference: str = "") -> None:
        self.state = state
        self.verb = verb
        self.reference = reference
        super().__init__(
            f"{reference or 'This case'} is {STATE_WORDS[state]}; "
            f"it cannot be {VERB_WORDS[verb]} now."
        )


class FourEyes(Refused):
    """The person who escalated a case never decides that escalation."""

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(f"You escalated {reference}, so somebody else must decide on it.")


class NotInHand(Refused):
    """Names of children are shown only to the person who works on the case."""

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(
            f"{reference} is not in your hands, so the children's names stay hidden. "
            "Claim the case first."
        )


class CannotUndo(Refused):
    """A decision stays: it is somebody else's, too old, or has left the house. ``why`` says which.

    ``why`` is one sentence.
    """

    def __init__(self, *, reference: str, why: str) -> None:
        self.reference = reference
        self.why = why
        super().__init__(f"The decision on {reference} stays. {why}")


class AgeAsked(Refused):
    """An age check of the account waits for its answer, or would ask for what is known."""

    def __init__(self, *, reference: str, why: str) -> None:
        self.reference = reference
        super().__init__(f"No age check can be asked for on {reference}. {why}")


class NoAgeCheck(Refused):
    """No age check of the case waits for an answer."""

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(f"No age check of {reference} waits for an answer.")


class InvalidDecision(Refused):
    """Something that the person entered is missing or wrong: ``errors`` maps field to message."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(self.errors.values()))


class ExemptionEnded(Refused):
    """The exemption counts no more: its day has come, or somebody revoked it."""

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(f"The exemption from {reference} has ended already.")


class LookGone(Refused):
    """The second look is somebody else's by now, or was given."""

    def __init__(self) -> None:
        super().__init__("This second look is not yours any more. Take the next one.")


class IllegalReferralMove(Refused):
    """The referral's state allows no such step; ``verb`` None: recording an outcome."""

    def __init__(self, *, reference: str, state: ReferralState, verb: ReferralVerb | None) -> None:
        self.reference = reference
        self.state = state
        self.verb = verb
        wanted = REFERRAL_VERB_WORDS[verb] if verb else "given an outcome"
        super().__init__(
            f"The referral of {reference} is {REFERRAL_STATE_WORDS[state]}; "
            f"it cannot be {wanted} now."
        )


class ReferralAnswered(Refused):
    """A referral is sent once: it went at ``at`` (aware, UTC) and got the number ``receipt``."""

    def __init__(self, *, reference: str, receipt: str, at: datetime) -> None:
        self.reference = reference
        self.receipt = receipt
        self.at = at
        super().__init__(
            f"The referral of {reference} was sent at {at:%H:%M} UTC on {at:%-d %b %Y}, "
            f"as number {receipt}."
        )


class OnItsWay(Refused):
    """A delivery may still carry the referral to ``to``, so nobody hands it over by hand as well.

    ``waits``: nobody is sending it at the moment, so that it can be stopped.
    """

    def __init__(self, *, reference: str, to: str, waits: bool) -> None:
        self.reference = reference
        self.waits = waits
        super().__init__(
            f"The referral of {reference} is on its way to {to}. Stop that first."
            if waits
            else f"The referral of {reference} is being sent to {to} now. Look again in a minute."
        )


class HoldStands(Refused):
    """The account is under a police hold already."""

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(f"A police hold stands on the account of {reference} already.")


class NoHold(Refused):
    """There is no police hold to lift."""

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(f"No police hold stands on the account of {reference}.")
