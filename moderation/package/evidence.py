"""``evidence.json``: everything that the report says, and the rows behind it, for programs."""

from __future__ import annotations

from typing import Any

from moderation.package.canonical import json_bytes
from moderation.package.view import (
    DRAFT_NOTICE,
    CaseView,
    ContactView,
    DecisionLine,
    Identity,
    Sentence,
)


def evidence_json(view: CaseView) -> bytes:
    """The file. Its members are described in ``docs/referrals.md``."""
    return json_bytes(
        {
            "format": "sightline-evidence-1",
            "status": view.status,
            **({"notice": DRAFT_NOTICE} if view.is_draft else {}),
            "case": {
                "reference": view.reference,
                "version": view.version,
                "as_of": view.as_of,
                "state": view.state,
                "kind": view.kind,
                "severity": view.severity,
                "points": view.points,
                "run": view.run,
                "threshold_version": view.threshold_version,
                "opened_at": view.opened_at,
                **({"police_hold_since": view.held_since} if view.held_since else {}),
            },
            "platform": view.reporter.platform,
            "account": {**_identity(view.account), "recorded_minor": view.recorded_minor},
            "linked_accounts": [linked.account_id for linked in view.linked],
            "indicators": [_sentence(sentence) for sentence in view.sentences],
            "contacts": [_contact(contact) for contact in view.contacts],
            "ties_between_contacts": view.ties,
            "decisions": [_decision(line) for line in view.decisions],
        }
    )


def _identity(identity: Identity) -> dict[str, Any]:
    said = {
        "account_id": identity.account_id,
        "display_name": identity.display_name,
        "birth_date": identity.birth_date,
        "birth_year": identity.birth_year,
        "age_band": identity.band,
        "age_source": identity.age_source,
        "gender": identity.gender,
        "region": identity.region,
        "community": identity.community,
        "role": identity.role,
        "account_status": identity.status,
        "created_at": identity.created_at,
        "ncmec_reports": identity.prior_reports,
    }
    return {name: value for name, value in said.items() if value not in (None, "", ())}


def _contact(contact: ContactView) -> dict[str, Any]:
    return {
        "name": contact.name,
        "kind": contact.kind,
        "age_at_first_contact": contact.band,
        "contacted_by_account": contact.contacted,
        "accepted": contact.accepted,
        "link": contact.link,
        "outcome": contact.outcome,
        "tie": contact.tie,
        "account": _identity(contact.identity),
        "events": [{"at": h.at, "step": h.step, "words": h.words} for h in contact.happenings],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "indicator": sentence.indicator,
        "name": sentence.name,
        "direction": sentence.direction,
        "points": sentence.points,
        "sentence": sentence.text,
        "stretch": sentence.stretch,
        **sentence.numbers,
        "rows": [
            {
                "event_id": row.event_id,
                "about": row.about,
                "at": row.at,
                "counted": row.counted,
                "facts": row.facts,
            }
            for row in sentence.evidence
        ],
    }


def _decision(line: DecisionLine) -> dict[str, Any]:
    return {
        "at": line.at,
        "verb": line.verb,
        "by": line.by,
        "role": line.role,
        "reason": line.reason,
        "note": line.note,
        "details": line.details,
        "points": line.points,
        "audit_entry": line.entry,
    }
