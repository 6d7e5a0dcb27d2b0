"""Which accounts are under a police hold: alerts and retention ask before they do anything."""

from __future__ import annotations

from django.db.models import QuerySet

from moderation.models import PoliceHold


def is_held(account_id: int) -> bool:
    """Whether a hold stands on the account with this database id."""
    return PoliceHold.objects.filter(account=account_id, lifted_at__isnull=True).exists()


def held_accounts() -> QuerySet[PoliceHold, int]:
    """Database ids of all accounts under a hold; fit for ``exclude(pk__in=…)``."""
    return PoliceHold.objects.filter(lifted_at__isnull=True).values_list("account_id", flat=True)


def hold_on(account_id: int) -> PoliceHold | None:
    """The hold that stands on an account, with the person who set it."""
    standing = PoliceHold.objects.filter(account=account_id, lifted_at__isnull=True)
    return standing.select_related("set_by", "case").first()
