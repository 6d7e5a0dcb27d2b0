"""What this floor's tables hold of people. See ``staff.personal``."""

from __future__ import annotations

from typing import Final

from staff.personal import Goes, Table

TABLES: Final = (
    Table(
        "signals.Assessment",
        personal={"contributions": [], "summary": {}},
        other=("stretch", "created_at"),
    ),
    Table(
        "signals.EvidenceRow",
        personal={"at": Goes.ROW, "facts": Goes.ROW, "indicator": Goes.ROW},
    ),
    Table("signals.Score", personal={"stretch": Goes.ROW, "llr": Goes.ROW}),
    Table(
        "signals.ThresholdSet",
        other=("state", "spec", "note", "created_at", "activated_at", "withdrawn_at"),
    ),
    Table(
        "signals.Run",
        other=(
            "state", "trigger", "as_of", "instant", "read_at", "engine", "stage",
            "indicator_keys", "figures", "basis", "seconds", "error",
            "created_at", "started_at", "finished_at",
        ),
    ),
)  # fmt: skip
