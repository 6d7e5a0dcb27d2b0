"""NDJSON, Parquet, ActivityStreams, Jetstream: the same rows, whatever they came in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv as pacsv

from accounts.formats.activitystreams import Unusable, events_of
from accounts.formats.detect import files_in, format_of
from accounts.formats.rows import FileProblem
from accounts.models import Account, Event, ImportBatch, Tie
from tests.accounts.worlds import (
    csv_text,
    event,
    folder_of,
    forget_everything,
    graph,
    imported,
    joined,
    packed,
    reasons,
    rejected,
)
from tests.support.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


WORLD: dict[str, list[dict[str, str]]] = {
    "accounts": [
        {"account_id": "ann", "birth_date": "1980-05-17", "created_at": "2020-01-01T00:00:00Z"},
        {"account_id": "béa", "birth_date": "2011-02-03", "created_at": ""},
    ],
    "ties": [
        {"a": "ann", "b": "béa", "kind": "friend", "since": "2026-01-01T00:00:00Z", "until": ""}
    ],
    "events": [
        event("e1", "Offer", "ann", "béa"),
        event("e2", "Accept", "béa", "e1", "11:00:00.250000"),
    ],
}


def written(folder: Path, extension: str) -> Path:
    folder.mkdir()
    for table, rows in WORLD.items():
        path = folder / f"{table}.{extension}"
        if extension == "parquet":
            typed = pacsv.read_csv(pa.BufferReader(csv_text(rows).encode()))
            for name in {"published", "since", "created_at"} & set(typed.column_names):
                place = typed.column_names.index(name)
                column = typed.column(name).cast(pa.timestamp("ms", "UTC"))
                typed = typed.set_column(place, name, column)
            pq.write_table(typed, path)
            continue
        text = csv_text(rows) if extension.startswith("csv") else joined(map(json.dumps, rows))
        data = text.encode()
        path.write_bytes(gzip.compress(data) if extension.endswith("gz") else data)
    return folder


@pytest.mark.parametrize("extension", ["csv", "csv.gz", "ndjson", "ndjson.gz", "parquet"])
def test_every_format_gives_the_same_graph(tmp_path: Path, extension: str) -> None:
    imported(written(tmp_path / "plain", "csv"))
    expected = graph()
    forget_everything()
    batch = imported(written(tmp_path / "other", extension))
    assert (batch.state, batch.accepted) == (ImportBatch.State.DONE, 5)
    assert graph() == expected
    again = imported(tmp_path / "other")
    assert (again.accepted, again.duplicates) == (0, 5)


@pytest.mark.parametrize("extension", ["csv", "ndjson", "parquet"])
def test_a_single_file_under_any_name_is_recognised(tmp_path: Path, extension: str) -> None:
    folder = written(tmp_path / "in", extension)
    for table in ("events", "ties", "accounts"):
        path = (folder / f"{table}.{extension}").rename(tmp_path / f"export-{table}-2026.dat")
        assert imported(path).rejected == 0
    assert (Account.objects.count(), Tie.objects.count(), Event.objects.count()) == (2, 1, 2)


def test_ndjson_says_which_line_and_member_is_wrong(tmp_path: Path) -> None:
    good = event("e1", "Offer", "ann", "bea")
    path = tmp_path / "events.ndjson"
    rows = [
        json.dumps(good),
        "",
        "{not json}",
        "[1, 2]",
        json.dumps(event("e2", "Offer", "ann", "bea") | {"actor": ["ann"]}),
        json.dumps({"event_id": "e3", "type": "Offer", "actor": "ann"}),
        json.dumps(good | {"event_id": 4, "message": "never stored"}),
        json.dumps(good | {"event_id": "e5", "actor": "\ud800"}),
        '{"event_id": "e6", "a": ' + "[" * 100_000,
    ]
    path.write_bytes(joined(rows).encode() + b'{"event_id": "\xff"}\n')
    batch = imported(path)
    assert set(graph()["events"]) == {"e1", "4"}
    assert rejected(batch) == [
        ("events.ndjson", 3, "row"),
        ("events.ndjson", 4, "row"),
        ("events.ndjson", 5, "actor"),
        ("events.ndjson", 6, "object"),
        ("events.ndjson", 8, "actor"),
        ("events.ndjson", 9, "row"),
        ("events.ndjson", 10, "row"),
    ]
    assert "not UTF-8" in reasons(batch)[-1]
    assert "never stored" not in Path(batch.rejects_file).read_text()


def test_in_ndjson_an_absent_member_is_not_stated_and_null_is_empty(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"account_id": "ann", "community": "north", "region": "GB", "birth_year": 1990},
        {"account_id": "ann", "community": None},
    ]
    path = tmp_path / "accounts.ndjson"
    path.write_text(joined(map(json.dumps, rows)))
    imported(path)
    ann = Account.objects.get()
    assert (ann.community, ann.region, ann.birth_year) == ("", "GB", 1990)


# -- Parquet -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"event_id": ["e1"]}, "lack type"),
        ({"a": ["x"], "b": ["y"], "kind": [b"friend"]}, "holds binary"),
        (
            {"a": ["x"], "b": ["y"], "kind": ["friend"], "since": pa.array([0], pa.timestamp("s"))},
            "no time zone",
        ),
    ],
)
def test_parquet_that_cannot_be_right_is_refused(
    tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    batch = imported(path)
    assert batch.state == ImportBatch.State.FAILED
    assert words in batch.error


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"PAR1 and then nothing of the kind PAR1")
    assert "damaged" in imported(tmp_path / "events.parquet").error


# -- ActivityStreams -----------------------------------------------------------------------------


def test_the_sample_of_activitystreams(tmp_path: Path) -> None:
    batch = imported(sample("sample-as2-contact-events.jsonl"))
    assert (batch.accepted_events, batch.rejected) == (9, 0)
    base = "https://social.example"
    events = graph()["events"]
    assert events[f"{base}/ev/5"][:3] == (
        "Offer",
        f"{base}/users/acct-1001",
        f"{base}/users/acct-2003",
    )
    assert events[f"{base}/ev/2"][4] == f"{base}/ev/1"  # the object stood there whole
    assert events[f"{base}/ev/9"][2] == f"{base}/users/acct-1001"
    assert batch.unresolved["events"] == 9  # no accounts file has come
    again = imported(sample("sample-as2-contact-events.jsonl"), "activitystreams")
    assert (again.accepted, again.duplicates) == (0, 9)


ANN, BEA = "https://s.example/users/ann", "https://s.example/users/bea"
AT = "2026-02-20T10:00:00Z"


@pytest.mark.parametrize(
    ("activity", "target"),
    [
        ({"type": "Follow", "object": {"id": BEA, "type": "Person"}}, BEA),
        ({"type": ["Block"], "object": [BEA]}, BEA),
        ({"type": "Offer", "object": {"type": "Relationship", "object": BEA}}, BEA),
        ({"type": "Offer", "object": {"type": "Relationship", "subject": ANN}, "to": [BEA]}, BEA),
        ({"type": "Flag", "object": [BEA, "https://s.example/statuses/1"], "content": "x"}, BEA),
        ({"type": "TentativeReject", "object": {"id": "f1", "type": "Follow"}}, "f1"),
    ],
)
def test_shapes_in_which_servers_send_activities(activity: dict[str, Any], target: str) -> None:
    (row,) = events_of({"id": "x", "actor": {"id": ANN}, "published": AT, **activity})
    assert (row["actor"], row["object"], row["published"]) == (ANN, target, AT)


def test_a_direct_message_starts_a_thread_and_nothing_of_it_is_kept() -> None:
    note = {"type": "Note", "content": "secret", "published": AT}
    message = {"id": "m", "type": "Create", "actor": ANN, "to": [BEA], "object": note}
    assert events_of(message) == [
        {"event_id": "m", "type": "Create", "actor": ANN, "object": BEA, "published": AT}
    ]
    assert events_of(message | {"object": note | {"inReplyTo": "m0"}}) == []
    assert events_of(message | {"to": ["as:Public"]}) == []
    assert events_of(message | {"cc": [f"{ANN}/followers"]}) == []
    both = events_of(message | {"cc": ["https://s.example/users/cat"]})
    assert [row["event_id"] for row in both] == ["m", "m#2"]
    assert "secret" not in str(both)


@pytest.mark.parametrize(
    ("activity", "field"),
    [
        ({"type": "Follow", "object": BEA}, "published"),
        ({"type": "Accept", "object": {"type": "Follow", "actor": ANN}, "published": AT}, "object"),
        ({"type": "Offer", "object": {"type": "Relationship"}, "published": AT}, "object"),
    ],
)
def test_activities_that_lack_something(activity: dict[str, Any], field: str) -> None:
    with pytest.raises(Unusable) as problem:
        events_of({"id": "x", "actor": ANN, **activity})
    assert problem.value.field == field


def test_other_activities_are_passed_over_with_one_notice(tmp_path: Path) -> None:
    follow = {"@context": "x", "id": "f", "type": "Follow", "actor": ANN, "object": BEA}
    like = {"@context": "x", "id": "l", "type": "Like", "actor": ANN, "object": "y"}
    path = tmp_path / "outbox.jsonl"
    path.write_text(joined(map(json.dumps, [follow | {"published": AT}, like, like, follow])))
    batch = imported(path)
    assert (batch.accepted_events, rejected(batch)) == (1, [("outbox.jsonl", 4, "published")])
    assert batch.notices == [
        "outbox.jsonl: Passed over: 2 Like activities, which say nothing about contact."
    ]


# -- Jetstream -----------------------------------------------------------------------------------


def test_the_sample_of_jetstream() -> None:
    batch = imported(sample("sample-jetstream-v1-contact-events.jsonl"))
    assert (batch.accepted_events, batch.rejected) == (3, 0)
    a, b = "did:plc:" + "a" * 24, "did:plc:" + "b" * 24
    follow = f"at://{a}/app.bsky.graph.follow/3mfaaaaaaab2c"
    events = graph()["events"]
    assert events[follow][:3] == ("Follow", a, b)
    assert events[f"{follow}#delete"][4] == follow
    assert events[f"at://{b}/app.bsky.graph.block/3mfaaaaaaac2d"][0] == "Block"
    assert "account" in batch.notices[0]


def test_jetstream_does_not_believe_a_clock_that_runs_ahead(tmp_path: Path) -> None:
    line = {
        "did": "did:plc:x",
        "time_us": 1771610531000000,
        "kind": "commit",
        "commit": {
            "operation": "create",
            "collection": "app.bsky.graph.follow",
            "rkey": "k",
            "record": {"subject": "did:plc:y", "createdAt": "2031-01-01T00:00:00Z"},
        },
    }
    broken = json.loads(json.dumps(line)) | {"time_us": "soon"}
    path = tmp_path / "stream.jsonl"
    path.write_text(joined(map(json.dumps, [line, broken])))
    batch = imported(path, "jetstream")
    assert Event.objects.get().published.isoformat() == "2026-02-20T18:02:11+00:00"
    assert rejected(batch) == [("stream.jsonl", 2, "row")]


# -- which files ---------------------------------------------------------------------------------


def test_of_a_folder_only_files_with_the_names_of_tables_are_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", events=WORLD["events"])
    (folder / "README.md").write_text("hello")
    (folder / "events.csv.bak").write_text("old")
    assert [file.name for file in files_in(folder, "auto")] == ["events.csv"]
    with pytest.raises(FileProblem, match="holds no files to import"):
        files_in(folder, "parquet")


def test_two_files_for_one_table_are_refused_and_the_others_imported(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", **WORLD)
    (folder / "events.csv.gz").write_bytes(packed(csv_text(WORLD["events"]).encode()))
    batch = imported(folder)
    assert (batch.accepted_accounts, batch.accepted_ties, batch.accepted_events) == (2, 1, 0)
    assert [row[0] for row in rejected(batch)] == ["events.csv", "events.csv.gz"]
    assert "The folder holds events.csv and events.csv.gz; keep one" in reasons(batch)[0]


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (b"event_id,type\n", "csv"),
        (b'\xef\xbb\xbf{"event_id": 1}\n', "ndjson"),
        (b'{"did": "x", "kind": "commit"}\n', "jetstream"),
        (b'{"@context": "x", "id": "y", "type": "Follow"}\n', "activitystreams"),
        (b"file,line,field,value,reason,row\n", "rejects"),
    ],
)
def test_formats_are_recognised_by_content(tmp_path: Path, content: bytes, format_: str) -> None:
    (tmp_path / "x").write_bytes(content)
    (tmp_path / "y").write_bytes(packed(content))
    assert format_of(tmp_path / "x") == format_of(tmp_path / "y") == format_


def test_a_json_array_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text("[{}]")
    assert "one object a line" in imported(tmp_path / "events.ndjson").error
