"""CSV as it comes: any quoting, any damage, in blocks of any size, each row with its own line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.formats import lines
from accounts.formats.csv_reader import CsvReader
from accounts.formats.rows import FileProblem, Position, Reject
from accounts.formats.source import Source

HEADER = b"account_id,display_name\n"

Read = tuple[list[tuple[int, str, str]], list[Reject], list[Position]]


def read(path: Path, content: bytes, start: Position | None = None) -> Read:
    """Rows with their lines, refused rows, and the positions after each batch."""
    path.write_bytes(content)
    rows: list[tuple[int, str, str]] = []
    rejects: list[Reject] = []
    positions: list[Position] = []
    with Source(path) as source:
        for batch in CsvReader(source, "accounts", start or Position()):
            values = (batch.columns[name].to_pylist() for name in ("account_id", "display_name"))
            rows += zip(batch.lines.tolist(), *values, strict=True)
            rejects += batch.rejects
            positions.append(batch.position)
    return rows, rejects, positions


cells = st.text(st.sampled_from('ab,;"\n\r é\t'), max_size=4).filter(
    lambda text: "\r" not in text.replace("\r\n", "")
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(cells, cells), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    size=st.sampled_from([1, 7, 16, 64, 1 << 20]),
    most_rows=st.sampled_from([1, 2, 5, 200_000]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_well_formed_files_read_as_the_standard_library_reads_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, str]],
    end: str,
    quoting: int,
    size: int,
    most_rows: int,
    mark: bytes,
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    monkeypatch.setattr(lines, "BLOCK_ROWS", most_rows)
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]  # csv's own constants
    expected: list[tuple[int, str, str]] = []
    line = 2
    reader = csv.reader(io.StringIO(text.getvalue(), newline="\n"))
    for row in reader:
        if row:
            expected.append((line, row[0], row[1]))
        line = reader.line_num + 2
    got, rejects, positions = read(tmp_path / "f", mark + HEADER + text.getvalue().encode())
    assert got == expected
    assert not rejects
    for position in positions:  # reading goes on anywhere as if it had never stopped
        rest, _, _ = read(tmp_path / "f", mark + HEADER + text.getvalue().encode(), position)
        assert rest == [row for row in expected if row[0] >= position.line]


def test_a_block_holds_no_more_rows_than_it_may_however_short_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_ROWS", 1000)
    got, _, positions = read(tmp_path / "f", HEADER + b"a,b\n" * 4500)
    assert got == [(line, "a", "b") for line in range(2, 4502)]
    assert [position.row for position in positions] == [1000, 2000, 3000, 4000, 4500]


@pytest.mark.parametrize("most_rows", [1, 200_000])
@pytest.mark.parametrize(
    ("content", "rows", "refused"),
    [
        (b"a,b,c\nd,e\n", [(3, "d", "e")], [(2, "row", "3 values")]),
        (b"a\nd,e\n", [(3, "d", "e")], [(2, "row", "1 values")]),
        (b'"a\nb",c\nd\n', [(2, "a\nb", "c")], [(4, "row", "1 values")]),
        (b'a,"open\nb,c\nd,e\n', [(3, "b", "c"), (4, "d", "e")], [(2, "row", 'a,"open')]),
        (b'a,"b"c\nd,e\n', [(3, "d", "e")], [(2, "row", 'a,"b"c')]),
        (b'a,5" x\nb,c\n', [(2, "a", '5" x'), (3, "b", "c")], []),
        (b"a,b\rc\nd,e\n", [(3, "d", "e")], [(2, "row", "a,b\N{REPLACEMENT CHARACTER}c")]),
        (b"\n\r\na,b\n\n", [(4, "a", "b")], []),
        (b"a,b", [(2, "a", "b")], []),
    ],
)
def test_damage_is_refused_by_line_and_stays_where_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    rows: list[tuple[int, str, str]],
    refused: list[tuple[int, str, str]],
    most_rows: int,
) -> None:
    monkeypatch.setattr(lines, "BLOCK_ROWS", most_rows)
    got, rejects, _ = read(tmp_path / "f", HEADER + content)
    assert got == rows
    assert [(reject.line, reject.field, reject.value) for reject in rejects] == refused


def test_latin_1_is_told_by_line_and_field_and_other_rows_are_read(tmp_path: Path) -> None:
    content = HEADER + "a,José\n".encode() + "b,José\n".encode("latin-1") + b"c,Ann\n"
    got, (reject,), _ = read(tmp_path / "f", content)
    assert got == [(2, "a", "José"), (4, "c", "Ann")]
    assert (reject.line, reject.field, reject.value) == (3, "display_name", "José")
    assert "not UTF-8" in reject.reason


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_understood(tmp_path: Path, delimiter: str) -> None:
    content = f"account_id{delimiter}display_name\na{delimiter}b, c\n"
    got, rejects, _ = read(tmp_path / "f", content.encode())
    assert (got, rejects) == ([(2, "a", "b, c")], [])


def test_line_ends_of_the_first_macs_are_understood(tmp_path: Path) -> None:
    got, rejects, _ = read(tmp_path / "f", b"account_id,display_name\ra,b\rc,d")
    assert (got, rejects) == ([(2, "a", "b"), (3, "c", "d")], [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("account_id\nann\n".encode("utf-16"), "UTF-16"),
        ("account_id\nann\n".encode("utf-16-le"), "UTF-16"),
        (b"PK\x03\x04rest", "Excel"),
        (b"name,age\nann,3\n", "lacks the column account_id"),
        (b"account_id,account_id\n", "names the column account_id twice"),
        (b"x" * 2_000_000, "longer than 1 MiB"),
    ],
)
def test_files_that_are_no_table_are_refused_with_a_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(FileProblem) as problem:
        read(tmp_path / "f", content)
    assert words in problem.value.message
    assert problem.value.message.endswith(".")


def test_a_line_beyond_the_limit_is_passed_over(tmp_path: Path) -> None:
    long = b"x" * (lines.LONGEST_LINE + 10)
    content = HEADER + b"a,b\n" + long + b"\nc,d\n" + long + b"\n" + long
    got, rejects, _ = read(tmp_path / "f", content)
    assert got == [(2, "a", "b"), (4, "c", "d")]
    assert [reject.line for reject in rejects] == [3, 5, 6]
    assert all("longer than 1 MiB" in reject.reason for reject in rejects)


def test_a_stray_quotation_mark_does_not_swallow_the_rest_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 4096)
    rows = [f"a{number},name" for number in range(5000)]
    rows[700] = 'a700,"name'
    got, (reject,), _ = read(tmp_path / "f", HEADER + "\n".join(rows).encode())
    assert reject.line == 702
    assert len(got) == 4999
