"""The only way from an identifier in a request to a case; what one may not see looks missing."""

from __future__ import annotations

import re

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404

from moderation.models import Case, SecondLook
from staff.capabilities import Capability
from staff.models import User

_REFERENCE = re.compile(r"SL-[0-9]{4}-[0-9]{6,14}", re.ASCII)


def visible_cases(user: User | AnonymousUser) -> QuerySet[Case]:
    """The cases that ``user`` may see: for those who work on cases all but ``hidden_from``."""
    if isinstance(user, User) and user.can(Capability.VIEW_CASES):
        return Case.objects.exclude(pk__in=hidden_from(user))
    return Case.objects.none()


def cases_in_sight(user: User) -> QuerySet[Case]:
    """``visible_cases`` for a page that asks for them many times: looks up once what is hidden.

    One query now, and cheaper ones afterwards.
    """
    if not user.can(Capability.VIEW_CASES):
        return Case.objects.none()
    hidden = list(hidden_from(user))
    return Case.objects.exclude(pk__in=hidden) if hidden else Case.objects.all()


def hidden_from(user: User) -> QuerySet[SecondLook, int]:
    """The ids of the cases that ``user`` decides again: unseen until the second look is given.

    Supervisors too: nobody looks up what was decided first.
    """
    return SecondLook.objects.filter(by=user, looked_at=None).values_list(
        "decision__case", flat=True
    )


def case_or_404(user: User | AnonymousUser, reference: str, *related: str) -> Case:
    """The case called ``reference``, read together with what is ``related`` to it.

    Raises Http404 alike for a missing and a forbidden one.
    """
    if _REFERENCE.fullmatch(reference):
        cases = visible_cases(user).filter(reference=reference)
        case = (cases.select_related(*related) if related else cases).first()
        if case is not None:
            return case
    raise Http404("There is no such case.")
