"""One case as a package tells it: frozen, in a fixed order, without any tie to the database.

All times are aware. Lists are ordered by rules that depend on nothing but the case, so two views
of one state are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from signals.networks import Kind, Link


class Status(StrEnum):
    """Whether two people stand for the package yet."""

    DRAFT = "DRAFT"
    APPROVED = "APPROVED"


@dataclass(frozen=True, slots=True)
class Reporter:
    """The platform, and who speaks for it. Empty texts are not known."""

    platform: str
    name: str
    email: str
    phone: str = ""
    legal_url: str = ""
    profile_url: str = ""  # with {account_id} in it


@dataclass(frozen=True, slots=True)
class Identity:
    """What the platform records about an account, and what was said of it before.

    ``prior_reports`` are NCMEC's numbers of earlier reports that report it or name it as a child
    who was contacted; of a linked account, those that report it.
    """

    account_id: str
    display_name: str = ""
    birth_date: date | None = None
    birth_year: int | None = None
    band: str = "unknown"  # under_13, 13_15, 16_17, 18_plus or unknown
    age_source: str = "self_declared"
    gender: str = ""
    region: str = ""
    community: str = ""
    role: str = ""
    status: str = "active"  # active, suspended or deleted
    created_at: datetime | None = None
    prior_reports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened between the account and somebody. ``words`` say what."""

    at: datetime
    step: str
    words: str


@dataclass(frozen=True, slots=True)
class ContactView:
    """Somebody around the account, under the pseudonym that holds in this case for good.

    ``identity`` holds a name and a birth date only of a child whom the account contacted: nobody
    else's are needed to find that child.
    """

    name: str  # Child A, Adult 3, Account 5
    mark: str
    kind: Kind
    called: Kind | None  # the kind that the name tells, where a record has changed since
    band: str  # in words, at the first contact: 13–15
    link: Link
    contacted: bool  # the account made contact, at some time
    accepted: bool  # that contact was accepted, at some time
    tie: str
    began_with: str
    outcome: str
    identity: Identity
    happenings: tuple[Happening, ...] = ()

    @property
    def first_at(self) -> datetime | None:
        return self.happenings[0].at if self.happenings else None

    @property
    def last_at(self) -> datetime | None:
        return self.happenings[-1].at if self.happenings else None

    @property
    def label(self) -> str:
        """``Child A, 13–15``; the pseudonym alone for grown people."""
        return f"{self.name}, {self.band}" if self.kind is Kind.CHILD else self.name

    @property
    def is_child_contacted(self) -> bool:
        return self.kind is Kind.CHILD and self.contacted


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One row behind a sentence; ``counted`` says whether the sentence counts it."""

    event_id: str
    about: str  # the pseudonym, "" where the row names nobody
    at: datetime | None
    counted: bool
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one indicator says. ``direction``: raises, lowers, neutral or not_assessed."""

    indicator: str
    name: str
    direction: str
    points: float
    text: str
    stretch: str
    numbers: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[EvidenceLine, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """What a person decided, by number and not by name: names stay inside the team."""

    at: datetime
    verb: str
    title: str
    by: str  # staff 12
    role: str
    reason: str
    note: str
    details: dict[str, Any] = field(default_factory=dict)
    points: float = 0.0
    entry: int = 0


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything that a package says about a case as it stood at ``as_of``, its last change."""

    reference: str
    status: Status
    version: int
    as_of: datetime
    state: str  # in words
    kind: str
    severity: str
    points: float
    threshold_version: int | None
    run: int
    opened_at: datetime
    reporter: Reporter
    account: Identity
    recorded_minor: bool
    contacts: tuple[ContactView, ...] = ()
    ties: tuple[tuple[str, str], ...] = ()  # between contacts, by pseudonym
    sentences: tuple[Sentence, ...] = ()
    decisions: tuple[DecisionLine, ...] = ()
    linked: tuple[Identity, ...] = ()  # accounts that approach the same children
    held_since: datetime | None = None  # since when the police have asked for quiet about it
    trail: dict[str, Any] = field(default_factory=dict)

    @property
    def is_draft(self) -> bool:
        return self.status is Status.DRAFT

    @property
    def children(self) -> tuple[ContactView, ...]:
        """The children whom the account contacted, by first contact."""
        return tuple(contact for contact in self.contacts if contact.is_child_contacted)

    @property
    def accepted(self) -> tuple[ContactView, ...]:
        """Those of the children who accepted, whatever they did later."""
        return tuple(child for child in self.children if child.accepted)

    def pointing(self, direction: str) -> tuple[Sentence, ...]:
        """The sentences of one direction, in their stored order."""
        return tuple(s for s in self.sentences if s.direction == direction)


DRAFT_NOTICE = "DRAFT. Not approved for sending: two people have not yet decided on this referral."
"""What every file of a draft says."""
