"""The kinds of account that a synthetic community holds, and how many of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HARD_NEGATIVES: tuple[str, ...] = (
    "teacher",
    "coach",
    "camp_staff",
    "tutor",
    "relative",
    "older_peer",
    "creator",
    "spammer",
    "friend_collector",
    "newcomer",
    "misaged_child",
    "school_account",
    "false_report_target",
)
"""Harmless accounts that look, in one way or another, like something else."""

OFFENDERS: tuple[str, ...] = (
    "mass_requester",
    "school_hopper",
    "slow_stranger",
    "ring",
    "posing_minor",
    "recontacter",
    "mutual_collector",
    "sleeper",
    "role_abuser",
)
"""Planted strategies (label 1)."""

KINDS: tuple[str, ...] = ("ordinary", *HARD_NEGATIVES, *OFFENDERS)
CODE: dict[str, int] = {name: code for code, name in enumerate(KINDS)}
FIRST_OFFENDER = CODE[OFFENDERS[0]]


@dataclass(frozen=True)
class Eligibility:
    """Ages (years at the end of the history) and tenure (days) that a kind is drawn from."""

    youngest: float
    oldest: float
    tenure: float = 60.0
    newest: float = 100_000.0


ELIGIBILITY: dict[str, Eligibility] = {
    "teacher": Eligibility(25, 62, 200),
    "coach": Eligibility(19, 56, 200),
    "camp_staff": Eligibility(19, 45, 200),
    "tutor": Eligibility(18.5, 60, 200),
    "relative": Eligibility(20, 66, 200),
    "older_peer": Eligibility(18.2, 21, 200),
    "creator": Eligibility(17, 40, 300),
    "spammer": Eligibility(18, 55, 20),
    "friend_collector": Eligibility(15, 45, 200),
    "newcomer": Eligibility(13, 35, 15, 260),
    "school_account": Eligibility(30, 80, 300),
    "false_report_target": Eligibility(18, 50, 200),
    "mass_requester": Eligibility(21, 64, 90),
    "school_hopper": Eligibility(21, 60, 300),
    "slow_stranger": Eligibility(25, 68, 500),
    "ring": Eligibility(21, 62, 250),
    "posing_minor": Eligibility(21, 60, 120),
    "recontacter": Eligibility(21, 64, 200),
    "mutual_collector": Eligibility(19, 55, 300),
    "sleeper": Eligibility(24, 66, 600),
    "role_abuser": Eligibility(24, 60, 400),
}
"""``misaged_child`` is absent: every child whose recorded age is adult belongs to it."""


def assign_kinds(
    rng: np.random.Generator,
    age: NDArray[np.float64],
    tenure_days: NDArray[np.float64],
    class_size: int,
    offenders: int,
) -> NDArray[np.int8]:
    """Give each account its kind; planted strategies share their number as evenly as it goes."""
    kinds = np.zeros(age.size, dtype=np.int8)
    wanted = {name: class_size for name in HARD_NEGATIVES if name in ELIGIBILITY}
    share, rest = divmod(offenders, len(OFFENDERS))
    wanted |= {name: share + (place < rest) for place, name in enumerate(OFFENDERS)}
    # The narrowest go first: in a small community, wide ones would use their few accounts up.
    width = {name: rule.oldest - rule.youngest for name, rule in ELIGIBILITY.items()}
    for name in sorted(wanted, key=lambda key: (ELIGIBILITY[key].newest > 1_000, width[key], key)):
        rule = ELIGIBILITY[name]
        free = (kinds == 0) & (age >= rule.youngest) & (age < rule.oldest)
        fitting = free & (tenure_days >= rule.tenure) & (tenure_days < rule.newest)
        pool = np.flatnonzero(fitting)
        if pool.size < wanted[name]:
            pool = np.flatnonzero(free)
        chosen = rng.permutation(pool)[: wanted[name]]
        kinds[chosen] = CODE[name]
    return kinds
