"""What a tip lacks: each line of the meter, by itself and for a real case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.completeness import Tip, completeness
from moderation.selectors.completeness import meter, tip_of
from staff.models import User
from tests.moderation import factories
from tests.pages import stories

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHOLE = Tip(
    display_name="Coach K",
    region="GB-CHE",
    age_known=True,
    created=True,
    children=4,
    accepted=1,
    first=AT,
    last=AT,
    sentences=2,
    summary="Asked four children of one school for friendship in two nights; one accepted and "
    "was written to at once. None of them knows the account.",
    ask="Please refer.",
)
LACKING: dict[str, tuple[dict[str, Any], bool]] = {
    "Children contacted": ({"children": 0}, True),
    "Dates of the contacts": ({"first": None}, True),
    "Reasons with evidence rows": ({"sentences": 0}, True),
    "Summary of what happened": ({"summary": "Odd."}, True),
    "Region of the account": ({"region": ""}, True),
    "Name that the account shows": ({"display_name": ""}, False),
    "Recorded age of the account's owner": ({"age_known": False}, False),
    "When the account was made": ({"created": False}, False),
    "A child who accepted": ({"accepted": 0}, False),
    "What the police are asked for": ({"ask": " "}, False),
}


def test_a_whole_tip_lacks_nothing() -> None:
    found = completeness(WHOLE)
    assert (found.missing, found.there, found.routable) == ((), len(found.items), True)
    assert {item.label for item in found.items} == set(LACKING)


@given(st.sets(st.sampled_from(sorted(LACKING))))
def test_exactly_what_is_missing_is_named_and_what_is_needed_first(labels: set[str]) -> None:
    tip = WHOLE
    for label in labels:
        tip = replace(tip, **LACKING[label][0])
    found = completeness(tip)
    assert {item.label for item in found.missing} == labels
    needed = [item.needed for item in found.missing]
    assert needed == sorted(needed, reverse=True)
    assert found.routable == (not any(LACKING[label][1] for label in labels))


@pytest.mark.django_db
def test_a_real_case_is_measured_by_its_own_rows(moderator: User) -> None:
    case = stories.coach(region="GB-CHE")
    assert tip_of(case) == Tip(
        region="GB-CHE",
        age_known=True,
        children=2,
        accepted=1,
        first=factories.NOON,
        last=factories.NOON,
        sentences=1,
    )
    missing = [item.label for item in meter(case).missing]
    assert missing[0] == "Summary of what happened"
    escalated = factories.escalated(moderator)
    told = tip_of(escalated)
    assert told.summary == "Contacted four children whom nobody around them knows."
    assert told.ask == "Please decide on a referral."
