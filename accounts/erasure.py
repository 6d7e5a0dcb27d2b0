"""Removing an account's personal data from this floor: tables and files.

The shape of the graph stays: contacts of others with this account are evidence about them. What
stays points at a row that no longer says who it was.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.formats.rejected import guarded
from accounts.imports.rejects import rejects_folder
from accounts.models import Account, Event, RejectedRow
from accounts.uploads import discard_imported
from staff import personal

PREFIX: Final = "erased:"

_BATCH: Final = 1_000


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
    counts = {"rejected_rows": _forget_rejects(identifier), "events": _forget_events(account)}
    discard_imported()
    values = personal.table("accounts.Account").blanks()
    Account.objects.filter(pk=account.pk).update(
        **values, account_id=pseudonym(identifier), status=Account.Status.DELETED
    )
    return counts


def _forget_events(account: Account) -> int:
    """Events of and about the account keep their place and lose their names on the platform."""
    blanks = personal.table("accounts.Event").blanks()
    mine = Q(actor=account) | Q(object=account)
    found = Event.objects.filter(mine).exclude(event_id__startswith=PREFIX)
    renamed = dict(found.values_list("pk", "event_id").iterator())
    for batch in _batches(renamed.items()):
        named = [Event(pk=pk, event_id=pseudonym(event_id), **blanks) for pk, event_id in batch]
        Event.objects.bulk_update(named, ["event_id", *blanks])
    # What answers them, by whomever, repeats their identifier.
    for batch in _batches(
        Event.objects.filter(Q(ref__in=Event.objects.filter(mine)) | mine)
        .exclude(reference="")
        .exclude(reference__startswith=PREFIX)
        .values_list("pk", "reference")
    ):
        answers = [Event(pk=pk, reference=pseudonym(reference)) for pk, reference in batch]
        Event.objects.bulk_update(answers, ["reference"])
    return len(renamed)


def _forget_rejects(identifier: str) -> int:
    """Take rows that name the account out of every rejects file, and off the pages of imports."""
    removed = RejectedRow.objects.filter(value=identifier[:300]).delete()[0]
    for path in sorted(rejects_folder().rglob("*")):
        if path.is_file():
            removed += _forget_in_file(path, identifier)
    return removed


def _forget_in_file(path: Path, identifier: str) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    kept = [row for row in rows if not _names(row, identifier)]
    gone = [row for row in rows if _names(row, identifier)]
    if not gone:
        return 0
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        unfinished.chmod(0o600)
        csv.writer(file, lineterminator="\n").writerows(kept)
    unfinished.replace(path)
    batch_id = _batch_of(path)
    for name, line, *_ in gone:
        RejectedRow.objects.filter(batch=batch_id, file=name[:255], line=line).delete()
    return len(gone)


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


def _batch_of(path: Path) -> int:
    """From ``import-7-rejects.csv`` or ``import-7-parts/000001``."""
    name = path.name if path.name.startswith("import-") else path.parent.name
    return int(name.split("-")[1])


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
