"""``contacts.csv``: a row for each person around the account, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Final

from audit.exports import guarded
from moderation.package.canonical import moment
from moderation.package.view import CaseView, ContactView

COLUMNS: Final = (
    "package_status", "case", "name", "kind", "age_at_first_contact", "account_id", "display_name",
    "birth_date", "birth_year", "age_source", "gender", "region", "community",
    "contacted_by_account", "first_event_at", "began_with", "last_event_at", "outcome", "tie",
    "events",
)  # fmt: skip


def contacts_csv(view: CaseView) -> bytes:
    """The file: UTF-8 with a byte-order mark, for spreadsheets, which otherwise take it for Latin.

    Each cell is guarded against being taken for a formula. A draft says so in every row, and in
    the one row that it has where there are no contacts.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for contact in view.contacts:
        writer.writerow([guarded(cell) for cell in _row(view, contact)])
    if not view.contacts:
        writer.writerow([view.status.value, view.reference, *[""] * (len(COLUMNS) - 2)])
    return text.getvalue().encode("utf-8-sig")


def _row(view: CaseView, contact: ContactView) -> list[str]:
    who = contact.identity
    return [
        view.status.value,
        view.reference,
        contact.name,
        contact.kind.value,
        contact.band,
        who.account_id,
        who.display_name,
        who.birth_date.isoformat() if who.birth_date else "",
        str(who.birth_year) if who.birth_year else "",
        who.age_source,
        who.gender,
        who.region,
        who.community,
        "yes" if contact.contacted else "no",
        _time(contact.first_at),
        contact.began_with,
        _time(contact.last_at),
        contact.outcome,
        contact.tie,
        str(len(contact.happenings)),
    ]


def _time(value: datetime | None) -> str:
    return moment(value) if value else ""
