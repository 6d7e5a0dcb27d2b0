"""Removing personal data for good: of an account on request, of a case when its time is over.

Which fields go, and what stays in their place, every app declares (``staff.personal``). A police
hold, a live case and a referral within its retention win over every erasure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import erasure as accounts_erasure
from accounts.models import Account
from audit.actors import Actor
from audit.services import record
from moderation.domain.retention import ErasureReason
from moderation.domain.transitions import LIVE_STATES, State
from moderation.models import Case, PoliceHold
from moderation.services import age_checks
from moderation.services.case_texts import has_texts, remove_texts, with_texts
from moderation.services.moves import lock, target
from signals import erasure as signals_erasure
from signals.models import Assessment
from staff import personal
from staff.capabilities import Capability
from staff.errors import InvalidInput, Refused

RETENTION: Final = "retention"
"""The reason that entries of the sweep give."""

_LIVE: Final = sorted(state.value for state in LIVE_STATES)

_LOCK: Final = 0x5174_E4A5
"""Key of the advisory lock that lets one transaction at a time erase accounts."""


class NotFound(Refused):
    """Sightline has no such account, and never erased one of that identifier."""


class Kept(Refused):
    """A hold, a live case or a referral forbids the erasure. The message says which."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. ``account`` is the database id, which says nothing about the person."""

    account: int
    already: bool
    cases: tuple[str, ...]


def erase_account(*, actor: Actor, account_id: str, reason: str) -> Erased:
    """Remove the personal data of the account with the platform's identifier ``account_id``.

    Its row stays under a salted digest, so that the evidence about others keeps its shape. Of the
    cases of others that it is part of, what people wrote goes, because it may name the person.
    Erasing an erased account again removes what was written, or left in files by an import, since;
    without any it leaves no entry. ``reason`` is a code of ``ErasureReason``.

    Raises NotAllowed, InvalidInput (field "reason"), NotFound, Kept.
    """
    actor.require(Capability.ERASE_DATA)
    if reason not in set(ErasureReason):
        raise InvalidInput({"reason": f"Choose one of {', '.join(ErasureReason)}."})
    with transaction.atomic():
        _wait_for_turn()
        # Cases before any other row, as everywhere. The lock on the account then keeps new cases
        # and holds away: their foreign keys wait for it.
        known = Account.objects.filter(account_id=account_id).first()
        if known is None:
            return _already(actor, account_id, reason)
        involved = _locked(known)
        account = Account.objects.select_for_update().filter(account_id=account_id).first()
        if account is None:
            return _already(actor, account_id, reason)
        if why_not := kept_because(account):
            raise Kept(why_not)
        cases = [case for case in involved if case.account_id == account.pk]
        for case in cases:
            _empty(actor, case, reason)
        named_in = _remove_texts_of(involved, account, actor, reason)
        counts: dict[str, Any] = signals_erasure.forget_account(account.pk)
        counts |= accounts_erasure.forget_account(account)
        references = tuple(case.reference for case in cases)
        _tell_erased(
            actor,
            account,
            account_id,
            reason,
            cases=list(references),
            named_in=named_in,
            removed=counts,
        )
    return Erased(account.pk, already=False, cases=references)


def erase_case(*, actor: Actor, case_id: int) -> bool:
    """Remove the personal data of a case whose retention is over; whether there was any to remove.

    Raises NotAllowed, Case.DoesNotExist.
    """
    actor.require(Capability.ERASE_DATA)
    with transaction.atomic():
        case = lock(case_id)
        if not cases_due(timezone.now()).filter(pk=case.pk).exists():
            return False
        _empty(actor, case, RETENTION)
    return True


def kept_because(account: Account) -> str:
    """Why nothing of ``account`` may be removed now, in a sentence; empty when it may."""
    if PoliceHold.objects.filter(account=account, lifted_at=None).exists():
        return "A police hold stands on this account: nothing of it is removed until it is lifted."
    involved = _involving(account)
    live = involved.filter(state__in=_LIVE)
    if live.exists():
        return f"It is part of {_listed(live)}, which is not decided yet."
    held = involved.filter(account__in=PoliceHold.objects.filter(lifted_at=None).values("account"))
    if held.exists():
        return f"It is part of {_listed(held)}, under a police hold."
    referred = involved.filter(referral__approved_at__gt=_referred_before(timezone.now()))
    if referred.exists():
        return (
            f"It is part of {_listed(referred)}, which was "
            f"referred to the police less than {settings.RETENTION_REFERRED_DAYS} days ago."
        )
    return ""


