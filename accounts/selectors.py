"""What the graph holds, in numbers."""

from __future__ import annotations

from django.db import connection
from django.db.models import Exists, OuterRef

from accounts.models import Account, Event, ImportBatch, Tie

_UNRESOLVED = """
    WITH missing AS (SELECT id FROM accounts_account WHERE provisional),
    waiting AS (SELECT id FROM accounts_event WHERE ref_id IS NULL AND reference <> '')
    SELECT (SELECT count(*) FROM missing),
           (SELECT count(*) FROM (
                SELECT id FROM accounts_tie WHERE a_id IN (SELECT id FROM missing)
                UNION SELECT id FROM accounts_tie WHERE b_id IN (SELECT id FROM missing)
            ) unresolved),
           (SELECT count(*) FROM (
                SELECT id FROM waiting
                UNION SELECT id FROM accounts_event WHERE actor_id IN (SELECT id FROM missing)
                UNION SELECT id FROM accounts_event WHERE object_id IN (SELECT id FROM missing)
            ) unresolved)
"""


def resolved_counts() -> dict[str, int]:
    """Accounts, ties and events that take part in what is computed."""
    waiting = unresolved_counts()
    return {
        "accounts": Account.objects.filter(provisional=False).count(),
        "ties": Tie.objects.count() - waiting["ties"],
        "events": Event.objects.count() - waiting["events"],
    }


def unresolved_counts() -> dict[str, int]:
    """``accounts``: named but not imported; ``ties`` and ``events``: that name such an account, or
    an event that is not here. They wait, and take part once what they name arrives."""
    with connection.cursor() as cursor:
        cursor.execute(_UNRESOLVED)
        accounts, ties, events = cursor.fetchone()
    return {"accounts": accounts, "ties": ties, "events": events}


def replies_naming_accounts(batch: ImportBatch) -> int:
    """Events of an import that wait for an event, and name what is the id of an account."""
    waiting = Event.objects.filter(batch=batch, ref=None).exclude(reference="")
    known = Account.objects.filter(account_id=OuterRef("reference"), provisional=False)
    return waiting.filter(Exists(known)).count()


def graph_is_empty() -> bool:
    """Whether nothing was ever imported."""
    return not Account.objects.exists()


def last_unresolved() -> dict[str, int]:
    """What waited when the last import ended: ``unresolved_counts`` without counting again."""
    ended = ImportBatch.objects.filter(state__in=ImportBatch.OVER).exclude(unresolved={})
    last = ended.order_by("-finished_at").values_list("unresolved", flat=True).first()
    return last or {"accounts": 0, "ties": 0, "events": 0}
