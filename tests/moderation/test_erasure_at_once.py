"""Two erasures at the same moment: what one removes from a file, the other does not bring back."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from django.db import connection

from accounts import erasure
from accounts.formats.rejected import REJECT_COLUMNS
from moderation.services.erasure import erase_account
from tests.moderation import factories
from tests.moderation.erasing import COMMAND

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_files")]


def test_both_are_gone_from_a_file_that_named_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [factories.account(account_id=f"acct-{name}").account_id for name in ("one", "two")]
    batch = factories.batch()
    file = tmp_path / "files" / "rejects" / f"import-{batch.pk}-rejects.csv"
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(REJECT_COLUMNS)
        for line, name in enumerate((*people, "acct-three"), 2):
            values = json.dumps({"account_id": name})
            rows.writerow(["accounts.csv", line, "gender", "?", "unknown", values])
    both_read = Barrier(2, timeout=2)
    names = erasure._names

    def once_both_read(row: list[str], identifier: str) -> bool:
        with suppress(BrokenBarrierError):  # the other one waits for the end of this one
            both_read.wait()
        return names(row, identifier)

    monkeypatch.setattr(erasure, "_names", once_both_read)
    failed: list[BaseException] = []

    def erase(identifier: str) -> None:
        try:
            erase_account(actor=COMMAND, account_id=identifier, reason="person_asked")
        except BaseException as error:  # noqa: BLE001 - told by the test
            failed.append(error)
        finally:
            connection.close()

    threads = [Thread(target=erase, args=[identifier]) for identifier in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    left = file.read_text()
    assert "acct-three" in left
    assert not any(identifier in left for identifier in people)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
