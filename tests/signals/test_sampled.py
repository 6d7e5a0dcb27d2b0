"""What the random sample says about what is missed: figures and words."""

from __future__ import annotations

import pyarrow as pa
import pytest

from signals.hooks import Sampled
from signals.ranking import wilson
from signals.sampled import missed, missed_words, sample_figures, sample_words
from signals.spec import SpecError, ThresholdSpec


def cases(confirmed: int, dismissed: int, waiting: int) -> list[Sampled]:
    outcomes = ["confirmed"] * confirmed + ["dismissed"] * dismissed + [None] * waiting
    return [Sampled(number, outcome) for number, outcome in enumerate(outcomes, start=1)]


def scores(rows: int, **true: list[int]) -> pa.Table:
    """``rows`` accounts from 1 on; ``true`` names the accounts of which a column holds."""
    accounts = list(range(1, rows + 1))
    return pa.table(
        {"account": pa.array(accounts, pa.int64())}
        | {
            name: pa.array([number in true.get(name, []) for number in accounts], pa.bool_())
            for name in ("flagged", "exempt", "recorded_minor")
        }
    )


@pytest.mark.parametrize("waiting", [0, 3])
def test_while_none_is_decided_it_says_so(waiting: int) -> None:
    figures = missed(cases(0, 0, waiting), scores(10), [])
    assert (figures["rate"], figures["low"], figures["missed"]["value"]) == (None, None, None)
    assert sample_words(figures).endswith("; no sampled case decided yet.")
    assert missed_words(figures) == ""
    assert sample_words(sample_figures(cases(0, 0, 1))).startswith("1 case opened")


def test_only_decided_cases_count() -> None:
    figures = sample_figures(cases(1, 24, 15))
    assert (figures["cases"], figures["decided"], figures["confirmed"]) == (40, 25, 1)
    assert (figures["rate"], (figures["low"], figures["high"])) == (0.04, wilson(1, 25))
    assert sample_words(figures) == (
        "40 cases opened from the random sample, 25 decided, 1 of them confirmed: 4.0 % of "
        "accounts below the threshold (0.71 % to 19.5 %, 95 % interval) would be confirmed by a "
        "look."
    )


def test_accounts_below_are_those_that_could_be_drawn() -> None:
    """Of 1,000: flagged, exempt and recorded children are out, and who had a case otherwise."""
    table = scores(1000, flagged=[101, 102], exempt=[103], recorded_minor=[104, 105, 101])
    found = missed(cases(1, 24, 15), table, [*range(1, 41), 106, 107, 5000])
    assert found["below"] == 1000 - 5 - 2
    assert found["missed"]["value"] == pytest.approx(0.04 * 993)
    low, high = wilson(1, 25) or (0.0, 0.0)
    assert (found["missed"]["low"], found["missed"]["high"]) == pytest.approx(
        (low * 993, high * 993)
    )
    assert missed_words(found) == (
        "Of the 993 accounts below the threshold from which is drawn that would be about 40 "
        "(7 to 194)."
    )


def test_no_scores_at_all_are_no_error() -> None:
    found = missed(cases(0, 2, 0), scores(0), [])
    assert (found["below"], found["missed"]["value"]) == (0, 0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_share", -0.01),
        ("sample_share", 0.21),
        ("sample_share", True),
        ("keep_margin", -1.0),
        ("keep_margin", 500.5),
        ("keep_margin", "20"),
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(SpecError) as refusal:
        ThresholdSpec.from_dict({name: value})
    assert refusal.value.errors.keys() == {name}
