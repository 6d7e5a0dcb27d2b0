"""Which accounts are exempt: for the engine, which leaves them unflagged, and for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from django.db.models import Q, QuerySet
from django.utils import timezone

from moderation.access import visible_cases
from moderation.models import Exemption
from signals import hooks
from staff.models import User


def standing() -> Iterator[hooks.Exemption]:
    """Every exemption that was not revoked, with its end; past ones too, for runs that look back.

    A person's two exemptions of one account count until the later end.
    """
    rows = Exemption.objects.filter(revoked_at=None).order_by("pk")
    for account, until in rows.values_list("account_id", "until").iterator():
        yield hooks.Exemption(account, datetime.combine(until, time.min, tzinfo=UTC))


def listed(user: User, *, ended: bool = False) -> QuerySet[Exemption]:
    """Exemptions of cases that ``user`` may see that still count, or those that ``ended``."""
    counts = Q(revoked_at=None, until__gt=timezone.localdate())
    return everything(user).filter(~counts if ended else counts).order_by("until", "pk")


def everything(user: User) -> QuerySet[Exemption]:
    """The exemptions of all cases that ``user`` may see, in no order."""
    seen = Exemption.objects.filter(decision__case__in=visible_cases(user))
    return seen.select_related("granted_by", "revoked_by", "decision__case", "account")
