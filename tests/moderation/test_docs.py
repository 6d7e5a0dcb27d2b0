"""The documentation's table of moves is the program's."""

from __future__ import annotations

from pathlib import Path

from moderation.domain import deadlines, intake
from moderation.domain.transitions import TRANSITIONS, Transition
from moderation.services.moves import LEASE

TEXT = Path(__file__).parents[2].joinpath("docs", "cases.md").read_text("utf-8")


def _row(t: Transition) -> str:
    flags = ["yes" if flag else "" for flag in (t.needs_lease, t.needs_note, t.four_eyes)]
    cells = [t.verb, t.source, t.target, t.capability or "Sightline", *flags]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def test_the_table_of_moves() -> None:
    written = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert written[2:] == [_row(transition) for transition in TRANSITIONS]


def test_the_numbers() -> None:
    minutes = LEASE.total_seconds() / 60
    assert f"holds for {minutes:g} minutes" in TEXT
    assert f"points moved by {intake.MATTERS:g}," in TEXT
    assert f"have risen by {intake.RESUMES:g} since" in TEXT
    hours = [f"{allowed.total_seconds() / 3600:g}" for allowed in deadlines.ALLOWED.values()]
    assert f"Deadlines are {hours[2]}, {hours[1]} and {hours[0]} hours" in TEXT
