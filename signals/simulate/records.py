"""What the platform has on record about each account: often incomplete, sometimes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.simulate.clock import REGIONS
from signals.simulate.names import LAST_NAMES, display_names
from signals.simulate.population import YEAR, Floats, Ids, Population
from signals.simulate.settings import DAY
from signals.simulate.strategies import CODE

Texts = NDArray[np.str_]
ADULT = 18.0
EXACT, YEAR_ONLY, BAND_ONLY, NOTHING = 0, 1, 2, 3


@dataclass(frozen=True)
class Records:
    """Columns of the accounts file, one entry an account; empty text where nothing is known."""

    account_id: Texts
    display_name: Texts
    birth_date: Texts
    birth_year: Texts
    age_band: Texts
    age_source: Texts
    gender: Texts
    region: Texts
    community: Texts
    role: Texts
    created_at: Ids
    status: Texts
    truth_kind: NDArray[np.int8]


def account_ids(size: int) -> Texts:
    """``a000001`` and so on, as wide as the largest needs."""
    width = max(6, len(str(size)))
    numbers = np.char.zfill(np.arange(1, size + 1).astype(str), width)
    ids: Texts = np.char.add("a", numbers)
    return ids


def _recorded_birth(
    rng: np.random.Generator, people: Population, age: Floats, verified: NDArray[np.bool_]
) -> tuple[Ids, NDArray[np.bool_]]:
    """Birth as recorded; and which children are recorded as adults."""
    size = people.size
    child = age < ADULT
    claims_adult = child & ~verified & (rng.random(size) < people.settings.misaged_share / 0.88)
    # Most gave the age that was asked for when they signed up and have grown older with it; some
    # gave any year.
    invented = np.select(
        [rng.random(size) < 0.72, rng.random(size) < 0.72],
        [18.05 + rng.exponential(1.4, size), 21 + 9 * rng.random(size)],
        30 + 16 * rng.random(size),
    )
    a_little_older = child & ~verified & ~claims_adult & (rng.random(size) < 0.25)
    claimed = np.where(a_little_older, np.minimum(age + rng.integers(1, 4, size), 17.8), age)
    claimed = np.where(claims_adult, invented, claimed)
    vain = ~child & ~verified & (rng.random(size) < 0.04)
    claimed = np.where(vain, np.clip(age + rng.normal(0, 6, size), 18.1, 88), claimed)
    claimed = np.where(people.poses_as > 0, people.poses_as, claimed)
    changed = claimed != age
    birth = people.settings.end_seconds - (claimed * YEAR).astype(np.int64)
    return np.where(changed, birth, people.birth), claims_adult


def _bands(age: Floats) -> Texts:
    return np.select([age < 13, age < 16, age < ADULT], ["under_13", "13_15", "16_17"], "18_plus")


def _communities(rng: np.random.Generator, people: Population) -> Texts:
    school = np.where(people.school >= 0, np.char.add("school-", people.school.astype(str)), "")
    club = np.where(people.club >= 0, np.char.add("club-", people.club.astype(str)), "")
    prefers_club = (people.club >= 0) & (rng.random(people.size) < 0.2)
    coach = people.kind == CODE["coach"]
    community = np.where(prefers_club | coach | (school == ""), club, school)
    given = rng.random(people.size) < people.settings.community_share
    given |= people.kind == CODE["school_account"]
    return np.where(given, community, "")


def _roles(rng: np.random.Generator, people: Population) -> Texts:
    draw = rng.random(people.size)
    kind = people.kind
    return np.select(
        [
            (kind == CODE["teacher"]) & (draw < 0.55),
            (kind == CODE["coach"]) & (draw < 0.5),
            (kind == CODE["school_account"]) & (draw < 0.8),
            (kind == CODE["role_abuser"]) & (draw < 0.25),
            (kind == CODE["role_abuser"]) & (draw < 0.5),
            (kind == CODE["tutor"]) & (draw < 0.1),
            draw < 0.002,
        ],
        ["educator", "coach", "official", "educator", "coach", "educator", "support"],
        "",
    )


def make_records(rng: np.random.Generator, people: Population) -> Records:
    """Draw what is on record."""
    size = people.size
    settings = people.settings
    everyone = np.arange(size, dtype=np.int32)
    age = people.age_at(everyone, np.full(size, settings.end_seconds))
    official = people.kind == CODE["school_account"]
    verified = (rng.random(size) < 0.12) & (people.poses_as == 0)
    estimated = ~verified & (rng.random(size) < 0.15)
    birth, claims_adult = _recorded_birth(rng, people, age, verified)
    shown_age = (settings.end_seconds - birth) / YEAR
    form = rng.choice(4, size=size, p=[0.66, 0.16, 0.09, 0.09])
    form = np.where(verified, EXACT, np.where(official, NOTHING, form))
    form = np.where(people.poses_as > 0, np.minimum(form, YEAR_ONLY), form)
    birth_day = (birth // DAY).astype("datetime64[D]")
    names = display_names(rng, size)
    school_names = np.char.add(LAST_NAMES[rng.integers(0, LAST_NAMES.size, size)], " School")
    gender = np.array(["female", "male", "other", ""])[
        rng.choice(4, size=size, p=[0.43, 0.43, 0.02, 0.12])
    ]
    status = np.array(["active", "suspended", "deleted"])[
        rng.choice(3, size=size, p=[0.975, 0.01, 0.015])
    ]
    misaged = claims_adult & (form != NOTHING) & (people.kind == 0)
    return Records(
        account_id=account_ids(size),
        display_name=np.where(official, school_names, names),
        birth_date=np.where(form == EXACT, birth_day.astype(str), ""),
        birth_year=np.where(form == YEAR_ONLY, birth_day.astype("datetime64[Y]").astype(str), ""),
        age_band=np.select(
            [form == BAND_ONLY, (form == NOTHING) & (rng.random(size) < 0.5)],
            [_bands(shown_age), np.full(size, "unknown")],
            "",
        ),
        age_source=np.select([verified, estimated], ["verified", "estimated"], "self_declared"),
        gender=np.where(official, "", gender),
        region=np.array(REGIONS)[people.region],
        community=_communities(rng, people),
        role=_roles(rng, people),
        created_at=people.created,
        status=status,
        truth_kind=np.where(misaged, CODE["misaged_child"], people.kind).astype(np.int8),
    )
