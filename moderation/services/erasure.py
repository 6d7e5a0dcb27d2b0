"""Removing personal data for good: of an account on request, of a case when its time is over.

Which fields go, and what stays in their place, every app declares (``staff.personal``). A police
hold, a live case and a referral within its retention win over every erasure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import erasure as accounts_erasure
from accounts.models import Account
from audit.actors import Actor
from audit.services import record
from moderation.domain.retention import ErasureReason
from moderation.domain.transitions import LIVE_STATES, State
from moderation.models import (
    AgeCheck,
    Case,
    Decision,
    Draft,
    Exemption,
    Note,
    PoliceHold,
    Referral,
    Reveal,
    SealedPackage,
    SecondLook,
)
from moderation.services.moves import lock, target
from signals import erasure as signals_erasure
from signals.models import Assessment
from staff import personal
from staff.capabilities import Capability
from staff.errors import InvalidInput, Refused

RETENTION: Final = "retention"
"""The reason that entries of the sweep give."""

_EMPTIED: Final = (
    "AgeCheck",
    "Case",
    "Decision",
    "Exemption",
    "Note",
    "PoliceHold",
    "Referral",
    "Reveal",
    "SealedPackage",
    "SecondLook",
)
_WRITTEN: Final = ("ask",)
"""Of a decision's details, what a person wrote freely."""

_LIVE: Final = sorted(state.value for state in LIVE_STATES)


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

    Its row stays under a salted digest, so that the evidence about others keeps its shape. Erasing
    an erased account again leaves no entry, and removes what an import left in files since.
    ``reason`` is a code of ``ErasureReason``.

    Raises NotAllowed, InvalidInput (field "reason"), NotFound, Kept.
    """
    actor.require(Capability.ERASE_DATA)
    if reason not in set(ErasureReason):
        raise InvalidInput({"reason": f"Choose one of {', '.join(ErasureReason)}."})
    with transaction.atomic():
        # Cases before anything else, as everywhere. The lock on the account then keeps new cases
        # and holds away: their foreign keys wait for it.
        of_account = Case.objects.select_for_update(of=("self",)).order_by("pk")
        cases = list(of_account.filter(account__account_id=account_id))
        account = Account.objects.select_for_update().filter(account_id=account_id).first()
        if account is None:
            return _already(account_id)
        why_not = kept_because(account)
        if why_not:
            raise Kept(why_not)
        for case in cases:
            _empty(actor, case, reason)
        counts: dict[str, Any] = signals_erasure.forget_account(account.pk)
        counts |= accounts_erasure.forget_account(account)
        references = tuple(case.reference for case in cases)
        record(
            actor=actor,
            verb="account.erase",
            target=f"account:{account.pk}",
            after={
                "pseudonym": accounts_erasure.pseudonym(account_id),
                "cases": list(references),
                "removed": counts,
            },
            reason=reason,
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
    involved = (
        Case.objects.filter(
            Q(account=account)
            | Q(pseudonyms__account=account)
            | Q(assessment__evidence__target=account)
        )
        .distinct()
        .order_by("pk")
    )
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
    those that are empty already.
    """
    dismissed = Q(
        state=State.DISMISSED.value,
        decided_at__lte=now - timedelta(days=settings.RETENTION_DISMISSED_DAYS),
    ) & (Q(personal_data_removed_at=None) | Q(personal_data_removed_at__lt=F("decided_at")))
    referred = Q(
        state=State.REFERRED.value,
        referral__approved_at__lte=_referred_before(now),
        personal_data_removed_at=None,
    )
    kept = Q(state__in=_LIVE) | Q(
        state=State.REFERRED.value, referral__approved_at__gt=_referred_before(now)
    )
    return (
        Case.objects.filter(dismissed | referred)
        .exclude(account__in=PoliceHold.objects.filter(lifted_at=None).values("account"))
        .exclude(account__in=Case.objects.filter(kept).values("account"))
        .order_by("pk")
    )


def _empty(actor: Actor, case: Case, reason: str) -> None:
    """Remove what people wrote about the case, its explanations and its package, and record it."""
    now = timezone.now()
    blanks = {model: personal.table(f"moderation.{model}").blanks() for model in _EMPTIED}
    decisions = Decision.objects.filter(case=case)
    explained = Q(cases=case) | Q(decisions__case=case)
    assessments = list(Assessment.objects.filter(explained).distinct().values_list("pk", flat=True))
    counts = {
        "notes": Note.objects.filter(case=case).update(**blanks["Note"]),
        "decisions": _empty_decisions(list(decisions), blanks["Decision"]),
        "reveals": Reveal.objects.filter(case=case).exclude(note="").update(**blanks["Reveal"]),
        "drafts": Draft.objects.filter(case=case).delete()[0],
        "packages": SealedPackage.objects.filter(referral__case=case, erased_at=None).update(
            **blanks["SealedPackage"], erased_at=now
        ),
        "evidence_rows": signals_erasure.forget_assessments(assessments),
    }
    for field, stays in blanks["Referral"].items():
        Referral.objects.filter(case=case).exclude(**{field: None}).update(**{field: stays})
    AgeCheck.objects.filter(case=case).exclude(note=None).update(**blanks["AgeCheck"])
    PoliceHold.objects.filter(case=case).exclude(lifted_at=None).exclude(
        **blanks["PoliceHold"]
    ).update(**blanks["PoliceHold"])
    Exemption.objects.filter(decision__case=case).exclude(revoked_at=None).update(
        **blanks["Exemption"]
    )
    SecondLook.objects.filter(decision__case=case).exclude(looked_at=None).exclude(
        note=None
    ).update(**blanks["SecondLook"])
    Case.objects.filter(pk=case.pk).update(**blanks["Case"], personal_data_removed_at=now)
    record(
        actor=actor,
        verb="case.erase",
        target=target(case),
        after={"removed": counts},
        reason=reason,
    )


def _empty_decisions(decisions: list[Decision], blanks: dict[str, Any]) -> int:
    for decision in decisions:
        for name, stays in blanks.items():
            setattr(decision, name, stays)
        # The rest of the details are codes and dates, on which the history rests.
        decision.details = {key: v for key, v in decision.details.items() if key not in _WRITTEN}
    return Decision.objects.bulk_update(decisions, [*blanks, "details"]) if decisions else 0


def _already(account_id: str) -> Erased:
    """The outcome for an account that is not there under this identifier."""
    erased = Account.objects.filter(account_id=accounts_erasure.pseudonym(account_id)).first()
    if erased is None:
        raise NotFound("There is no account with this identifier.")
    # An import that was under way then may have left rejected rows since.
    accounts_erasure.forget_files(account_id)
    references = Case.objects.filter(account=erased).order_by("pk")
    return Erased(
        erased.pk, already=True, cases=tuple(references.values_list("reference", flat=True))
    )


def _referred_before(now: datetime) -> datetime:
    return now - timedelta(days=settings.RETENTION_REFERRED_DAYS)


def _listed(cases: QuerySet[Case]) -> str:
    references = list(cases.values_list("reference", flat=True)[:4])
    return ", ".join(references[:3]) + (" and others" if len(references) > 3 else "")
