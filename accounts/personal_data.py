"""What this floor's tables hold of people. See ``staff.personal``."""

from __future__ import annotations

from typing import Final

from staff.personal import Goes, Table

TABLES: Final = (
    Table(
        "accounts.Account",
        personal={
            "account_id": Goes.PSEUDONYM,
            "display_name": "",
            "birth_date": None,
            "birth_year": None,
            "gender": "",
            "region": "",
            "community": "",
            "role": "",
            "created_at": None,
        },
        # A band of years, and what the platform says about the account itself.
        other=("age_band", "age_source", "status"),
    ),
    Table(
        "accounts.Event",
        personal={"event_id": Goes.PSEUDONYM, "reference": Goes.PSEUDONYM, "region": ""},
        other=("type", "published"),
    ),
    Table("accounts.Tie", other=("kind", "since", "until")),
    Table(
        "accounts.RejectedRow",
        personal={"value": Goes.ROW, "reason": Goes.ROW},
        other=("file", "field"),
    ),
    Table(
        "accounts.ImportBatch",
        other=(
            "source", "origin", "format", "path", "state", "files", "rejects_file", "unresolved",
            "notices", "error", "queued_at", "created_at", "started_at", "finished_at",
        ),
    ),
)  # fmt: skip
