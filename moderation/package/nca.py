"""The fields of the National Crime Agency's portal form, filled from a sealed package.

The NCA takes referrals from industry by a form that people fill in. Names and identifiers of
children are not among the fields to copy: they travel in the files that are attached.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from moderation.selectors.people import BANDS

ATTACHED: Final = ("report.pdf", "contacts.csv")

PRIORITIES: Final[tuple[tuple[str, str], ...]] = (
    ("1", "Priority 1: a child may be in danger now"),
    ("2", "Priority 2: serious, no sign of danger today"),
    ("3", "Priority 3: everything else"),
)
"""The three levels, and how a case's severity proposes one."""

PERSONAL: Final = ("account_id", "display_name", "birth_date", "birth_year", "region")
"""What the form shows of the person who is reported: fields of ``accounts.Account``."""

_BY_SEVERITY: Final = {"critical": "1", "high": "2", "standard": "3"}


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together: label and value, ready to be copied."""

    title: str
    fields: tuple[tuple[str, str], ...]


def proposed(evidence: dict[str, Any]) -> str:
    """The level that the case's severity proposes."""
    return _BY_SEVERITY.get(str(evidence["case"]["severity"]), "3")


def groups(evidence: dict[str, Any], reporter: dict[str, str]) -> tuple[Group, ...]:
    """The form, from ``evidence.json`` and who reports (name, e-mail, telephone by label)."""
    account, case = evidence["account"], evidence["case"]
    children = [
        c for c in evidence["contacts"] if c["kind"] == "child" and c["contacted_by_account"]
    ]
    times = sorted(event["at"] for child in children for event in child["events"])
    bands = Counter(child["age_at_first_contact"] for child in children)
    # Packages that were sealed before "accepted" was kept tell the last answer only
    accepted = sum(child.get("accepted", child["link"] == "accepted") for child in children)
    age = account.get("birth_date") or account.get("birth_year") or BANDS[account["age_band"]]
    escalated = [line for line in evidence["decisions"] if line["verb"] == "escalate"]
    return (
        _group("Who reports", {"Organisation": evidence["platform"], **reporter}),
        _group(
            "What happened",
            {
                "Type of offence": "Online grooming of children",
                "Own reference": case["reference"],
                "Police hold since": case.get("police_hold_since", ""),
                "First event": times[0] if times else "",
                "Latest event": times[-1] if times else "",
                "Summary": escalated[-1]["note"] if escalated else "",
                "Findings": "\n".join(
                    found["sentence"]
                    for found in evidence["indicators"]
                    if found["direction"] == "raises"
                ),
                "What speaks against it": "\n".join(
                    found["sentence"]
                    for found in evidence["indicators"]
                    if found["direction"] == "lowers"
                ),
            },
        ),
        _group(
            "The account that is reported",
            {
                "Platform": evidence["platform"],
                "Account": account["account_id"],
                "Display name": account.get("display_name", ""),
                "Born, or age": str(age),
                "Region": account.get("region", ""),
                "Account status": account.get("account_status", ""),
                "Account created": account.get("created_at", ""),
                "Reported to NCMEC before": ", ".join(map(str, account.get("ncmec_reports", ()))),
                "Linked accounts": ", ".join(evidence["linked_accounts"]),
            },
        ),
        _group(
            "The children",
            {
                "How many were contacted": str(len(children)),
                "How many accepted": str(accepted),
                "Ages at first contact": ", ".join(
                    f"{count} aged {band}" for band, count in sorted(bands.items())
                ),
                "Who they are": f"See {' and '.join(ATTACHED)}, attached.",
            },
        ),
    )


def _group(title: str, fields: dict[str, str]) -> Group:
    return Group(title, tuple((label, value) for label, value in fields.items() if value))
