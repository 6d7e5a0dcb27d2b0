"""What NCMEC's server refuses although its schema lets it through, as data.

After "CyberTipline Reporting API Technical Documentation", 11 June 2025. Each rule stands once, for
the element or attribute that the documentation names; ``breaches`` applies them to a report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from moderation.cybertipline.checks import (
    Check,
    check_of,
    has_email,
    in_us,
    named_elsewhere,
    not_blank,
    not_supplemental,
    state,
    viewed,
    without,
    without_calling_code,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``parent`` and ``name`` as documented ("" for any parent), and its words."""

    parent: str
    name: str
    words: str
    holds: Check
    attribute: bool = False


def _rules() -> Iterator[Rule]:
    for parent, name, words in _ELEMENTS:
        yield Rule(parent, name, words, check_of(words, name))
    for parent, name, words in _ATTRIBUTES:
        yield Rule(parent, name, words, check_of(words, name), attribute=True)
    yield from _SPECIAL


_ACCOUNT: Final = ("personOrUserReported", "intendedRecipient", "victim", "associatedAccount")


def _elements() -> Iterator[tuple[str, str, str]]:
    for parent, name, limit in _LENGTHS:
        yield parent, name, f"max length is {limit} characters"
    for parent, name, words in _OTHER_ELEMENTS:
        yield parent, name, words
    for parent in _ACCOUNT:
        yield parent, "profileUrl", "must be a valid URL"
        prior = "priorCTReport" if parent == "associatedAccount" else "priorCTReports"
        yield parent, prior, "must be a valid CyberTipline report ID"


_LENGTHS: Final[tuple[tuple[str, str, int], ...]] = (
    ("deviceId", "idType", 255), ("deviceId", "idValue", 2083),
    ("address", "address", 255), ("address", "city", 100), ("address", "zipCode", 20),
    ("address", "nonUsaState", 100), ("", "phone", 50), ("", "email", 255),
    ("estimatedLocation", "city", 255), ("estimatedLocation", "region", 255),
    ("person", "firstName", 100), ("person", "lastName", 100),
    ("contactPerson", "firstName", 100), ("contactPerson", "lastName", 100),
    ("incidentSummary", "platform", 256), ("incidentSummary", "escalateToHighPriority", 3000),
    ("incidentSummary", "incidentDateTimeDescription", 3000), ("webPageIncident", "url", 2083),
    ("newsgroupIncident", "name", 255), ("chatImIncident", "chatClient", 255),
    ("chatImIncident", "chatRoomName", 255), ("onlineGamingIncident", "gameName", 255),
    ("onlineGamingIncident", "console", 255), ("nonInternetIncident", "locationName", 255),
    ("peer2peerIncident", "client", 255), ("lawEnforcement", "agencyName", 255),
    ("lawEnforcement", "caseNumber", 100), ("reporter", "legalURL", 2083),
    ("personOrUserReported", "vehicleDescription", 300),
    ("personOrUserReported", "espIdentifier", 255), ("personOrUserReported", "espService", 100),
    ("personOrUserReported", "screenName", 256), ("personOrUserReported", "displayName", 255),
    ("personOrUserReported", "profileUrl", 2083), ("personOrUserReported", "groupIdentifier", 255),
    ("intendedRecipient", "espIdentifier", 255), ("intendedRecipient", "espService", 100),
    ("intendedRecipient", "screenName", 256), ("intendedRecipient", "displayName", 255),
    ("intendedRecipient", "profileUrl", 2083), ("intendedRecipient", "groupIdentifier", 255),
    ("victim", "espIdentifier", 255), ("victim", "espService", 100), ("victim", "screenName", 256),
    ("victim", "displayName", 255), ("victim", "profileUrl", 2083), ("victim", "schoolName", 255),
    ("associatedAccount", "platform", 256), ("associatedAccount", "firstName", 256),
    ("associatedAccount", "middleName", 256), ("associatedAccount", "lastName", 256),
    ("associatedAccount", "espService", 256), ("associatedAccount", "espIdentifier", 256),
    ("associatedAccount", "profileUrl", 2083), ("associatedAccount", "screenName", 256),
    ("associatedAccount", "displayName", 255), ("associatedAccount", "groupIdentifier", 256),
    ("fileDetails", "originalFileName", 2056), ("fileDetails", "locationOfFile", 2083),
    ("details/nameValuePair", "name", 64),
)  # fmt: skip

