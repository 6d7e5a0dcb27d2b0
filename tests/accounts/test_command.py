"""`import_graph` as its caller sees it: exit status, sentences, JSON, and the rejects file."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Account, ImportBatch
from audit.models import Entry
from tests.accounts.worlds import (
    Row,
    accounts,
    csv_text,
    event,
    folder_of,
    graph,
    lines_of,
)
from tests.support.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = {"accounts": 0, "ties": 0, "events": 0}


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        call_command("import_graph", *map(str, arguments))
    code = end.value.code
    assert isinstance(code, int)
    return code


def json_of(out: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return answer


def test_college_messages_go_in_whole_and_a_second_time_are_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = sample("collegemsg")
    assert run(folder, "--json") == 0
    first = json_of(capsys.readouterr().out)
    assert first["accepted"] == {"accounts": 1899, "ties": 0, "events": 20296}
    assert (first["duplicates"], first["rejected"], first["rejects_file"]) == (0, 0, None)
    assert first["unresolved"] == NOTHING
    assert run(folder, "--json") == 0
    second = json_of(capsys.readouterr().out)
    assert (second["accepted"], second["duplicates"]) == (NOTHING, 22195)


def test_status_2_when_some_rows_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [event("e1", "Offer", "a", "b"), event("e2", "Offer", "a", "a")]
    assert run(folder_of(tmp_path / "in", events=rows), "--json") == 2
    answer = json_of(capsys.readouterr().out)
    assert (answer["accepted"]["events"], answer["rejected"]) == (1, 1)
    batch = ImportBatch.objects.get(pk=answer["batch"])
    assert answer["rejects_file"] == batch.rejects_file
    (row,) = lines_of(Path(batch.rejects_file))
    assert (row["file"], row["line"], row["field"], row["value"]) == (
        "events.csv",
        "3",
        "object",
        "a",
    )
    assert list(row)[:5] == ["file", "line", "field", "value", "reason"]


@pytest.mark.parametrize("content", ["", "event_id,type,actor,object,published\ne1,X,a,b,c\n"])
def test_status_1_when_nothing_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    assert run(folder_of(tmp_path / "in", events=content), "--json") == 1
    shown = capsys.readouterr()
    answer = json_of(shown.out)
    assert (answer["accepted"], answer["rejected"]) == (NOTHING, 1)
    assert "Nothing was imported." in shown.err
    assert "Traceback" not in shown.err


def test_where_nothing_is_imported_the_place_of_the_first_fault_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder_of(tmp_path / "in", accounts="account_id,age_band\na,12\nb,150\nc,9\n")
    assert run(path) == 1
    shown = capsys.readouterr().err
    assert "accounts.csv, line 2, age_band: This must be one of under_13" in shown
    assert "give birth_year instead. 2 more rows were rejected." in shown
    assert f"with reasons: {ImportBatch.objects.get().rejects_file}" in shown


def test_an_answer_that_names_an_account_is_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = "account_id\na\nb\n"
    rows = [
        event("e1", "Offer", "a", "b"),
        event("e2", "Accept", "b", "a"),
        event("e3", "Accept", "b", "later"),
    ]
    assert run(folder_of(tmp_path / "in", accounts=accounts, events=rows)) == 0
    shown = capsys.readouterr().err
    assert "1 event waits for an event whose event_id is the id of an account." in shown


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "holds no files to import"),
        (os.mkfifo, "not an ordinary file"),
    ],
)
def test_status_1_and_a_sentence_for_a_path_without_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, words: str
) -> None:
    make(tmp_path / "in")
    assert run(tmp_path / "in", "--json") == 1
    shown = capsys.readouterr()
    assert words in shown.err
    assert json_of(shown.out)["accepted"] == NOTHING


def test_status_0_and_a_notice_for_a_header_without_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder_of(tmp_path / "in", accounts="account_id,shoe_size,hat\n")) == 0
    shown = capsys.readouterr().err
    assert "accounts.csv: It has a header and no rows." in shown
    assert "accounts.csv: Not used: columns hat, shoe_size." in shown


def test_one_bad_file_does_not_keep_the_others_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(
        tmp_path / "in",
        accounts=csv_text(accounts("ann", "bea")).encode("utf-16"),
        events=[event("e1", "Offer", "ann", "bea")],
    )
    assert run(folder, "--json") == 2
    answer = json_of(capsys.readouterr().out)
    assert (answer["accepted"]["events"], answer["rejected"]) == (1, 1)
    (row,) = lines_of(Path(answer["rejects_file"]))
    assert (row["file"], row["line"], row["field"]) == ("accounts.csv", "1", "encoding")
    assert "UTF-16" in row["reason"]


def test_a_missing_column_is_told_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder_of(tmp_path / "in", events="event_id,type,actor\ne1,Offer,a\n")) == 1
    assert "lacks the columns object, published" in capsys.readouterr().err


def test_every_import_is_in_the_audit_trail(tmp_path: Path) -> None:
    run(folder_of(tmp_path / "in", accounts=accounts("ann")), "--source", "north")
    batch = ImportBatch.objects.get()
    entries = Entry.objects.filter(target=f"import:{batch.pk}").order_by("number")
    assert [entry.verb for entry in entries] == ["import.create", "import.finish"]
    assert entries[1].after["accepted"] == {"accounts": 1, "ties": 0, "events": 0}
    assert batch.source == "north"


# -- the rejects file, there and back --------------------------------------------------------------


def corrected(path: Path, folder: Path, fixes: dict[str, str]) -> Path:
    """A rejects file with new contents in the column value, by what stood there before."""
    rows = lines_of(path)
    for row in rows:
        row["value"] = fixes.get(row["value"], row["value"])
    fixed = folder / "fixed.csv"
    fixed.write_text(csv_text(rows))
    return fixed


def test_a_corrected_rejects_file_goes_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(
        tmp_path / "in",
        accounts=[
            {"account_id": "ann", "display_name": "=1+1", "birth_year": "19900"},
            {"account_id": "bea", "display_name": "'-x", "birth_year": "2010"},
        ],
        ties=[{"a": "ann", "b": "bea", "kind": "chum", "since": "", "until": ""}],
        events=[
            event("e1", "Offer", "ann", "bea"),
            event("e2", "Accept", "=cmd|calc", "e1", "11:00:00"),
            event("@e3", "Create", "ann", "bea") | {"published": "2026-02-30T10:00:00Z"},
        ],
    )
    assert run(folder, "--json") == 2
    answer = json_of(capsys.readouterr().out)
    assert (sum(answer["accepted"].values()), answer["rejected"]) == (2, 4)
    rejects = Path(answer["rejects_file"])
    with rejects.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    fixed = corrected(
        rejects,
        tmp_path,
        {
            "19900": "1990",
            "chum": "friend",
            "'=cmd|calc": "bea",
            "2026-02-30T10:00:00Z": "2026-02-28T10:00:00Z",
        },
    )
    assert run(fixed, "--json") == 0
    answer = json_of(capsys.readouterr().out)
    assert answer["accepted"] == {"accounts": 1, "ties": 1, "events": 2}
    events = graph()["events"]
    assert events["e2"][4] == "e1"
    assert "@e3" in events
    assert Account.objects.get(account_id="ann").display_name == "=1+1"


def test_an_uncorrected_rejects_file_is_rejected_again_by_the_same_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Row] = [
        event("e1", "Offer", "ann", "ann"),
        event("e2", "Offer", "an\x07n", "bea"),
        event("e" * 400, "Offer", "ann", "bea"),
        event("", "Offer", "ann", "bea"),
    ]
    text = csv_text(rows) + "too,few\n" + 'e9,Offer,"open,b,c\n'
    assert run(folder_of(tmp_path / "in", events=text), "--json") == 1
    first = Path(json_of(capsys.readouterr().out)["rejects_file"])
    assert run(first, "--json") == 1
    second = Path(json_of(capsys.readouterr().out)["rejects_file"])
    fields = [row["field"] for row in lines_of(first)]
    assert fields == ["object", "actor", "event_id", "event_id", "row", "row"]
    assert [row["field"] for row in lines_of(second)] == fields


def test_a_row_that_could_not_be_split_goes_in_once_its_field_is_emptied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "event_id,type,actor,object,published\ne1,Offer,ann,bea,2026-02-20T10:00:00Z,more\n"
    assert run(folder_of(tmp_path / "in", events=text), "--json") == 1
    rejects = Path(json_of(capsys.readouterr().out)["rejects_file"])
    (row,) = lines_of(rejects)
    assert json.loads(row["row"])["event_id"] == "e1"
    rejects.write_text(csv_text([row | {"field": ""}]))
    assert run(rejects) == 0


def test_columns_that_an_import_does_not_use_are_in_no_rejects_file(tmp_path: Path) -> None:
    text = "account_id,birth_year,message\nann,x,meet me\nbea,2010,a,b\n"
    run(folder_of(tmp_path / "in", accounts=text))
    batch = ImportBatch.objects.get()
    assert batch.rejected == 2
    assert "meet me" not in Path(batch.rejects_file).read_text()
