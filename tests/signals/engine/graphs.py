"""Small random platforms with every kind of row, times so coarse that many are equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from signals.engine.tables import EVENTS, RawGraph

Row = tuple[str, int, int, float]
"""Type, actor, object or place of the named row, and how long before some moment."""
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = (
    "Offer",
    "Follow",
    "Create",
    "Accept",
    "Reject",
    "Ignore",
    "Undo",
    "Block",
    "Flag",
    "Remove",
)
REFERRING = ("Accept", "Reject", "Ignore", "Undo")
WEIGHTS = (0.3, 0.14, 0.07, 0.25, 0.06, 0.03, 0.05, 0.04, 0.02, 0.04)


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=float(hours))


def events_of(rows: Iterable[Row], moment: Callable[[float], datetime]) -> pa.Table:
    """The events of ``rows``, numbered from 0; ``moment`` says when each was."""
    return pa.Table.from_pylist(
        [
            {
                "id": n,
                "type": kind,
                "actor": actor,
                "object": None if kind in REFERRING else other,
                "ref": other if kind in REFERRING else None,
                "published": moment(before),
            }
            for n, (kind, actor, other, before) in enumerate(rows)
        ],
        schema=EVENTS,
    )


def random_graph(
    seed: int, accounts: int = 12, ties: int = 25, events: int = 160, coarse: int = 60
) -> RawGraph:
    """``coarse`` distinct instants over two years; about half of the accounts are children."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(accounts * 3)[:accounts].astype(int)
    people = []
    for account in ids:
        form = rng.integers(0, 5)
        birth = date(int(rng.integers(1990, 2014)), int(rng.integers(1, 13)), 3)
        birth = date(2008, 2, 29) if rng.random() < 0.1 else birth
        bands = ["under_13", "13_15", "16_17", "18_plus", "unknown"]
        people.append(
            {
                "id": int(account),
                "birth_date": birth if form < 2 else None,
                "birth_year": int(rng.integers(2000, 2016)) if form == 2 else None,
                "age_band": str(rng.choice(bands)) if form == 3 else None,
                "age_source": str(rng.choice(["self_declared", "estimated", "verified"])),
                "community": str(rng.choice(["a", "b", ""])),
                "region": str(rng.choice(["GB", "Europe/Berlin", ""])),
                "created_at": at(-100),
                "status": "active",
            }
        )
    instants = np.sort(rng.integers(0, 24 * 730, coarse))

    def moment() -> datetime:
        return at(rng.choice(instants))

    stated = []
    for number in range(ties):
        a, b = rng.choice(ids, 2, replace=False)
        stated.append(
            {
                "id": number,
                "a": int(a),
                "b": int(b),
                "kind": str(rng.choice(["friend", "follow", "family"], p=[0.7, 0.25, 0.05])),
                "since": None if rng.random() < 0.2 else moment(),
                "until": moment() if rng.random() < 0.3 else None,
            }
        )
    rows: list[dict] = []
    numbers = rng.permutation(events * 2)[:events]
    for number in numbers:
        kind = str(rng.choice(TYPES, p=WEIGHTS))
        row = {"id": int(number), "type": kind, "object": None, "ref": None, "published": moment()}
        if kind in REFERRING:
            target = rows[int(rng.integers(0, len(rows)))] if rows else None
            if target is None:
                continue
            answers = kind != "Undo"
            row["ref"] = target["id"]
            wrong = rng.random() < 0.1 or target["object"] is None
            row["actor"] = (
                int(rng.choice(ids))
                if wrong and answers
                else (target["object"] if answers else target["actor"])
            )
            if rng.random() < 0.7:
                row["published"] = max(row["published"], target["published"])
        else:
            a, b = rng.choice(ids, 2, replace=False)
            row["actor"], row["object"] = int(a), int(b)
        rows.append(row)
    order = rng.permutation(len(rows))
    from signals.engine.tables import ACCOUNTS, EVENTS, TIES

    return RawGraph(
        accounts=pa.Table.from_pylist(
            [people[i] for i in rng.permutation(accounts)], schema=ACCOUNTS
        ),
        ties=pa.Table.from_pylist(stated, schema=TIES),
        events=pa.Table.from_pylist([rows[i] for i in order], schema=EVENTS),
    )
