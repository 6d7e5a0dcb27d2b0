"""The random draw: the same for an account whoever else is asked about, and of the right size."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.engine.sample import Sample

KEY = bytes(range(16))
IDS = st.lists(st.integers(1, 2**62), unique=True, max_size=50)


@given(ids=IDS, order=st.randoms(use_true_random=False), share=st.floats(0.0, 1.0))
def test_an_account_is_drawn_or_not_whoever_else_is_asked_about(
    ids: list[int], order: object, share: float
) -> None:
    sample = Sample(KEY, share)
    together = dict(zip(ids, sample.drawn(np.array(ids, np.int64)), strict=True))
    shuffled = list(ids)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    again = dict(zip(shuffled, sample.drawn(np.array(shuffled, np.int64)), strict=True))
    alone = {number: bool(sample.drawn(np.array([number]))[0]) for number in ids}
    assert together == again == alone
    assert sample.place_of(ids).keys() == {number for number in ids if together[number]}


@given(ids=IDS, small=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_a_larger_share_draws_the_same_and_more(ids: list[int], small: float, more: float) -> None:
    numbers = np.array(ids, np.int64)
    fewer = Sample(KEY, small).drawn(numbers)
    assert not (fewer & ~Sample(KEY, max(small, more)).drawn(numbers)).any()


def test_nothing_draws_nobody_and_everything_everybody() -> None:
    ids = np.arange(1, 1000)
    assert not Sample(KEY, 0.0).drawn(ids).any()
    assert Sample(KEY, 1.0).drawn(ids).all()


@pytest.mark.parametrize("share", [0.001, 0.01, 0.2])
def test_the_share_of_a_million_and_of_any_part_of_them(share: float) -> None:
    """Within five standard deviations: over all, over even numbers, over every tenth of the ids."""
    ids = np.arange(1, 1_000_001)
    drawn = Sample(KEY, share).drawn(ids)
    parts = [drawn, drawn[::2], *np.split(drawn, 10)]
    for part in parts:
        spread = (share * (1 - share) / len(part)) ** 0.5
        assert abs(part.mean() - share) < 5 * spread


def test_another_key_draws_others_independently() -> None:
    ids = np.arange(1, 1_000_001)
    one, other = Sample(KEY, 0.1).drawn(ids), Sample(KEY[::-1], 0.1).drawn(ids)
    assert abs((one & other).mean() - 0.01) < 0.001


def test_the_key_is_in_no_representation() -> None:
    assert KEY.hex() not in repr(Sample(KEY, 0.1))
    assert "key" not in repr(Sample(KEY, 0.1))


def test_a_million_take_well_under_a_second() -> None:
    ids = np.arange(1, 1_000_001)
    Sample(KEY, 0.01).drawn(ids[:10])
    began = time.process_time()
    Sample(KEY, 0.01).drawn(ids)
    assert time.process_time() - began < 0.5
