"""How the people of a case are shown: children without a name, ages as bands with their source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from django.db.models import F
from django.utils import timezone

from accounts.models import Account
from moderation.domain.ages import ADULT, FROM_13, FROM_16, MINOR_BANDS, UNDER_13, UNKNOWN, band_at
from moderation.selectors.lookups import AnyOf
from signals.networks import Kind

BANDS: dict[str, str] = {
    UNDER_13: "under 13",
    FROM_13: "13–15",
    FROM_16: "16–17",
    ADULT: "18 or over",
    UNKNOWN: "age not known",
}
"""How an age band reads."""


class RecordedAge(NamedTuple):
    """All that is read of somebody around a flagged account: never the name."""

    key: int
    birth_date: date | None
    birth_year: int | None
    age_band: str


class Person(NamedTuple):
    """Somebody around the flagged account, under a pseudonym that holds within the case."""

    key: int
    kind: Kind
    mark: str  # what stands in the picture: "A" for a child, "3" for others
    band: str  # as in ``BANDS``
    called: Kind | None = None  # the kind when the name was kept, where a record changed since

    @property
    def name(self) -> str:
        """``Child A``, ``Adult 3``, ``Account 5`` where the age is not known."""
        word = {Kind.CHILD: "Child", Kind.ADULT: "Adult"}.get(self.called or self.kind, "Account")
        return f"{word} {self.mark}"

    @property
    def label(self) -> str:
        """Name and band: ``Child A, 13–15``."""
        return f"{self.name}, {self.band}" if self.kind is Kind.CHILD else self.name


def ages_of(keys: Iterable[int]) -> dict[int, RecordedAge]:
    """The recorded ages of those accounts that exist, by key. One query."""
    rows = Account.objects.filter(AnyOf(F("pk"), list(keys))).values_list(
        "pk", "birth_date", "birth_year", "age_band"
    )
    return {row[0]: RecordedAge._make(row) for row in rows}


def band_on(recorded: Account | RecordedAge, at: datetime | None) -> str:
    """The recorded age band on a day; today where no day is given."""
    return band_at(
        (at or timezone.now()).date(),
        birth_date=recorded.birth_date,
        birth_year=recorded.birth_year,
        age_band=recorded.age_band,
    )


def kind_of(band: str) -> Kind:
    """Child, adult, or unknown where no age is recorded."""
    if band in MINOR_BANDS:
        return Kind.CHILD
    return Kind.ADULT if band == ADULT else Kind.UNKNOWN


@lru_cache(maxsize=10_000)
def letters(number: int) -> str:
    """``A`` for 0, ``Z`` for 25, ``AA`` for 26: the marks of children."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


class Kept(NamedTuple):
    """A name that a case has given for good."""

    kind: Kind
    mark: str


def pseudonyms(
    recorded: Iterable[RecordedAge],
    first_seen: dict[int, datetime | None],
    kept: Mapping[int, Kept],
) -> dict[int, Person]:
    """A person for each account: by the name ``kept``, else by the next free one in their order.

    ``first_seen`` and ``kept`` go by account key. Ages are those of the first contact: who was
    fifteen then stays a child in this case.
    """
    taken: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for given, mark in kept.values():
        taken[given].add(mark)
    free = {kind: _free_marks(kind, marks) for kind, marks in taken.items()}
    # One look each: of thousands of people, finding a band's kind and words anew shows
    read_as = {band: (kind_of(band), words, free[kind_of(band)]) for band, words in BANDS.items()}
    today = timezone.now()
    people: dict[int, Person] = {}
    for key, birth_date, birth_year, age_band in recorded:
        day = (first_seen.get(key) or today).date()
        band = band_at(day, birth_date=birth_date, birth_year=birth_year, age_band=age_band)
        kind, words, marks = read_as[band]
        name = kept.get(key)
        if name is None:
            people[key] = Person(key, kind, next(marks), words)
        else:
            called = None if name.kind is kind else name.kind
            people[key] = Person(key, kind, name.mark, words, called)
    return people


def _free_marks(kind: Kind, taken: set[str]) -> Iterator[str]:
    """The marks of a kind, in their order, without those that are ``taken``."""
    marks = map(letters, count()) if kind is Kind.CHILD else map(str, count(1))
    return (mark for mark in marks if mark not in taken)