def cases_due(now: datetime) -> QuerySet[Case]:
    """Cases whose personal data has been kept long enough: dismissed, or referred, since then.

    Not those under a hold, those whose account has a case that is live or within its retention, or
    those that are empty already: a text written since is a reason to empty a case once more.
    """
    full = Q(personal_data_removed_at=None) | Q(personal_data_removed_at__lt=F("decided_at"))
    dismissed = Q(
        state=State.DISMISSED.value,
        decided_at__lte=now - timedelta(days=settings.RETENTION_DISMISSED_DAYS),
    )
    referred = Q(state=State.REFERRED.value, referral__approved_at__lte=_referred_before(now))
    kept = Q(state__in=_LIVE) | Q(
        state=State.REFERRED.value, referral__approved_at__gt=_referred_before(now)
    )
    return (
        Case.objects.filter(dismissed | referred)
        .filter(full | with_texts())
        .exclude(account__in=PoliceHold.objects.filter(lifted_at=None).values("account"))
        .exclude(account__in=Case.objects.filter(kept).values("account"))
        .order_by("pk")
    )


def _wait_for_turn() -> None:
    """Let no other transaction erase an account until the running one ends.

    Files are written anew without the account's rows: of two at once, the later would bring back
    what the earlier had removed. Before any row is locked, so that nobody waits in a circle.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _involving(account: Account) -> QuerySet[Case]:
    """The cases of ``account`` and those that it is part of as somebody else, oldest first."""
    part = (
        Q(account=account)
        | Q(pseudonyms__account=account)
        | Q(assessment__evidence__target=account)
    )
    return Case.objects.filter(part).distinct().order_by("pk")


def _locked(account: Account) -> list[Case]:
    """``_involving``, each locked. In two steps: PostgreSQL locks no rows that it made distinct."""
    rows = Case.objects.select_for_update(of=("self",)).order_by("pk")
    return list(rows.filter(pk__in=_involving(account).order_by().values("pk")))


def _empty(actor: Actor, case: Case, reason: str) -> None:
    """Remove what people wrote about the case, its explanations and its package, and record it."""
    explained = Q(cases=case) | Q(decisions__case=case)
    assessments = list(Assessment.objects.filter(explained).distinct().values_list("pk", flat=True))
    age_checks.end_waiting(case, actor)
    counts = remove_texts(case)
    counts["evidence_rows"] = signals_erasure.forget_assessments(assessments)
    Case.objects.filter(pk=case.pk).update(
        **personal.table("moderation.Case").blanks(), personal_data_removed_at=timezone.now()
    )
    _tell(actor, case, reason, counts)


def _remove_texts_of(
    cases: Iterable[Case], account: Account, actor: Actor, reason: str
) -> list[str]:
    """Remove what people wrote about those cases that are of others; which had any.

    Their explanations stay: they are about the flagged account, and lead to the contact's row,
    which says no longer who it was.
    """
    others = [case for case in cases if case.account_id != account.pk and has_texts(case)]
    for case in others:
        _tell(actor, case, reason, remove_texts(case))
    return [case.reference for case in others]


def _tell(actor: Actor, case: Case, reason: str, counts: dict[str, int]) -> None:
    record(
        actor=actor,
        verb="case.erase",
        target=target(case),
        after={"removed": counts},
        reason=reason,
    )


def _tell_erased(actor: Actor, account: Account, account_id: str, reason: str, **what: Any) -> None:
    record(
        actor=actor,
        verb="account.erase",
        target=f"account:{account.pk}",
        after={"pseudonym": accounts_erasure.pseudonym(account_id), **what},
        reason=reason,
    )


def _already(actor: Actor, account_id: str, reason: str) -> Erased:
    """The outcome for an account that is not there under this identifier."""
    erased = Account.objects.filter(account_id=accounts_erasure.pseudonym(account_id)).first()
    if erased is None:
        raise NotFound("There is no account with this identifier.")
    involved = _locked(erased)
    if why_not := kept_because(erased):
        raise Kept(why_not)
    cases = [case for case in involved if case.account_id == erased.pk]
    for case in cases:
        if case.personal_data_removed_at is None or has_texts(case):
            _empty(actor, case, reason)
    _remove_texts_of(involved, erased, actor, reason)
    # An import that was under way then may have left rejected rows since.
    if rows := accounts_erasure.forget_files(account_id):
        _tell_erased(actor, erased, account_id, reason, removed={"rejected_rows": rows})
    return Erased(erased.pk, already=True, cases=tuple(case.reference for case in cases))


def _referred_before(now: datetime) -> datetime:
    return now - timedelta(days=settings.RETENTION_REFERRED_DAYS)


def _listed(cases: QuerySet[Case]) -> str:
    references = list(cases.values_list("reference", flat=True)[:4])
    return ", ".join(references[:3]) + (" and others" if len(references) > 3 else "")
