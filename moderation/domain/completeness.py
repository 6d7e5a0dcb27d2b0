"""What a referral must say so that the police can route it: a thin tip reaches nobody.

NCMEC's and the NCA's guidance agree on what makes a tip routable: whom it is about and how to find
that account, where in the world, which children, what happened when, and why it is grave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

SUMMARY_LENGTH = 120
"""Characters. Below it a summary says too little to whoever has not seen the case."""


@dataclass(frozen=True, slots=True)
class Tip:
    """What is known about a case on its way to the police.

    ``children`` counts the children contacted, ``accepted`` those who accepted. ``first`` and
    ``last``: the contacts' times. ``sentences``: reasons with rows behind them.
    """

    display_name: str = ""
    region: str = ""
    age_known: bool = False
    created: bool = False
    children: int = 0
    accepted: int = 0
    first: datetime | None = None
    last: datetime | None = None
    sentences: int = 0
    summary: str = ""
    ask: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the meter. ``needed``: without it the tip cannot be routed."""

    label: str
    there: bool
    needed: bool
    missing: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """The meter: its lines in order, and what they add up to."""

    items: tuple[Item, ...]

    @property
    def there(self) -> int:
        return sum(item.there for item in self.items)

    @property
    def missing(self) -> tuple[Item, ...]:
        """What is not there, what is needed first."""
        lacking = [item for item in self.items if not item.there]
        return tuple(sorted(lacking, key=lambda item: not item.needed))

    @property
    def routable(self) -> bool:
        """Whether nothing is missing without which the tip cannot be routed."""
        return all(item.there for item in self.items if item.needed)


_LINES: tuple[tuple[str, bool, str, Callable[[Tip], bool]], ...] = (
    (
        "Children contacted",
        True,
        "No child is recorded among the contacts: say in the case what happened to whom.",
        lambda tip: tip.children > 0,
    ),
    (
        "Dates of the contacts",
        True,
        "No contact is dated, so nobody can look for it in the platform's records.",
        lambda tip: tip.first is not None and tip.last is not None,
    ),
    (
        "Reasons with evidence rows",
        True,
        "No sentence of the assessment has rows behind it.",
        lambda tip: tip.sentences > 0,
    ),
    (
        "Summary of what happened",
        True,
        f"The summary is shorter than {SUMMARY_LENGTH} characters: ask for who, what and when.",
        lambda tip: len(tip.summary.strip()) >= SUMMARY_LENGTH,
    ),
    (
        "Region of the account",
        True,
        "No region is recorded, so no force can be chosen. Ask the platform for it.",
        lambda tip: bool(tip.region),
    ),
    (
        "Name that the account shows",
        False,
        "No display name is recorded.",
        lambda tip: bool(tip.display_name),
    ),
    (
        "Recorded age of the account's owner",
        False,
        "No age is recorded for the account.",
        lambda tip: tip.age_known,
    ),
    (
        "When the account was made",
        False,
        "The day on which the account was made is not recorded.",
        lambda tip: tip.created,
    ),
    (
        "A child who accepted",
        False,
        "No child accepted a contact: the report names intended recipients only.",
        lambda tip: tip.accepted > 0,
    ),
    (
        "What the police are asked for",
        False,
        "The escalation does not say what is asked for.",
        lambda tip: bool(tip.ask.strip()),
    ),
)


def completeness(tip: Tip) -> Completeness:
    """What ``tip`` has and lacks. Pure: the same tip always measures the same."""
    return Completeness(
        tuple(Item(label, test(tip), needed, missing) for label, needed, missing, test in _LINES)
    )
