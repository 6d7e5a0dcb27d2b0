"""What this floor's tables hold of people. See ``staff.personal``."""

from __future__ import annotations

from typing import Final

from staff.personal import REMOVED, Goes, Table

TABLES: Final = (
    Table(
        "moderation.Case",
        personal={"headline": []},
        other=(
            "reference", "kind", "state", "severity", "priority_factors", "lease_expires_at",
            "claimed_at", "escalated_at", "monitor_until", "decided_at", "opened_at",
            "waiting_since", "due_at", "updated_at", "personal_data_removed_at",
        ),
    ),
    Table(
        "moderation.Decision",
        # "details" keeps what is no free text: severity, until.
        personal={"note": REMOVED, "details": Goes.ROW},
        other=("verb", "reason", "restores", "at"),
    ),
    Table("moderation.Note", personal={"text": REMOVED}, other=("at",)),
    Table("moderation.Reveal", personal={"note": REMOVED}, other=("reason", "at", "ends_at")),
    Table(
        "moderation.AgeCheck",
        personal={"note": REMOVED},
        other=("until", "asked_at", "withdrawn_at", "answer", "answered_at"),
    ),
    Table(
        "moderation.PoliceHold",
        personal={"reason": REMOVED, "lift_reason": REMOVED},
        other=("set_at", "lifted_at"),
    ),
    Table(
        "moderation.Exemption",
        personal={"revoke_reason": REMOVED},
        other=("until", "granted_at", "revoked_at"),
    ),
    Table(
        "moderation.Referral",
        personal={"summary": REMOVED, "answer": REMOVED, "outcome_note": REMOVED},
        other=(
            "state", "approved_at", "destination", "receipt", "sent_at", "answered_at", "outcome",
            "outcome_at",
        ),
    ),
    Table(
        "moderation.SealedPackage",
        personal={"data": b""},
        other=("sha256", "sealed_at", "erased_at"),
    ),
    Table(
        "moderation.Draft",
        personal={"words": Goes.ROW},
        other=("form", "updated_at"),
    ),
    # Nothing else in a delivery could name a person: the package does, and lies elsewhere.
    Table(
        "moderation.Delivery",
        personal={"last_error": ""},
        other=(
            "key", "kind", "payload", "state", "next_attempt_at", "taken_until", "progress",
            "receipt", "asked_at", "last_attempt_at", "finished_at",
        ),
    ),
    Table("moderation.Pseudonym", other=("kind", "mark")),
    Table(
        "moderation.SecondLook",
        personal={"note": REMOVED},
        other=("verb", "reason", "agreement", "chosen_at", "started_at", "looked_at"),
    ),
    # What was written for several cases is emptied within minutes, when the job ends; each decision
    # keeps its own note.
    Table("moderation.BulkJob", other=("verb", "words", "asked_at", "finished_at")),
    Table("moderation.BulkItem", other=("outcome", "message")),
    # Of those who work here: what one took, saw and skipped goes with the shift, after a month.
    Table(
        "moderation.Shift",
        personal={"began_at": Goes.ROW, "ended_at": Goes.ROW, "further": Goes.ROW},
    ),
    Table(
        "moderation.Exposure",
        personal={"sort": Goes.ROW, "severity": Goes.ROW, "at": Goes.ROW, "skipped": Goes.ROW},
    ),
    Table("moderation.CareChoice", personal={"left_out": Goes.ROW}),
    Table("moderation.CareTerms", other=("contacts",)),
    Table("moderation.DeadlineTerms", other=("spec", "note", "set_at")),
    Table(
        "moderation.Breach",
        other=("severity", "state", "waiting_since", "due_at", "noticed_at"),
    ),
)  # fmt: skip
