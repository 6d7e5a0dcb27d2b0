"""``kill -9`` at any moment of an import, then going on: complete, nothing twice, nothing half."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import services, tasks
from accounts.formats import lines
from accounts.imports.database import AlreadyRunning, Database
from accounts.imports.progress import FileProgress
from accounts.imports.run import run_batch
from accounts.models import ImportBatch
from audit.actors import Actor
from audit.models import Entry
from tests.accounts.processes import import_elsewhere
from tests.accounts.worlds import (
    COMMAND,
    Row,
    accounts,
    event,
    folder_of,
    forget_everything,
    graph,
    imported,
)
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = 4096
"""Bytes: blocks of this size make several chunks of the files below."""


def world(folder: Path) -> Path:
    """Files with answers before their requests, doubled rows, and rows of every kind of refusal."""
    names = [f"account-{number}" for number in range(150)]
    chance = random.Random(7)
    events: list[Row] = []
    for number in range(300):
        actor, target = chance.sample(names, 2)
        events.append(event(f"o{number}", "Offer", actor, target))
        answer = event(f"a{number}", "Accept", target, f"o{number}", "11:00:00")
        events.append(answer | {"actor": actor} if number % 50 == 0 else answer)
        if number % 60 == 1:
            events.append(events[0])
            events.append(event(f"x{number}", "Offer", actor, actor))
    chance.shuffle(events)
    ties = [
        {"a": a, "b": b, "kind": "friend", "since": "", "until": ""}
        for a, b in (chance.sample(names, 2) for _ in range(300))
    ]
    return folder_of(folder, accounts=accounts(*names[:140]), ties=ties, events=events)


def queued(path: Path) -> ImportBatch:
    return services.queue_import(actor=COMMAND, path=path)


def outcome(batch: ImportBatch) -> dict[str, Any]:
    batch.refresh_from_db()
    return {
        "graph": graph(),
        "state": batch.state,
        "counts": services.counts(batch),
        "rejected": sorted(
            (file.replace(f"import {batch.pk}", "this import"), *rest)
            for file, *rest in batch.rejected_rows.values_list("file", "line", "field", "reason")
        ),
        "file": sorted(
            line.replace(f"import {batch.pk}", "this import")
            for line in Path(batch.rejects_file).read_text().splitlines()
        ),
        "finished": Entry.objects.filter(verb="import.finish", target=f"import:{batch.pk}").count(),
    }


@pytest.mark.parametrize("seed", range(5))
def test_killed_anywhere_the_import_goes_on_to_the_same_end(tmp_path: Path, seed: int) -> None:
    folder = world(tmp_path / "in")
    undisturbed = queued(folder)
    assert import_elsewhere(undisturbed, block_bytes=SMALL)
    expected = outcome(undisturbed)
    forget_everything()

    batch = queued(folder)
    chance = random.Random(seed)
    deaths = 0
    for _ in range(3):
        deaths += import_elsewhere(batch, die_at=chance.randint(8, 160), block_bytes=SMALL) is None
    assert deaths
    import_elsewhere(batch, block_bytes=SMALL)
    assert outcome(batch) == expected


def test_a_chunk_is_in_the_graph_with_its_note_or_not_at_all(tmp_path: Path) -> None:
    """After each death the counts that are noted are the rows that are there."""
    folder = world(tmp_path / "in")
    batch = queued(folder)
    for nth in (30, 60, 90):
        import_elsewhere(batch, die_at=nth, block_bytes=SMALL)
        batch.refresh_from_db()
        now = graph()
        real = [name for name, row in now["accounts"].items() if not row["provisional"]]
        assert batch.accepted_accounts == len(real)
        assert batch.accepted_ties == len(now["ties"])
        late = batch.rejected_rows.filter(line=0).count()
        assert batch.accepted_events == len(now["events"]) + late


def test_a_file_that_changed_meanwhile_is_read_from_the_start(tmp_path: Path) -> None:
    folder = world(tmp_path / "in")
    (folder / "ties.csv").unlink()
    batch = queued(folder)
    import_elsewhere(batch, die_at=80, block_bytes=SMALL)
    batch.refresh_from_db()
    begun = FileProgress.of(batch.files[1])
    assert begun.row
    assert not begun.done
    events = folder / "events.csv"
    events.write_text(events.read_text() + "new,Create,account-1,account-2,2026-02-21T10:00:00Z\n")
    import_elsewhere(batch, block_bytes=SMALL)
    batch.refresh_from_db()
    assert "new" in graph()["events"]
    assert any("changed since it was begun" in notice for notice in batch.notices)


# -- sweeping up ---------------------------------------------------------------------------------


def long_ago(batch: ImportBatch) -> None:
    ImportBatch.objects.filter(pk=batch.pk).update(queued_at=timezone.now() - timedelta(hours=1))


def test_the_sweep_sends_dead_imports_of_workers_again(tmp_path: Path) -> None:
    batch = queued(world(tmp_path / "in"))
    import_elsewhere(batch, die_at=60, block_bytes=SMALL)
    assert services.sweep_imports(actor=Actor.system("beat")) == []  # only just sent
    long_ago(batch)
    assert services.sweep_imports(actor=Actor.system("beat")) == [batch.pk]
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.INTERRUPTED
    assert Entry.objects.filter(verb="import.interrupt").count() == 1
    tasks.import_batch(batch.pk)
    tasks.import_batch(batch.pk)  # a message that was delivered twice
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.PARTIAL
    assert batch.attempts == 2
    assert services.sweep_imports(actor=Actor.system("beat")) == []


def test_the_sweep_leaves_a_dead_command_to_whoever_gave_it(tmp_path: Path) -> None:
    batch = services.create_batch(actor=COMMAND, origin="command", path=world(tmp_path / "in"))
    import_elsewhere(batch, die_at=60, block_bytes=SMALL)

    def found_dead() -> bool:
        # The server lets go of a killed process's lock a moment after the process is gone.
        assert services.sweep_imports(actor=Actor.system("beat")) == []
        batch.refresh_from_db()
        return batch.state == ImportBatch.State.INTERRUPTED

    wait_for(found_dead)
    assert "what was imported so far is kept" in batch.error
    again = imported(tmp_path / "in")
    assert again.duplicates >= batch.accepted


def test_the_sweep_gives_an_import_up_that_kills_its_workers(tmp_path: Path) -> None:
    batch = queued(world(tmp_path / "in"))
    ImportBatch.objects.filter(pk=batch.pk).update(
        attempts=services.MAX_ATTEMPTS, state=ImportBatch.State.RUNNING
    )
    long_ago(batch)
    assert services.sweep_imports(actor=Actor.system("beat")) == []
    batch.refresh_from_db()
    assert batch.state == ImportBatch.State.FAILED
    assert "Given up after 10 interruptions" in batch.error


def test_the_sweep_leaves_alone_what_is_being_carried_out(tmp_path: Path) -> None:
    batch = queued(world(tmp_path / "in"))
    ImportBatch.objects.filter(pk=batch.pk).update(state=ImportBatch.State.RUNNING)
    long_ago(batch)
    with Database() as db:
        db.claim(batch.pk)
        assert services.sweep_imports(actor=Actor.system("beat")) == []
        with pytest.raises(AlreadyRunning):
            run_batch(batch.pk)
    wait_for(lambda: services.sweep_imports(actor=Actor.system("beat")) == [batch.pk])


# -- side by side --------------------------------------------------------------------------------


def test_imports_side_by_side_neither_lock_up_nor_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", SMALL)
    folder = world(tmp_path / "in")
    expected = graph_of(folder)
    batches = [queued(folder) for _ in range(3)]
    errors: list[BaseException] = []

    def work(batch: ImportBatch) -> None:
        try:
            run_batch(batch.pk)
        except BaseException as error:  # noqa: BLE001 - reported by the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[batch]) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert graph() == expected


def graph_of(folder: Path) -> dict[str, Any]:
    imported(folder)
    result = graph()
    forget_everything()
    return result
