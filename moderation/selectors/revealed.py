"""Names and birth dates of a case's children, for a person to whom they were revealed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from accounts.models import Account
from moderation.domain.reveals import stands
from moderation.domain.transitions import State
from moderation.models import Case, Reveal
from staff.models import User


class Identity(NamedTuple):
    """Who a child of the case is, as the platform recorded it. ``born`` reads "3 Apr 2012"."""

    account_id: str
    display_name: str
    born: str
    source: str


def in_hand(user: User, case: Case, now: datetime) -> bool:
    """Whether ``user`` works on ``case``, and so may ask for names."""
    return stands(case.state, user.role, is_holder=case.is_held_by(user, now))


def live_reveal(user: User, case: Case, reveal_id: int | None, now: datetime) -> Reveal | None:
    """The reveal under which ``user`` sees names now; None where they stay hidden.

    It ends with its time and with the hold that it was made under: who claims the case again is
    asked for a reason again.
    """
    if reveal_id is None or not in_hand(user, case, now):
        return None
    shown = Reveal.objects.filter(pk=reveal_id, case=case, by=user, ends_at__gt=now).first()
    if shown is None:
        return None
    claimed = case.claimed_at if case.state == State.IN_REVIEW else None
    return shown if claimed is None or shown.at >= claimed else None


def identities(keys: Iterable[int]) -> dict[int, Identity]:
    """Who the accounts ``keys`` are, by key. Only for a live reveal. One query."""
    rows = Account.objects.filter(pk__in=list(keys)).only(
        "account_id", "display_name", "birth_date", "birth_year", "age_band", "age_source"
    )
    return {row.pk: _identity(row) for row in rows}


def _identity(account: Account) -> Identity:
    if account.birth_date is not None:
        born = f"{account.birth_date:%-d %b %Y}"
    elif account.birth_year is not None:
        born = str(account.birth_year)
    else:
        born = account.get_age_band_display() if account.age_band else ""
    return Identity(
        account_id=account.account_id,
        display_name=account.display_name,
        born=born or "not recorded",
        source=account.get_age_source_display() if born else "",
    )
