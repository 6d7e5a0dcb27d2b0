"""What a chunk names is looked up one chunk ahead, and only the rest when its turn comes."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from accounts.formats import lines
from accounts.imports import names
from accounts.imports.database import Database
from accounts.models import Account
from tests.accounts.worlds import (
    Row,
    accounts,
    event,
    folder_of,
    forget_everything,
    graph,
    imported,
)

pytestmark = pytest.mark.django_db(transaction=True)


def ids_of(db: Database, texts: list[str]) -> dict[str, int]:
    with db.chunk("accounts"):
        found, (codes,) = names.find(db, pa.array(texts, pa.string()))
    ids = found.ids[codes].tolist()
    return dict(zip(texts, ids, strict=True))


def test_what_was_seen_and_what_has_come_since_are_found_alike(
    db: Database, tmp_path: Path
) -> None:
    imported(folder_of(tmp_path / "first", accounts=accounts("ada", "ben", "cyd")))
    wanted = ["cyd", "new", "ada", "nobody", "ben", "ada"]
    with Database() as beside:
        seen = beside.foresee(names.asked(pa.array(wanted)))
    imported(folder_of(tmp_path / "second", accounts=accounts("new")))

    there = dict(Account.objects.values_list("account_id", "pk"))
    expected = {name: there.get(name, 0) for name in wanted}
    assert ids_of(db, wanted) == expected
    db.seen = seen
    assert ids_of(db, wanted) == expected
    assert ids_of(db, ["nobody", "dee"]) == {"nobody": 0, "dee": 0}


def test_an_account_that_only_waiting_rows_name_is_not_foreseen(
    db: Database, tmp_path: Path
) -> None:
    imported(folder_of(tmp_path / "first", accounts=accounts("ada")))
    waits = event("e1", "Accept", "ben", "of-later")
    imported(folder_of(tmp_path / "second", events=[waits]))
    ben = Account.objects.get(account_id="ben")
    assert ben.provisional
    with Database() as beside:
        seen = beside.foresee(names.asked(pa.array(["ada", "ben"])))
    assert [name for found in seen.values() for name in found.names.to_pylist()] == ["ada"]

    Account.objects.filter(pk=ben.pk).delete()
    db.seen = seen
    assert ids_of(db, ["ada", "ben"])["ben"] == 0


def test_chunks_of_any_size_end_in_the_same_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts and requests named in a chunk come with its own rows, the one before, or later."""
    people = [f"account-{number}" for number in range(80)]
    chance = random.Random(3)
    events: list[Row] = []
    for number in range(200):
        actor, target = chance.sample(people, 2)
        answer = event(f"a{number}", "Accept", target, f"o{number}", "11:00:00")
        pair = [event(f"o{number}", "Offer", actor, target), answer]
        events += pair if number % 3 else reversed(pair)
    ties = [
        {"a": a, "b": b, "kind": "friend", "since": "", "until": ""}
        for a, b in (chance.sample(people, 2) for _ in range(200))
    ]
    folder = folder_of(tmp_path / "in", accounts=accounts(*people[:40]), ties=ties, events=events)
    counts = []
    graphs = []
    for block in (lines.BLOCK_BYTES, 2048):
        monkeypatch.setattr(lines, "BLOCK_BYTES", block)
        batch = imported(folder)
        counts.append((batch.accepted, batch.duplicates, batch.rejected))
        graphs.append(graph())
        forget_everything()
    assert counts[0] == counts[1]
    assert graphs[0] == graphs[1]
    assert len(graphs[0]["events"]) == 400