_OTHER_ELEMENTS: Final[tuple[tuple[str, str, str], ...]] = (
    ("ipCaptureEvent", "ipAddress", "must be a valid IPv4, IPv6, or IPv4-mapped IPv6 address"),
    ("ipCaptureEvent", "ipAddress", "must not be blank if <ipCaptureEvent> supplied"),
    ("ipCaptureEvent", "dateTime", "must be in the past"),
    ("ipCaptureEvent", "port", "must be between 1 and 65535"),
    ("deviceId", "idType", "must not be blank if <deviceId> supplied"),
    ("deviceId", "idValue", "must not be blank if <deviceId> supplied"),
    ("deviceId", "dateTime", "must be in the past"),
    ("address", "state", "must be a valid US state or territory postal abbreviation"),
    ("address", "country", "must be a valid ISO 3166-1 alpha-2 country code"),
    ("", "email", "must be a well-formed email address"),
    ("estimatedLocation", "countryCode", "must be a valid ISO 3166-1 alpha-2 country code"),
    ("person", "age", "must be between 0 and 150"),
    ("person", "dateOfBirth", "must be in the past"),
    (
        "incidentSummary",
        "escalateToHighPriority",
        "must not be blank if <escalateToHighPriority> supplied",
    ),
    ("incidentSummary", "incidentDateTime", "must be in the past"),
    ("webPageIncident", "url", "must be a valid URL"),
    ("reporter", "legalURL", "must be a valid URL"),
    ("associatedAccount", "approximateAge", "must be between 0 and 150"),
    ("associatedAccount", "dateOfBirth", "must be in the past"),
    ("fileDetails", "reportId", "must be a valid CyberTipline report ID"),
    ("fileDetails", "fileId", "must not be blank"),
    ("fileDetails", "uploadedToEspTimestamp", "must be in the past"),
    ("fileDetails", "locationOfFile", "must be a valid URL"),
)


def _attributes() -> Iterator[tuple[str, str, str]]:
    yield "phone", "verified", "must be true when verificationDate is supplied"
    yield "phone", "verificationDate", "must be in the past"
    yield (
        "phone",
        "countryCallingCode",
        r"must conform to the regular expression \+[0-9]{1,3}",
    )
    yield "phone", "extension", "must conform to the regular expression [0-9]+"
    yield "phone", "extension", "max length is 10 characters"
    yield "email", "verified", "must be true when verificationDate is supplied"
    yield "email", "verificationDate", "must be in the past"
    yield "estimatedLocation", "timestamp", "must be in the past"
    yield (
        "lawEnforcement/servedLegalProcessInternational",
        "fleaCountry",
        "must be a valid ISO 3166-1 alpha-2 country code",
    )
    yield "originalFileHash", "hashType", "max length is 64 characters"
    for parent in _ACCOUNT:
        for standing in ("accountTemporarilyDisabled", "accountPermanentlyDisabled"):
            place = f"{parent}/{standing}"
            yield place, "disabledDate", "must be in the past"
            yield place, "userNotifiedDate", "must be in the past"
            yield (
                place,
                "userNotifiedDate",
                "must be on or after the disabledDate if both are supplied",
            )
        place = f"{parent}/accountTemporarilyDisabled"
        yield place, "reenabledDate", "must be after the disabledDate if both are supplied"


_ELEMENTS: Final = tuple(_elements())
_ATTRIBUTES: Final = tuple(_attributes())


_SPECIAL: Final[tuple[Rule, ...]] = (
    Rule(
        "",
        "phone",
        "if countryCallingCode supplied, must not start with country calling code",
        without_calling_code,
    ),
    Rule(
        "",
        "email",
        "max length of local part (before @ sign) is 64 characters",
        lambda where: len(where.value.strip().rpartition("@")[0]) <= 64,
    ),
    Rule(
        "estimatedLocation",
        "region",
        "must be a valid US state or territory postal abbreviation if supplied and <countryCode> "
        'is "US"',
        lambda where: not where.value.strip() or not in_us(where) or state(where),
    ),
    Rule(
        "estimatedLocation",
        "region",
        'must be not be blank if <city> is supplied and <countryCode> is "US"',
        lambda where: not where.sibling("city") or not in_us(where) or not_blank(where),
    ),
    Rule(
        "estimatedLocation",
        "countryCode",
        "must be not be blank if <estimatedLocation> is supplied",
        not_blank,
    ),
    Rule(
        "emailIncident",
        "emailAddress",
        "must also be supplied as a <personOrUserReported> email address, <intendedRecipient> "
        "email address, or a <victim> email address",
        named_elsewhere,
    ),
    Rule(
        "newsgroupIncident",
        "emailAddress",
        "must also be supplied as a <personOrUserReported> email address, <intendedRecipient "
        "email address, or a <victim> email address",
        named_elsewhere,
    ),
    Rule("reporter", "reportingPerson", "<email> is required", has_email),
    Rule(
        "associatedAccount",
        "approximateAge",
        "may not be set if <dateOfBirth> is supplied",
        without("dateOfBirth"),
    ),
    Rule(
        "associatedAccount",
        "dateOfBirth",
        "may not be set if <approximateAge> is supplied",
        without("approximateAge"),
    ),
    Rule(
        "fileDetails",
        "fileViewedByEsp",
        'must be "true" when the value of <exifViewedByEsp> is "true"',
        viewed,
    ),
    Rule(
        "fileDetails",
        "fileRelevance",
        'may not be "Supplemental Reported" if a potential meme annotation is supplied',
        not_supplemental("potentialMeme"),
    ),
    Rule(
        "fileDetails",
        "fileRelevance",
        'may not be "Supplemental Reported" if an <industryClassification> is supplied',
        not_supplemental("industryClassification"),
    ),
)

RULES: Final[tuple[Rule, ...]] = tuple(_rules())
"""Every rule that a client can check."""

ONLY_THE_SERVER_KNOWS: Final = frozenset(
    {
        "reporter must have permission to update the supplied CyberTipline Report",
        "must be a valid file ID for the supplied report ID",
    }
)

MAX_LENGTH: Final[dict[tuple[str, str], int]] = {
    (parent, name): limit for parent, name, limit in _LENGTHS
}
"""Most characters of an element, by the documented names of its parent and itself."""
