"""Removing an account's personal data from this floor: tables and files.

The shape of the graph stays: contacts of others with this account are evidence about them. What
stays points at a row that no longer says who it was.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.formats.rejected import guarded, unguarded
from accounts.imports.database import AlreadyRunning, Database
from accounts.imports.rejects import discard_parts, rejects_folder
from accounts.models import Account, Event, ImportBatch, RejectedRow
from accounts.uploads import discard_imported
from staff import personal

PREFIX: Final = "erased:"

_BATCH: Final = 1_000
_LONGEST_FIELD: Final = 1 << 30


def pseudonym(identifier: str) -> str:
    """What stands for ``identifier`` once it is erased: a keyed digest, 72 characters in all.

    Without the installation's secret key nobody can tell whose it is, also by trying names.
    """
    digest = salted_hmac("sightline.erasure", identifier, algorithm="sha256").hexdigest()
    return f"{PREFIX}{digest}"


def forget_account(account: Account) -> dict[str, int]:
    """Remove the personal data of ``account``, in the running transaction; counts by kind.

    Part of ``moderation.services.erasure``, which authorises and records. Files go at once: should
    the transaction fail, they are rows of imports that nobody needs any longer.
    """
    identifier = account.account_id
    counts = {"rejected_rows": forget_files(identifier), "events": _forget_events(account)}
    values = personal.table("accounts.Account").blanks()
    name = pseudonym(identifier)
    if Account.objects.filter(account_id=name).exists():
        name = _once_more(name, account.pk)
    Account.objects.filter(pk=account.pk).update(
        **values, account_id=name, status=Account.Status.DELETED
    )
    return counts


def forget_files(identifier: str) -> int:
    """Remove rejected rows that name the account ``identifier``, and uploads that nobody needs.

    Not from the parts of an import that a process carries out: it is writing them. How many rows
    went.
    """
    removed = RejectedRow.objects.filter(value=identifier[:300]).delete()[0]
    # Parts first: what an import puts together meanwhile is then found among the whole files.
    for folder in sorted(rejects_folder().glob("import-*-parts")):
        removed += _forget_in_parts(folder, identifier)
    for path in sorted(rejects_folder().glob("import-*-rejects.csv")):
        removed += _forget_in_file(path, identifier)
    discard_imported()
    return removed


def _once_more(name: str, pk: int) -> str:
    """The pseudonym of what was erased before and delivered again since."""
    return f"{name}:{pk}"


def _forget_events(account: Account) -> int:
    """Events of and about the account keep their place and lose their names on the platform."""
    blanks = personal.table("accounts.Event").blanks()
    mine = Q(actor=account) | Q(object=account)
    found = Event.objects.filter(mine).exclude(event_id__startswith=PREFIX)
    renamed = list(found.values_list("pk", "event_id"))
    for batch in _batches(renamed):
        names = {pk: pseudonym(event_id) for pk, event_id in batch}
        taken = set(
            Event.objects.filter(event_id__in=names.values()).values_list("event_id", flat=True)
        )
        events = [
            Event(pk=pk, event_id=_once_more(name, pk) if name in taken else name, **blanks)
            for pk, name in names.items()
        ]
        Event.objects.bulk_update(events, ["event_id", *blanks])
    # What answers them, by whomever, repeats their identifier.
    answers = (
        Event.objects.filter(Q(ref__in=Event.objects.filter(mine)) | mine)
        .exclude(reference="")
        .exclude(reference__startswith=PREFIX)
    )
    for batch in _batches(list(answers.values_list("pk", "reference", "ref__event_id"))):
        repeated = [
            Event(pk=pk, reference=_as_named(reference, now)) for pk, reference, now in batch
        ]
        Event.objects.bulk_update(repeated, ["reference"])
    return len(renamed)


def _as_named(reference: str, now: str | None) -> str:
    """The reference to an event that is called ``now``; None where it has not arrived."""
    if now is not None and (now == reference or now.startswith(PREFIX)):
        return now
    return pseudonym(reference)


def _forget_in_file(path: Path, identifier: str) -> int:
    """Write the file anew without the rows that name the account, whole or not at all."""
    unfinished = path.with_suffix(".new")
    gone: list[tuple[str, str]] = []
    with (
        _long_fields(),
        path.open(encoding="utf-8", newline="") as file,
        unfinished.open("w", encoding="utf-8", newline="") as kept,
    ):
        unfinished.chmod(0o600)
        writer = csv.writer(kept, lineterminator="\n")
        for row in csv.reader(file):
            if _names(row, identifier):
                gone.append((row[0], row[1]))
            else:
                writer.writerow(row)
    if not gone:
        unfinished.unlink()
        return 0
    unfinished.replace(path)
    return _forget_shown(path, gone)


def _forget_in_parts(folder: Path, identifier: str) -> int:
    """The same for what an interrupted import has put aside, as long as nobody goes on with it."""
    batch_id = _batch_of(folder)
    with Database() as session:
        try:
            session.claim(batch_id)
        except AlreadyRunning:
            return 0
        if ImportBatch.objects.filter(pk=batch_id, state__in=ImportBatch.OVER).exists():
            discard_parts(batch_id)
            return 0
        return sum(_forget_in_part(path, identifier) for path in sorted(folder.iterdir()))


def _forget_in_part(path: Path, identifier: str) -> int:
    """Write the part anew with empty lines in place of the rows that name the account.

    It keeps its size: an import that goes on cuts it to the size that it noted.
    """
    # Beside the folder: whatever lies in it becomes a part of the rejects file.
    unfinished = path.parent.with_suffix(".new")
    gone: list[tuple[str, str]] = []
    with _long_fields(), path.open("rb") as file, unfinished.open("wb") as kept:
        unfinished.chmod(0o600)
        taken: list[bytes] = []
        for row in csv.reader(_lines(file, taken)):
            data = b"".join(taken)
            taken.clear()
            if _names(row, identifier):
                gone.append((row[0], row[1]))
                data = b"\n" * len(data)
            kept.write(data)
    if not gone:
        unfinished.unlink()
        return 0
    unfinished.replace(path)
    return _forget_shown(path.parent, gone)


def _lines(file: BinaryIO, taken: list[bytes]) -> Iterator[str]:
    """The lines as text, each added to ``taken`` as it was: a row may have several."""
    for line in file:
        taken.append(line)
        yield line.decode("utf-8", "replace")


def _forget_shown(path: Path, gone: list[tuple[str, str]]) -> int:
    """Remove from the page of the import what went from its file; how many rows had gone."""
    for name, line in gone:
        RejectedRow.objects.filter(batch=_batch_of(path), file=unguarded(name), line=line).delete()
    return len(gone)


def _batch_of(path: Path) -> int:
    return int(path.name.split("-")[1])


@contextmanager
def _long_fields() -> Iterator[None]:
    """A rejected row is kept as it came, however long; csv refuses 128 KiB by default."""
    usual = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _names(row: list[str], identifier: str) -> bool:
    """Whether a rejected row holds the identifier as a value, at any depth."""
    if guarded(identifier) in row:
        return True
    try:
        values = json.loads(row[-1]) if row and row[-1].startswith("{") else {}
    except ValueError:
        return identifier in row[-1]
    return identifier in set(_texts(values))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            yield from chain.from_iterable(map(_texts, value))
        case dict():
            yield from chain.from_iterable(map(_texts, value.values()))


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
