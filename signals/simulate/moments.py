"""When contacts happen: spread out, in waves, with the school year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from signals.simulate.cells import Index
from signals.simulate.population import Floats, Ids, Population
from signals.simulate.settings import DAY


def active_from(people: Population, account: Index) -> Ids:
    """When an account's recorded activity can begin."""
    return np.maximum(people.created[account], people.settings.start_seconds) + 3_600


def spread(rng: np.random.Generator, start: Ids, end: Ids | int, size: int | None = None) -> Ids:
    """Evenly between two moments (seconds)."""
    count = start.size if size is None else size
    room = np.maximum(np.asarray(end) - start, 1)
    moments: Ids = start + (rng.random(count) * room).astype(np.int64)
    return moments


def waves(
    rng: np.random.Generator,
    owner: NDArray[np.int64],
    owners: int,
    start: Ids,
    end: Ids | int,
    count: Ids,
    width_days: Floats,
) -> Ids:
    """Moments in a few waves an owner.

    ``owner`` numbers the rows' owners; ``start``, ``end``, ``count`` (waves, at most 6) and
    ``width_days`` have one entry an owner.
    """
    most = 6
    room = np.maximum(np.asarray(end) - start - (width_days * DAY).astype(np.int64), 1)
    centres = start[:, None] + (rng.random((owners, most)) * room[:, None]).astype(np.int64)
    which = (rng.random(owner.size) * np.minimum(count, most)[owner]).astype(np.int64)
    within = rng.random(owner.size) * width_days[owner] * DAY
    moments: Ids = centres[owner, which] + within.astype(np.int64)
    return moments


def school_year(
    rng: np.random.Generator, start: Ids, end: int, day_of_year: float, width_days: float
) -> Ids:
    """Around one time of the year, in a year between start and end; later where none fits."""
    year = 365.25 * DAY
    first = np.floor((start - (day_of_year - width_days) * DAY) / year) + 1
    last = np.floor((end - day_of_year * DAY) / year)
    chosen = first + np.floor(rng.random(start.size) * np.maximum(last - first + 1, 1))
    around = np.abs(rng.normal(0, width_days, start.size))
    moments: Ids = (chosen * year + (day_of_year + around) * DAY).astype(np.int64)
    inside = (moments > start) & (moments < end)
    return np.where(inside, moments, spread(rng, start, end))
