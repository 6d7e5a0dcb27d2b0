"""From a reference in a request to a case: what one may not see looks missing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from moderation.access import case_or_404, visible_cases
from staff.models import User
from tests.moderation import factories

pytestmark = pytest.mark.django_db


def test_those_who_work_on_cases_find_them(moderator: User, supervisor: User) -> None:
    case = factories.case()
    for user in (moderator, supervisor):
        assert case_or_404(user, case.reference) == case
        assert list(visible_cases(user)) == [case]


def test_for_others_a_case_looks_like_one_that_does_not_exist(
    moderator: User, admin: User, auditor: User, outsider: User
) -> None:
    case = factories.case()
    with pytest.raises(Http404) as missing:
        case_or_404(moderator, "SL-2026-999999")
    for user in (admin, auditor, outsider, AnonymousUser()):
        with pytest.raises(Http404) as forbidden:
            case_or_404(user, case.reference)
        assert str(forbidden.value) == str(missing.value)
        assert not visible_cases(user).exists()


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "1",
        "SL-2026-1",
        "sl-2026-000001",
        "SL-2026-000001\n",
        "SL-２０２６-000001",
        "\x00",
        "SL-2026-" + "9" * 99,
    ],
)
def test_a_malformed_reference_is_missing_before_the_database_sees_it(
    reference: str, moderator: User, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0), pytest.raises(Http404):  # type: ignore[operator]  # a fixture without a type
        case_or_404(moderator, reference)
