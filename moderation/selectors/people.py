"""How the people of a case are shown: children without a name, ages as bands with their source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import Account
from moderation.domain.ages import ADULT, FROM_13, FROM_16, MINOR_BANDS, UNDER_13, UNKNOWN, band_at
from signals.networks import Kind

BANDS: dict[str, str] = {
    UNDER_13: "under 13",
    FROM_13: "13–15",
    FROM_16: "16–17",
    ADULT: "18 or over",
    UNKNOWN: "age not known",
}
"""How an age band reads."""

# What may be read of somebody around a flagged account: never the name.
FIELDS = ("pk", "birth_date", "birth_year", "age_band", "region", "community")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody around the flagged account, under a pseudonym that holds within the case."""

    key: int
    kind: Kind
    mark: str  # what stands in the picture: "A" for a child, "3" for others
    band: str  # as in ``BANDS``

    @property
    def name(self) -> str:
        """``Child A``, ``Adult 3``, ``Account 5`` where the age is not known."""
        word = {Kind.CHILD: "Child", Kind.ADULT: "Adult"}.get(self.kind, "Account")
        return f"{word} {self.mark}"

    @property
    def label(self) -> str:
        """Name and band: ``Child A, 13–15``."""
        return f"{self.name}, {self.band}" if self.kind is Kind.CHILD else self.name


def band_on(account: Account, at: datetime | None) -> str:
    """The recorded age band on a day; today where no day is given."""
    return band_at(
        (at or timezone.now()).date(),
        birth_date=account.birth_date,
        birth_year=account.birth_year,
        age_band=account.age_band,
    )


def kind_of(band: str) -> Kind:
    """Child, adult, or unknown where no age is recorded."""
    if band in MINOR_BANDS:
        return Kind.CHILD
    return Kind.ADULT if band == ADULT else Kind.UNKNOWN


def letters(number: int) -> str:
    """``A`` for 0, ``Z`` for 25, ``AA`` for 26: the marks of children."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def pseudonyms(
    accounts: Iterable[Account], first_seen: dict[int, datetime | None]
) -> dict[int, Person]:
    """A person for each account, numbered in the given order; ``first_seen`` by account key.

    Ages are those of the first contact: who was fifteen then stays a child in this case.
    """
    counts = dict.fromkeys(Kind, 0)
    people: dict[int, Person] = {}
    for account in accounts:
        band = band_on(account, first_seen.get(account.pk))
        kind = kind_of(band)
        number = counts[kind]
        counts[kind] += 1
        mark = letters(number) if kind is Kind.CHILD else str(number + 1)
        people[account.pk] = Person(account.pk, kind, mark, BANDS[band])
    return people
