"""First contacts before they happen: who turns to whom, when, how the target is found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Kind(IntEnum):
    """How a contact is made."""

    OFFER = 0
    FOLLOW = 1
    CREATE = 2


class Mode(IntEnum):
    """How the target is found.

    KNOWN (known in life), NAMED (a stranger) and REPEAT (asked before) carry their target; the
    others look for one when the time comes.
    """

    KNOWN = 0
    REPEAT = 1
    CLOSURE = 2
    GROUP = 3
    PEER = 4
    ANYONE = 5
    CHILD_STRANGER = 6
    CHILD_IN_SCHOOL = 7
    CHILD_BY_CLOSURE = 8
    CHILD_BY_GAINED = 9
    NAMED = 10


MODES_WITH_TARGET = (Mode.KNOWN, Mode.NAMED, Mode.REPEAT)
MODES_WITHOUT_TIES = (
    Mode.NAMED,
    Mode.REPEAT,
    Mode.PEER,
    Mode.ANYONE,
    Mode.CHILD_STRANGER,
    Mode.CHILD_IN_SCHOOL,
)


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """How a kind of account behaves around a contact, and how others take it.

    ``warmth`` shifts the log-odds of acceptance; ``friction`` multiplies the odds of being blocked
    or reported; ``thread`` is the probability of opening a private thread after acceptance,
    ``quick`` that this happens within a day, ``reply`` that the target opens one instead;
    ``night`` the share of contacts at night (None: the account's own habit); ``retry`` the
    probability of asking again after a refusal; ``loss`` of the tie ending again.
    """

    warmth: float = 0.0
    friction: float = 1.0
    thread: float = 0.2
    quick: float = 0.3
    reply: float = 0.12
    night: float | None = None
    retry: float = 0.06
    loss: float = 0.07


CONDUCT: dict[str, Conduct] = {
    "ordinary": Conduct(),
    "arrival": Conduct(warmth=0.5, retry=0.08),
    "teacher": Conduct(warmth=0.9, friction=1.3, thread=0.16, quick=0.35, night=0.03, reply=0.15),
    "coach": Conduct(warmth=0.9, friction=0.9, thread=0.25, quick=0.35, night=0.06, reply=0.2),
    "camp_staff": Conduct(warmth=0.9, friction=0.6, thread=0.22, quick=0.5, night=0.04, retry=0.1),
    "tutor": Conduct(warmth=1.2, friction=0.5, thread=0.7, quick=0.45, night=0.05, retry=0.05),
    "relative": Conduct(warmth=1.8, friction=0.5, thread=0.5, quick=0.4, retry=0.2),
    "older_peer": Conduct(warmth=0.5, friction=1.1, thread=0.4, quick=0.5, night=0.3, retry=0.12),
    "creator": Conduct(warmth=1.0, friction=1.2, thread=0.12, quick=0.5, night=0.2),
    "spammer": Conduct(warmth=-1.0, friction=3.0, thread=0.2, quick=0.8, retry=0.1),
    "friend_collector": Conduct(warmth=0.0, friction=1.5, thread=0.12, quick=0.4, retry=0.15),
    "newcomer": Conduct(warmth=0.1, friction=1.0, thread=0.3, quick=0.4, retry=0.08),
    "misaged_child": Conduct(retry=0.1),
    "school_account": Conduct(warmth=0.3, friction=0.6, thread=0.03, quick=0.3, night=0.01),
    "false_report_target": Conduct(friction=1.6),
    "incoming": Conduct(warmth=1.6, friction=0.3, thread=0.2, quick=0.3, reply=0.2),
    "mass_requester": Conduct(
        warmth=-0.3, friction=2.8, thread=0.7, quick=0.62, night=0.26, retry=0.2, loss=0.2
    ),
    "school_hopper": Conduct(
        warmth=0.1, friction=2.2, thread=0.75, quick=0.55, night=0.22, retry=0.2, loss=0.15
    ),
    "slow_stranger": Conduct(
        warmth=0.0, friction=2.0, thread=0.85, quick=0.55, night=0.27, retry=0.2, loss=0.12
    ),
    "ring": Conduct(
        warmth=-0.1, friction=2.0, thread=0.75, quick=0.55, night=0.25, retry=0.25, loss=0.15
    ),
    "posing_minor": Conduct(
        warmth=0.3, friction=2.0, thread=0.85, quick=0.6, night=0.27, retry=0.2, loss=0.15
    ),
    "recontacter": Conduct(
        warmth=-0.3, friction=2.8, thread=0.65, quick=0.55, night=0.22, retry=0.75, loss=0.2
    ),
    "mutual_collector": Conduct(
        warmth=0.0, friction=2.0, thread=0.8, quick=0.55, night=0.24, retry=0.2, loss=0.12
    ),
    "sleeper": Conduct(
        warmth=-0.1, friction=2.2, thread=0.8, quick=0.58, night=0.27, retry=0.2, loss=0.15
    ),
    "role_abuser": Conduct(
        warmth=0.4, friction=2.0, thread=0.9, quick=0.58, night=0.25, retry=0.2, loss=0.1
    ),
}
"""``incoming`` is a child who turns to a teacher, coach, relative or creator by itself."""

CONDUCT_CODE: dict[str, int] = {name: code for code, name in enumerate(CONDUCT)}
UNSET_NIGHT = -1.0


def conduct_column(field: str) -> NDArray[np.float64]:
    """One figure of every conduct, in the order of :data:`CONDUCT_CODE`."""
    values = [getattr(conduct, field) for conduct in CONDUCT.values()]
    return np.array([UNSET_NIGHT if value is None else value for value in values])


CONTACT = np.dtype(
    [
        ("actor", np.int32),
        ("target", np.int32),
        ("time", np.int64),
        ("pool", np.int32),
        ("mode", np.int8),
        ("kind", np.int8),
        ("conduct", np.int8),
        ("attempt", np.int8),
    ]
)
Contacts = NDArray[np.void]
NOBODY = -1


def make_contacts(
    *,
    actor: ArrayLike,
    time: ArrayLike,
    mode: ArrayLike,
    conduct: ArrayLike,
    target: ArrayLike = NOBODY,
    pool: ArrayLike = -1,
    kind: ArrayLike = Kind.OFFER,
    attempt: ArrayLike = 1,
) -> Contacts:
    """Contacts as one structured array; single values are repeated."""
    actors = np.asarray(actor)
    made = np.empty(actors.size, dtype=CONTACT)
    columns = {
        "actor": actors,
        "target": target,
        "time": time,
        "pool": pool,
        "mode": mode,
        "kind": kind,
        "conduct": conduct,
        "attempt": attempt,
    }
    for name, values in columns.items():
        made[name] = values
    return made


def no_contacts() -> Contacts:
    """An empty array of contacts."""
    return np.empty(0, dtype=CONTACT)


def in_time_order(contacts: Contacts) -> Contacts:
    """Sorted by time; contacts of one second keep their order."""
    ordered: Contacts = contacts[np.argsort(contacts["time"], kind="stable")]
    return ordered
