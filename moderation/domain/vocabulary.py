"""Why a case was dismissed: codes that feed evaluation, so they never change their meaning."""

from enum import StrEnum

from moderation.domain import age_checks


class DismissReason(StrEnum):
    FAMILY = "family"
    SCHOOL_OR_CLUB_ROLE = "school_or_club_role"
    SAME_AGE_CIRCLE = "same_age_circle"
    MISRECORDED_AGE = "misrecorded_age"
    ORDINARY_BEHAVIOUR = "ordinary_behaviour"
    BRIGADING = "brigading"
    DATA_ERROR = "data_error"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


DISMISS_LABELS: dict[DismissReason, str] = {
    DismissReason.FAMILY: "Family of the children",
    DismissReason.SCHOOL_OR_CLUB_ROLE: "Works with the children: school, club or team",
    DismissReason.SAME_AGE_CIRCLE: "Same circle, about the same age",
    DismissReason.MISRECORDED_AGE: "Recorded age is wrong",
    DismissReason.ORDINARY_BEHAVIOUR: "Ordinary behaviour",
    DismissReason.BRIGADING: "Reported in bad faith by a group",
    DismissReason.DATA_ERROR: "Error in the data",
    DismissReason.NOT_ENOUGH_EVIDENCE: "Not enough evidence",
}


REASON_LABELS: dict[str, str] = {
    **{reason.value: label for reason, label in DISMISS_LABELS.items()},
    age_checks.REASON: "Waits for an age check",
}
"""Every code that a decision may give as its reason."""


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    STANDARD = "standard"


SEVERITY_LABELS: dict[Severity, str] = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.STANDARD: "Standard",
}
