"""The documentation's table of moves is the program's."""

from __future__ import annotations

from pathlib import Path

from moderation.domain import deadlines, intake
from moderation.domain.referrals import REFERRAL_MOVES
from moderation.domain.transitions import TRANSITIONS, Transition
from moderation.services.moves import LEASE

TEXT = Path(__file__).parents[2].joinpath("docs", "cases.md").read_text("utf-8")


def _row(t: Transition) -> str:
    flags = ["yes" if flag else "" for flag in (t.needs_lease, t.needs_note, t.four_eyes)]
    cells = [t.verb, t.source, t.target, t.capability or "Sightline", *flags]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _rows(heading: str) -> list[str]:
    """The rows of the table under a heading, without the table's own head."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][2:]


def test_the_table_of_moves() -> None:
    assert _rows("Life of a case") == [_row(transition) for transition in TRANSITIONS]


def test_the_moves_of_a_referral() -> None:
    written = {tuple(row.split(" | ")[1:3]) for row in _rows("After the referral")}
    moves = {(m.source, m.target) for m in REFERRAL_MOVES if m.source != "preparing"}
    assert moves | {("acknowledged", "acknowledged")} == written


def test_the_numbers() -> None:
    minutes = LEASE.total_seconds() / 60
    assert f"holds for {minutes:g} minutes" in TEXT
    assert f"points moved by {intake.MATTERS:g}," in TEXT
    assert f"have risen by {intake.RESUMES:g} since" in TEXT
    hours = [f"{allowed.total_seconds() / 3600:g}" for allowed in deadlines.ALLOWED.values()]
    assert f"Deadlines are {hours[2]}, {hours[1]} and {hours[0]} hours" in TEXT
