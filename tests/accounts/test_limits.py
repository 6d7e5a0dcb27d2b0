"""Files made to exhaust the machine: each gets a sentence, and memory stays far below 1 GB."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from accounts import services
from accounts.models import ImportBatch
from tests.accounts.processes import import_elsewhere
from tests.accounts.worlds import COMMAND, event, graph, imported, packed, reasons, rejected

pytestmark = pytest.mark.django_db(transaction=True)

GIGABYTE = 1 << 30
HEADER = b"event_id,type,actor,object,published\n"
GOOD = b"e1,Offer,ann,bea,2026-02-20T10:00:00Z\n"


def line_of_2_gigabytes(file: IO[bytes]) -> None:
    """Sparse: the hole reads as NUL bytes and takes no space."""
    file.write(HEADER + b"e0,Offer,ann,")
    file.seek(2 * GIGABYTE)
    file.write(b"\n" + GOOD)


def bomb(piece: bytes, count: int) -> Callable[[IO[bytes]], None]:
    """Gzip of the header, a good row, and ``piece`` a great many times."""

    def write(file: IO[bytes]) -> None:
        packer = zlib.compressobj(9, wbits=31)
        file.write(packer.compress(HEADER + GOOD))
        for _ in range(count):
            file.write(packer.compress(piece * 1024))
        file.write(packer.flush())

    return write


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("events.csv", line_of_2_gigabytes, "The line is longer than 1 MiB"),
        ("events.csv.gz", bomb(b"\0" * 1024, 300), "more than 200 times its size"),
        ("events.csv.gz", bomb(b"\n" * 1024, 300), "more than 200 times its size"),
        ("events.csv.gz", bomb(b'"' * 1024, 300), "more than 200 times its size"),
        ("events.ndjson.gz", bomb(b"[" * 1024, 300), "more than 200 times its size"),
    ],
)
def test_a_file_that_would_fill_the_memory(
    tmp_path: Path, name: str, write: Callable[[IO[bytes]], None], words: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with (folder / name).open("wb") as file:
        write(file)
    (folder / "accounts.csv").write_text("account_id\nann\nbea\n")
    batch = services.create_batch(actor=COMMAND, origin="command", path=folder)
    peak = import_elsewhere(batch)
    assert peak is not None
    assert peak < GIGABYTE
    batch.refresh_from_db()
    assert batch.accepted_accounts == 2  # the other file is not stopped
    assert any(words in reason for reason in reasons(batch))
    if "csv" in name:
        assert set(graph()["events"]) == {"e1"}


def test_a_million_bad_rows_stay_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "events.csv").open("wb") as file:
        file.write(HEADER)
        for number in range(300):
            file.write(b"e%d,Poke,ann,bea,2026-02-30T10:00:00Z\n" % number * 1000)
    batch = services.create_batch(actor=COMMAND, origin="command", path=tmp_path / "in")
    peak = import_elsewhere(batch)
    assert peak is not None
    assert peak < GIGABYTE
    batch.refresh_from_db()
    assert batch.rejected == 300_000
    assert batch.rejected_rows.count() == 200
    with Path(batch.rejects_file).open() as file_of_all:
        assert sum(1 for _ in file_of_all) == 300_001


@pytest.mark.parametrize("cut", [1, 12, 40])
def test_gzip_that_ends_early_keeps_what_could_be_read(tmp_path: Path, cut: int) -> None:
    rows = "".join(
        ",".join(event(f"e{n}", "Create", f"a{n * n}", "bea").values()) + "\n" for n in range(9000)
    )
    whole = packed(HEADER + rows.encode())
    path = tmp_path / "events.csv.gz"
    path.write_bytes(whole[:-cut])
    batch = imported(path)
    assert "end early" in reasons(batch)[-1]
    assert rejected(batch)[-1][2] == "file"
    assert batch.state == ImportBatch.State.PARTIAL if batch.accepted else ImportBatch.State.FAILED
