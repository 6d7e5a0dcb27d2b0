"""What people wrote about a case, with its sealed package: whether there is any, and its removal.

A text goes once it is final: the reason of a hold that stands, or what a second look is to answer,
stays until then. The services in ``erasure`` authorise, decide and record.
"""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from moderation.models import (
    AgeCheck,
    Case,
    Decision,
    Delivery,
    Draft,
    Exemption,
    Note,
    PoliceHold,
    Referral,
    Reveal,
    SealedPackage,
    SecondLook,
)
from staff import personal
from staff.personal import REMOVED

_WRITTEN: Final = ("ask",)
"""Of a decision's details, what a person wrote freely."""


def has_texts(case: Case) -> bool:
    """Whether anything about the case can be removed now."""
    return any(rows.exists() for rows in _texts(case.pk).values())


def with_texts() -> Q:
    """The condition on cases of which ``has_texts`` is true."""
    found = Q()
    for rows in _texts(OuterRef("pk")).values():
        found |= Q(Exists(rows))
    return found


def remove_texts(case: Case) -> dict[str, int]:
    """Remove them, and drafts, from a locked case in the running transaction; counts by kind."""
    texts = _texts(case.pk)
    counts = {
        "notes": texts["Note"].update(**_blanks("Note")),
        "decisions": _empty_decisions(list(texts["Decision"])),
        "reveals": texts["Reveal"].update(**_blanks("Reveal")),
        "drafts": Draft.objects.filter(case=case).delete()[0],
        "packages": texts["SealedPackage"].update(
            **_blanks("SealedPackage"), erased_at=timezone.now()
        ),
    }
    for field, stays in _blanks("Referral").items():
        Referral.objects.filter(case=case).exclude(**{field: None}).update(**{field: stays})
    # What NCMEC answered to a filing could quote it. Of one that has arrived no answer is kept.
    Delivery.objects.filter(
        Q(referral__case=case) | Q(age_check__case=case), state=Delivery.State.DEAD
    ).update(**_blanks("Delivery"))
    for model in ("AgeCheck", "PoliceHold", "Exemption", "SecondLook"):
        texts[model].update(**_blanks(model))
    return counts


def _texts(case: int | OuterRef) -> dict[str, QuerySet[Any]]:
    """The rows whose texts can be removed now, by model."""
    of_case = {
        "Note": Note.objects.exclude(text=REMOVED),
        "Decision": Decision.objects.filter(~Q(note=REMOVED) | Q(details__has_any_keys=_WRITTEN)),
        "Reveal": Reveal.objects.exclude(note__in=("", REMOVED)),
        "AgeCheck": AgeCheck.objects.exclude(note=None).exclude(note=REMOVED),
        "PoliceHold": PoliceHold.objects.exclude(lifted_at=None).exclude(
            reason=REMOVED, lift_reason=REMOVED
        ),
        "Referral": Referral.objects.filter(
            ~Q(summary=REMOVED) | _not_removed("answer") | _not_removed("outcome_note")
        ),
    }
    of_decision = {
        "Exemption": Exemption.objects.exclude(revoked_at=None).exclude(revoke_reason=REMOVED),
        "SecondLook": SecondLook.objects.filter(_not_removed("note"), looked_at__isnull=False),
    }
    return (
        {model: rows.filter(case=case) for model, rows in of_case.items()}
        | {model: rows.filter(decision__case=case) for model, rows in of_decision.items()}
        | {"SealedPackage": SealedPackage.objects.filter(erased_at=None, referral__case=case)}
    )


def _not_removed(field: str) -> Q:
    return Q(**{f"{field}__isnull": False}) & ~Q(**{field: REMOVED})


def _blanks(model: str) -> dict[str, Any]:
    return personal.table(f"moderation.{model}").blanks()


def _empty_decisions(decisions: list[Decision]) -> int:
    blanks = _blanks("Decision")
    for decision in decisions:
        for name, stays in blanks.items():
            setattr(decision, name, stays)
        # The rest of the details are codes and dates, on which the history rests.
        decision.details = {key: v for key, v in decision.details.items() if key not in _WRITTEN}
    return Decision.objects.bulk_update(decisions, [*blanks, "details"]) if decisions else 0
