"""Which accounts stand in reports that NCMEC has received from here before."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from django.db.models import F, QuerySet

from accounts.models import Event
from moderation.domain.referrals import Destination
from moderation.models import Case, Referral
from moderation.selectors.lookups import AnyOf

_REPORT_ID: Final = re.compile("[1-9][0-9]{0,17}")  # a long, as NCMEC's schema has it
_OPENING: Final = (Event.Type.OFFER, Event.Type.FOLLOW, Event.Type.CREATE)


def reports_on(
    case: Case, accounts: Collection[int], until: datetime
) -> dict[int, tuple[int, ...]]:
    """NCMEC's numbers of the reports that reported each of ``accounts`` before ``until``.

    By account key; those of ``case`` itself are left out.
    """
    earlier = _received(case, until).filter(AnyOf(F("case__account_id"), accounts))
    return _numbers(earlier.values_list("case__account_id", "receipt"))


def reports_naming(
    case: Case, children: Collection[int], until: datetime
) -> dict[int, tuple[int, ...]]:
    """NCMEC's numbers of the reports before ``until`` that name each of ``children``.

    A report names the children whom its account had contacted by the time it was approved.
    """
    of_account: defaultdict[int, list[tuple[datetime, str | None]]] = defaultdict(list)
    for account, approved, receipt in _received(case, until).values_list(
        "case__account_id", "approved_at", "receipt"
    ):
        of_account[account].append((approved, receipt))
    if not of_account:
        return {}
    contacts = Event.objects.filter(
        AnyOf(F("object_id"), children), AnyOf(F("actor_id"), of_account), type__in=_OPENING
    ).values_list("object_id", "actor_id", "published")
    return _numbers(
        (child, receipt)
        for child, account, published in contacts
        for approved, receipt in of_account[account]
        if published < approved
    )


def _received(case: Case, until: datetime) -> QuerySet[Referral]:
    sent = Referral.objects.filter(destination=Destination.NCMEC, sent_at__lt=until)
    return sent.exclude(case=case)


def _numbers(pairs: Iterable[tuple[Any, Any]]) -> dict[int, tuple[int, ...]]:
    """By key; a receipt that a person noted by hand may be something else than a number."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for key, receipt in pairs:
        if receipt and _REPORT_ID.fullmatch(receipt):
            found[key].add(int(receipt))
    return {key: tuple(sorted(numbers)) for key, numbers in found.items()}
