"""Whether an account's age is being made sure of, and what came of it."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Account
from moderation.access import visible_cases
from moderation.models import AgeCheck, Case
from moderation.selectors.holds import is_held
from staff.models import User


def pending(account_id: int) -> QuerySet[AgeCheck]:
    """The age check of an account that waits for its answer: one at most."""
    return AgeCheck.objects.filter(account=account_id, answered_at=None, withdrawn_at=None)


def latest(account_id: int) -> AgeCheck | None:
    """The last age check of an account that was not taken back. One query."""
    return (
        AgeCheck.objects.filter(account=account_id, withdrawn_at=None)
        .select_related("asked_by", "answered_by")
        .order_by("-asked_at", "-pk")
        .first()
    )


def waits_on(case: Case, last: AgeCheck | None, user: User) -> Case | None:
    """Another case that ``last`` waits for its answer on, where ``user`` may see that case."""
    if last is None or last.answered_at is not None or last.case_id == case.pk:
        return None
    return visible_cases(user).filter(pk=last.case_id).first()


def why_not(account: Account, last: AgeCheck | None) -> str:
    """Why no age check can be asked for now, in a sentence; "" where one can.

    ``last`` is the account's ``latest``.
    """
    if account.age_source == Account.AgeSource.VERIFIED:
        return "The platform has verified the recorded age already."
    if last is not None and last.answered_at is None:
        return "One was asked for and waits for its answer."
    # The platform may ask the person for a document, and the person would know.
    if is_held(account.pk):
        return "A police hold stands on the account: nothing is asked about it until it is lifted."
    return ""
