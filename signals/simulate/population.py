"""Who lives in a synthetic community: ages, places, groups and temperaments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.simulate.clock import REGIONS
from signals.simulate.settings import DAY, SimulationSettings
from signals.simulate.strategies import CODE, FIRST_OFFENDER, assign_kinds

YEAR = 365.25 * DAY
TOWN_SIZE = 2_500
SCHOOL_SIZE = 320
CLASS_SIZE = 25
CLUB_SIZE = 32
WORKPLACE_SIZE = 26
CIRCLE_SIZE = 24
CHILDREN_A_HOUSEHOLD = 1.7
OLDEST_WITH_SCHOOL = 24.0

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """One array entry an account. Times are seconds since 1970, groups are numbers or -1.

    ``poses_as`` is the age (years, at the end) that an adult shows to pass for a child, else 0;
    ``twin`` a second account of the same person, else -1.
    """

    settings: SimulationSettings
    kind: NDArray[np.int8]
    birth: Ids
    created: Ids
    town: Ids
    region: NDArray[np.int8]
    school: Ids
    school_class: Ids
    club: Ids
    workplace: Ids
    circle: Ids
    household: Ids
    is_parent: NDArray[np.bool_]
    degree: Floats
    activity: Floats
    attraction: Floats
    openness: Floats
    stranger_share: Floats
    child_share: Floats
    night_share: Floats
    thread_habit: Floats
    irritation: Floats
    block_habit: Floats
    preferred_age: Floats
    poses_as: Floats
    twin: NDArray[np.int32]
    schools: int
    towns: int

    @property
    def size(self) -> int:
        """Number of accounts."""
        return int(self.birth.size)

    def age_at(self, account: NDArray[np.int32], moment: Ids) -> Floats:
        """True age in years."""
        age: Floats = (moment - self.birth[account]) / YEAR
        return age

    def members(self, *names: str) -> Ids:
        """Accounts of the named kinds, in ascending order."""
        return np.flatnonzero(np.isin(self.kind, [CODE[name] for name in names]))


def _logit_beta(rng: np.random.Generator, a: float, b: float, size: int) -> Floats:
    drawn = np.clip(rng.beta(a, b, size), 0.02, 0.98)
    logit: Floats = np.log(drawn / (1 - drawn))
    return logit


def _ages(rng: np.random.Generator, size: int) -> Floats:
    """Ages at the end of the history: a social platform with three in ten under 18."""
    band = rng.choice(5, size=size, p=[0.30, 0.22, 0.20, 0.18, 0.10])
    low = np.array([8.5, 18.0, 25.0, 35.0, 50.0])[band]
    high = np.array([18.0, 25.0, 35.0, 50.0, 76.0])[band]
    along = np.where(band == 0, rng.random(size) ** 0.55, rng.random(size))
    ages: Floats = low + (high - low) * along
    return ages


def _created(rng: np.random.Generator, settings: SimulationSettings, birth: Ids, size: int) -> Ids:
    """Sign-up moments: the established share before the history, nobody before the age of eight."""
    before = settings.start_seconds - (rng.random(size) * 2_000 * DAY).astype(np.int64)
    span = settings.end_seconds - settings.start_seconds
    during = settings.start_seconds + (rng.random(size) * 0.99 * span).astype(np.int64)
    created = np.where(rng.random(size) < settings.established_share, before, during)
    earliest = birth + ((8 + 4 * rng.beta(2, 2, size)) * YEAR).astype(np.int64)
    latest = settings.end_seconds - 10 * DAY
    late_child = earliest > latest
    created = np.maximum(created, np.where(late_child, birth + int(8 * YEAR), earliest))
    return np.minimum(created, latest - rng.integers(0, DAY, size))


def _groups(
    rng: np.random.Generator, town: Ids, share: Floats, size_wanted: int, towns: int
) -> tuple[Ids, int]:
    """Split the joining part of every town into groups of about the wanted size."""
    joins = rng.random(town.size) < share
    a_town = max(1, round(joins.sum() / towns / size_wanted))
    group = town * a_town + rng.integers(0, a_town, town.size)
    return np.where(joins, group, -1), towns * a_town


def _classes(rng: np.random.Generator, school: Ids, birth: Ids, a_year: float) -> Ids:
    """School classes: same school, same school year (from September), one of a few parallels."""
    school_year = ((birth + 122 * DAY) // int(YEAR)).astype(np.int64)
    school_year -= school_year.min()
    parallels = max(1, round(a_year / CLASS_SIZE))
    raw = (school * 200 + school_year) * parallels + rng.integers(0, parallels, school.size)
    _, dense = np.unique(raw, return_inverse=True)
    return np.where(school >= 0, dense, -1).astype(np.int64)


def _circles(rng: np.random.Generator, age: Floats, town: Ids) -> Ids:
    """Friends of about one age in one town: everybody belongs to one such circle."""
    order = np.lexsort((age + rng.normal(0, 0.1 * age, age.size), town))
    circle = np.empty(age.size, dtype=np.int64)
    circle[order] = np.arange(age.size) // CIRCLE_SIZE
    return circle


def _households(
    rng: np.random.Generator, age: Floats, town: Ids, towns: int
) -> tuple[Ids, NDArray[np.bool_]]:
    """Children share households with siblings; some of the adults between 30 and 55 are parents."""
    child = age < 19
    a_town = max(1, round(child.sum() / towns / CHILDREN_A_HOUSEHOLD))
    household = town * a_town + rng.integers(0, a_town, age.size)
    parent = (age >= 30) & (age < 56) & (rng.random(age.size) < 0.55)
    return np.where(child | parent, household, -1), parent


def _twins(rng: np.random.Generator, kind: NDArray[np.int8]) -> NDArray[np.int32]:
    """Pair up about half of those who come back after a refusal: two accounts, one person."""
    twin = np.full(kind.size, -1, dtype=np.int32)
    shuffled = rng.permutation(np.flatnonzero(kind == CODE["recontacter"]))
    pairs = shuffled.size // 4
    first, second = shuffled[:pairs], shuffled[pairs : 2 * pairs]
    twin[first], twin[second] = second, first
    return twin


def make_population(rng: np.random.Generator, settings: SimulationSettings) -> Population:
    """Draw the accounts of a community."""
    size = settings.accounts
    towns = max(1, round(size / TOWN_SIZE))
    age = _ages(rng, size)
    birth = settings.end_seconds - (age * YEAR).astype(np.int64)
    created = _created(rng, settings, birth, size)
    town = rng.integers(0, towns, size)
    region = (town % len(REGIONS)).astype(np.int8)
    young = age < OLDEST_WITH_SCHOOL
    school_share = np.where(young, 0.96, 0.0)
    school, schools = _groups(rng, town, school_share, SCHOOL_SIZE, towns)
    a_year = SCHOOL_SIZE / (OLDEST_WITH_SCHOOL - 8.5)
    club_share = np.select([age < 19, age < 45], [0.42, 0.2], 0.1)
    club, _ = _groups(rng, town, club_share, CLUB_SIZE, towns)
    workplace, _ = _groups(rng, town, np.where(age >= 18.5, 0.6, 0.0), WORKPLACE_SIZE, towns)
    household, is_parent = _households(rng, age, town, towns)
    tenure = (settings.end_seconds - created) / DAY
    kind = assign_kinds(rng, age, tenure, settings.class_size, settings.offenders)
    age_factor = np.select([age < 13, age < 20, age < 30, age < 50], [0.75, 1.25, 1.15, 0.9], 0.65)
    degree = settings.median_degree * age_factor * np.exp(rng.normal(0, 0.75, size))
    planted = kind >= FIRST_OFFENDER
    poses_as = np.where(
        kind == CODE["posing_minor"], np.clip(rng.normal(15.2, 1.0, size), 13.2, 17.4), 0.0
    )
    habit = np.exp(rng.normal(-0.6, 1.1, size))
    # A person's habits are drawn once and kept: ordinary people differ a lot (over-dispersion).
    return Population(
        settings=settings,
        kind=kind,
        birth=birth,
        created=created,
        town=town,
        region=region,
        school=school,
        school_class=_classes(rng, school, birth, a_year),
        club=club,
        workplace=workplace,
        circle=_circles(rng, age, town),
        household=household,
        is_parent=is_parent,
        degree=np.clip(degree, 1, 900),
        activity=settings.activity * age_factor * habit * np.where(planted, 0.6, 1.0),
        attraction=_logit_beta(rng, 6.0, 3.4, size),
        openness=_logit_beta(rng, 4.0, 2.6, size),
        stranger_share=rng.beta(1.25, 2.75, size),
        child_share=np.where(age < 18, 0.0, rng.beta(0.35, 4.5, size)),
        night_share=np.where(age < 25, rng.beta(1.6, 8.0, size), rng.beta(1.2, 9.0, size)),
        thread_habit=np.exp(rng.normal(-0.2, 0.65, size)) * np.where(planted, 1.4, 1.0),
        irritation=np.exp(rng.normal(-0.35, 0.85, size)),
        block_habit=np.exp(rng.normal(-0.35, 0.85, size)),
        preferred_age=np.clip(rng.normal(13.6, 1.4, size), 10, 17),
        poses_as=poses_as,
        twin=_twins(rng, kind),
        schools=schools,
        towns=towns,
    )
