"""Every value of a threshold set stands on the page, with its name, once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import moderation
import signals
from signals.meanings import UNUSED
from signals.scoring import CLEARS
from signals.spec import KEYS, ThresholdSpec
from signals.wording import changes, describe, items, odds_text, value_text


def _leaves(values: object, prefix: str = "") -> set[str]:
    if isinstance(values, dict):
        return {
            leaf
            for name, value in values.items()
            for leaf in _leaves(value, f"{prefix}.{name}" if prefix else name)
        }
    return {prefix}


def test_nothing_of_the_set_is_left_out() -> None:
    spec = ThresholdSpec()
    stored = _leaves(spec.to_dict()) - {"format"}
    # Only indicators that compare rates have a rate among offenders.
    without = {f"indicators.{key}.alternative" for key in KEYS if spec[key].alternative is None}
    # What clears is not mixed with anything.
    without |= {f"indicators.{key}.share" for key in CLEARS}
    shown = [item.field for section in describe(spec) for item in section.items]
    assert set(shown) == stored - without - UNUSED
    assert len(shown) == len(set(shown))


def test_every_value_has_a_name_a_meaning_and_numbers_a_unit() -> None:
    for item in items(ThresholdSpec()).values():
        assert item.label
        assert item.help.endswith("."), item.field
        if not isinstance(item.value, bool):
            assert item.unit, item.field


def test_what_is_not_offered_is_really_read_by_nothing() -> None:
    """A setting that starts to matter must appear on the page."""
    floors = [Path(signals.__file__).parent, Path(moderation.__file__).parent]
    told = {"spec.py", "meanings.py", "wording.py"}
    sources = [
        path.read_text("utf-8")
        for floor in floors
        for path in floor.rglob("*.py")
        if path.name not in told
    ]
    for name in UNUSED:
        assert not any(re.search(rf"\.{name}\b", source) for source in sources), name


def test_changes_name_what_differs_and_to_whom_it_belongs() -> None:
    before = ThresholdSpec()
    after = ThresholdSpec.from_dict(
        before.to_dict()
        | {"open_at": 140.0, "stretches": [30, 365], "indicators": {"burst": {"minimum": 6}}}
    )
    assert [(x.field, x.before_text, x.after_text) for x in changes(before, after)] == [
        ("open_at", "170", "140"),
        ("stretches", "90, 365, 1,095", "30, 365"),
        ("indicators.burst.minimum", "4", "6"),
    ]
    assert changes(before, after)[2].label == (
        "Sudden wave of contacts with children: minimum evidence"
    )
    assert changes(before, before) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (20.0, "odds 2 times those of the average account"),
        (0.0, "the odds of the average account"),
        (100.0, "odds 32 times those of the average account"),
        (-40.0, "odds 0.25 times those of the average account"),
    ],
)
def test_points_in_words(points: float, words: str) -> None:
    assert odds_text(points) == words


def test_values_read_like_numbers() -> None:
    assert [value_text(x) for x in (None, True, 1095, 0.001, [1, 2], 1e-7)] == [
        "none",
        "yes",
        "1,095",
        "0.001",
        "1, 2",
        "0.0000001",
    ]
