"""What one row, or two that contradict each other, may say; and what the answer to it says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.models import Account, Event, ImportBatch, Tie
from tests.accounts.worlds import (
    Row,
    accounts,
    event,
    folder_of,
    graph,
    imported,
    reasons,
    rejected,
    rows_of,
)

pytestmark = pytest.mark.django_db(transaction=True)

EVENT = event("e1", "Offer", "ann", "bea")


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"published": "2026-02-30T10:00:00Z"}, "published", "There is no 2026-02-30"),
        ({"published": "2026-02-20T10:00:00"}, "published", "no offset"),
        ({"published": "2026-02-20"}, "published", "This is no time"),
        ({"published": "2026-02-20T25:00:00Z"}, "published", "out of range"),
        ({"published": "0026-02-20T10:00:00Z"}, "published", "1970 to 2100"),
        ({"published": "9999-01-01T00:00:00Z"}, "published", "1970 to 2100"),
        ({"published": ""}, "published", "required"),
        ({"event_id": ""}, "event_id", "required"),
        ({"event_id": "x" * 256}, "event_id", "longer than 255"),
        ({"actor": "an\x07n"}, "actor", "control character"),
        ({"actor": "an\x00n"}, "actor", "control character"),
        ({"object": "be\u0085a"}, "object", "control character"),
        ({"type": "offer"}, "type", "must be one of Offer"),
        ({"object": "ann"}, "object", "same account"),
        ({"type": "Accept", "object": "e1"}, "object", "names itself"),
    ],
)
def test_events_that_break_a_rule(change: Row, field: str, words: str) -> None:
    (reject,) = rows_of("events", [EVENT | change]).rejects
    assert (reject.line, reject.field) == (2, field)
    assert words in reject.reason
    assert reject.value == (EVENT | change)[field]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"birth_date": "2010-02-30"}, "birth_date"),
        ({"birth_date": "20.02.2010"}, "birth_date"),
        ({"birth_date": "1850-01-01"}, "birth_date"),
        ({"birth_date": "2030-01-01"}, "birth_date"),
        ({"birth_year": "1899"}, "birth_year"),
        ({"birth_year": "2027"}, "birth_year"),
        ({"birth_year": "10"}, "birth_year"),
        ({"birth_date": "2010-01-01", "birth_year": "2011"}, "birth_year"),
        ({"birth_year": "2012", "age_band": "18_plus"}, "age_band"),
        ({"birth_date": "1980-05-05", "age_band": "13_15"}, "age_band"),
        ({"age_band": "teen"}, "age_band"),
        ({"age_source": "guess"}, "age_source"),
        ({"status": "gone"}, "status"),
        ({"role": "teacher"}, "role"),
        ({"display_name": "A\x00B"}, "display_name"),
        ({"display_name": "A" * 256}, "display_name"),
        ({"gender": "x" * 41}, "gender"),
        ({"created_at": "yesterday"}, "created_at"),
    ],
)
def test_accounts_that_break_a_rule(row: Row, field: str) -> None:
    batch = rows_of("accounts", [{"account_id": "ann", **row}, {"account_id": "bea"}])
    assert [(reject.line, reject.field) for reject in batch.rejects] == [(2, field)]
    assert batch.columns["account_id"].to_pylist() == ["bea"]


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"birth_date": "2010-05-17", "birth_year": "2010"}, ("2010-05-17", None, "")),
        ({"birth_year": "2010", "age_band": "13_15"}, (None, 2010, "")),
        ({"birth_year": "", "age_band": "unknown"}, (None, None, "unknown")),
        ({"birth_date": "2012-02-29", "age_band": "under_13"}, ("2012-02-29", None, "")),
    ],
)
def test_of_several_ages_that_agree_the_most_exact_is_kept(
    row: Row, kept: tuple[str | None, int | None, str]
) -> None:
    batch = rows_of("accounts", [{"account_id": "ann", **row}])
    assert not batch.rejects
    date, year, band = (
        batch.columns[name][0].as_py() for name in ("birth_date", "birth_year", "age_band")
    )
    assert (date and date.isoformat(), year, band) == kept


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"a": "ann", "b": "ann", "kind": "friend"}, "b"),
        ({"a": "ann", "b": "bea", "kind": "buddy"}, "kind"),
        ({"a": "", "b": "bea", "kind": "friend"}, "a"),
        (
            {
                "a": "ann",
                "b": "bea",
                "kind": "friend",
                "since": "2026-02-20T10:00:00Z",
                "until": "2026-02-20T09:59:59Z",
            },
            "until",
        ),
    ],
)
def test_ties_that_break_a_rule(row: Row, field: str) -> None:
    (reject,) = rows_of("ties", [row]).rejects
    assert reject.field == field


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-02-20T18:02:11Z", datetime(2026, 2, 20, 18, 2, 11, tzinfo=UTC)),
        ("2026-02-20t18:02:11z", datetime(2026, 2, 20, 18, 2, 11, tzinfo=UTC)),
        ("2026-02-20 18:02:11+01:00", datetime(2026, 2, 20, 17, 2, 11, tzinfo=UTC)),
        ("2026-02-20T18:02:11.123456789-05:30", datetime(2026, 2, 20, 23, 32, 11, 123456, UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_times_are_rfc_3339_with_an_offset(text: str, instant: datetime) -> None:
    rows = rows_of("events", [EVENT | {"published": text}, EVENT | {"published": "never"}])
    assert rows.columns["published"].to_pylist() == [instant]


def test_a_time_in_the_future_is_taken_and_noted(tmp_path: Path) -> None:
    late = EVENT | {"published": "2099-01-01T00:00:00Z"}
    batch = imported(folder_of(tmp_path / "in", events=[late, event("e2", "Create", "a", "b")]))
    assert batch.state == ImportBatch.State.DONE
    assert batch.accepted_events == 2
    (notice,) = batch.notices
    assert notice.startswith("events.csv: 1 times lie in the future, the latest 2099-01-01")


# -- events that name events -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "field", "words"),
    [
        (event("e2", "Accept", "cat", "e1", "11:00:00"), "actor", "was not asked"),
        (event("e2", "Reject", "ann", "e1", "11:00:00"), "actor", "was not asked"),
        (event("e2", "Undo", "bea", "e1", "11:00:00"), "actor", "another account"),
        (event("e2", "Accept", "bea", "e1", "09:00:00"), "published", "before the Offer"),
        (event("e2", "Accept", "bea", "e0", "11:00:00"), "object", "names a Create"),
        (event("e2", "Undo", "ann", "e0", "11:00:00"), "object", "names a Create"),
    ],
)
@pytest.mark.parametrize("answer_first", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_an_event_that_does_not_fit_the_one_it_names(
    tmp_path: Path, second: Row, field: str, words: str, answer_first: bool, together: bool
) -> None:
    named = [event("e0", "Create", "ann", "bea", "10:00:00"), EVENT]
    deliveries = [[second], named] if answer_first else [named, [second]]
    if together:
        deliveries = [[row for rows in deliveries for row in rows]]
    batches = [
        imported(folder_of(tmp_path / str(number), events=rows))
        for number, rows in enumerate(deliveries)
    ]
    assert [batch.rejected for batch in batches][-1] == 1
    (reason,) = reasons(batches[-1])
    assert words in reason
    assert rejected(batches[-1])[0][2] == field
    assert set(graph()["events"]) == {"e0", "e1"}
    assert set(graph()["accounts"]) == {"ann", "bea"}  # nobody is left who is named nowhere
    if answer_first and not together:
        assert batches[0].accepted_events == 1
        assert "had waited for an event" in batches[1].notices[0]
        assert batches[1].state == ImportBatch.State.PARTIAL


def test_an_undone_acceptance_waits_until_its_whole_chain_is_there(tmp_path: Path) -> None:
    chain = [
        event("u", "Undo", "bea", "acc", "12:00:00"),
        event("acc", "Accept", "bea", "e1", "11:00:00"),
        EVENT,
    ]
    for number, row in enumerate(chain):
        batch = imported(folder_of(tmp_path / str(number), events=[row]))
        if number < 2:
            assert batch.unresolved["events"] == number + 1
    assert {name: row[4] for name, row in graph()["events"].items()} == {
        "u": "acc",
        "acc": "e1",
        "e1": None,
    }
    assert {row.batch_id for row in Event.objects.all()} == {batch.pk}


def test_an_undo_of_an_acceptance_that_leaves_the_graph_goes_on_waiting(tmp_path: Path) -> None:
    imported(
        folder_of(
            tmp_path / "1",
            events=[
                event("u", "Undo", "cat", "acc", "12:00:00"),
                event("acc", "Accept", "cat", "e1", "11:00:00"),
            ],
        )
    )
    imported(folder_of(tmp_path / "2", events=[EVENT]))
    assert set(graph()["events"]) == {"u", "e1"}
    assert graph()["events"]["u"][4] is None


# -- the same row again, and rows that contradict one another ------------------------------------


def test_importing_the_same_files_again_changes_nothing(tmp_path: Path) -> None:
    world = folder_of(
        tmp_path / "in",
        accounts=[{"account_id": "ann", "birth_year": "1980", "display_name": "Ann"}],
        ties=[{"a": "ann", "b": "bea", "kind": "friend", "since": "2026-01-01T00:00:00Z"}],
        events=[EVENT, event("e2", "Accept", "bea", "e1", "11:00:00")],
    )
    first = imported(world)
    before = graph()
    second = imported(world)
    assert (first.accepted, first.duplicates) == (4, 0)
    assert (second.accepted, second.duplicates, second.rejected) == (0, 4, 0)
    assert graph() == before


@pytest.mark.parametrize("in_one_file", [True, False])
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "Follow"}, "type"),
        ({"actor": "cat"}, "actor"),
        ({"object": "cat"}, "object"),
        ({"published": "2026-02-20T10:00:01Z"}, "published"),
    ],
)
def test_an_event_id_with_other_content_is_refused(
    tmp_path: Path, change: Row, field: str, in_one_file: bool
) -> None:
    rows = [EVENT, EVENT | change]
    files = [rows] if in_one_file else [[row] for row in rows]
    batches = [
        imported(folder_of(tmp_path / str(number), events=content))
        for number, content in enumerate(files)
    ]
    assert rejected(batches[-1]) == [
        ("events.csv", 3, "event_id") if in_one_file else ("events.csv", 2, field)
    ]
    assert graph()["events"]["e1"][:3] == ("Offer", "ann", "bea")
    assert "cat" not in graph()["accounts"]


@pytest.mark.parametrize("in_one_file", [True, False])
def test_a_region_that_comes_later_is_filled_in(tmp_path: Path, in_one_file: bool) -> None:
    rows = [EVENT, EVENT | {"region": "GB"}, EVENT]
    files = [rows] if in_one_file else [[row] for row in rows]
    for number, content in enumerate(files):
        batch = imported(folder_of(tmp_path / str(number), events=content))
        assert batch.rejected == 0
    assert graph()["events"]["e1"][6] == "GB"


def test_of_two_ends_of_a_tie_the_earlier_holds_and_mutual_ties_have_no_direction(
    tmp_path: Path,
) -> None:
    tie = {"a": "ann", "b": "bea", "kind": "friend", "since": "2026-01-01T00:00:00Z", "until": ""}
    turned = tie | {"a": "bea", "b": "ann"}
    ended = turned | {"until": "2026-03-01T00:00:00Z"}
    earlier = tie | {"until": "2026-02-01T00:00:00Z"}
    counts = []
    for number, row in enumerate([tie, turned, ended, earlier, tie, ended]):
        batch = imported(folder_of(tmp_path / str(number), ties=[row]))
        counts.append((batch.accepted_ties, batch.duplicates))
    assert counts == [(1, 0), (0, 1), (1, 0), (1, 0), (0, 1), (0, 1)]
    (stored,) = Tie.objects.all()
    assert stored.until == datetime(2026, 2, 1, tzinfo=UTC)
    batch = imported(folder_of(tmp_path / "all", ties=[turned, ended, earlier, tie]))
    assert (batch.accepted_ties, batch.duplicates) == (2, 2)  # ends set within the file


def test_a_later_row_of_an_account_replaces_what_it_states_and_nothing_else(tmp_path: Path) -> None:
    full = {
        "account_id": "ann",
        "display_name": "Ann",
        "birth_date": "2010-05-17",
        "age_source": "verified",
        "community": "north school",
        "status": "active",
    }
    imported(folder_of(tmp_path / "1", accounts=[full]))
    batch = imported(
        folder_of(
            tmp_path / "2",
            accounts=[{"account_id": "ann", "birth_year": "1990", "community": ""}],
        )
    )
    account = Account.objects.get()
    assert batch.accepted_accounts == 1
    assert account.batch_id == batch.pk
    assert (account.display_name, account.age_source) == ("Ann", "verified")
    assert account.community == ""  # stated as empty
    assert (account.birth_date, account.birth_year) == (None, 1990)  # an age replaces the other


def test_rows_of_one_account_in_one_file_count_as_they_would_one_by_one(tmp_path: Path) -> None:
    names = ["Ann", "Ann", "Anna", "Ann"]
    rows = [{"account_id": "ann", "display_name": name} for name in names]
    batch = imported(folder_of(tmp_path / "in", accounts=rows))
    assert (batch.accepted_accounts, batch.duplicates) == (3, 1)
    assert Account.objects.get().display_name == "Ann"


def test_accounts_that_are_only_named_are_provisional_until_they_arrive(tmp_path: Path) -> None:
    first = imported(folder_of(tmp_path / "1", events=[EVENT], ties=[
        {"a": "ann", "b": "cat", "kind": "follow"}
    ]))  # fmt: skip
    assert first.unresolved == {"accounts": 3, "ties": 1, "events": 1}
    assert Account.objects.filter(provisional=True).count() == 3
    second = imported(folder_of(tmp_path / "2", accounts=accounts("ann", "bea", "cat")))
    assert (second.accepted_accounts, second.duplicates) == (3, 0)
    assert second.unresolved == {"accounts": 0, "ties": 0, "events": 0}
    assert not Account.objects.filter(provisional=True).exists()


def test_a_refused_row_leaves_no_account_behind(tmp_path: Path) -> None:
    imported(folder_of(tmp_path / "in", events=[EVENT | {"type": "Poke"}]))
    assert not Account.objects.exists()


def test_good_rows_beside_bad_ones_are_not_lost(tmp_path: Path) -> None:
    rows: Sequence[Row] = [
        EVENT,
        event("e2", "Offer", "x", "x"),
        event("e3", "Create", "ann", "cat"),
        EVENT | {"event_id": "e4", "published": "2026-02-30T10:00:00Z"},
    ]
    batch = imported(folder_of(tmp_path / "in", events=rows))
    assert batch.state == ImportBatch.State.PARTIAL
    assert rejected(batch) == [("events.csv", 3, "object"), ("events.csv", 5, "published")]
    assert set(graph()["events"]) == {"e1", "e3"}


def test_rules_take_any_mixture_without_losing_a_row() -> None:
    rows = [event(f"e{n}", "Offer", "a", "b" if n % 3 else "a") for n in range(100)]
    batch = rows_of("events", rows)
    assert len(batch) + len(batch.rejects) == 100
