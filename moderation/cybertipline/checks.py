"""Single checks on the values of a report: addresses, times, codes, lengths."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from moderation.cybertipline.places import COUNTRIES, STATES
from moderation.cybertipline.values import length


@dataclass(frozen=True, slots=True)
class Where:
    """A value under a rule: its element, the report's root, and the moment of checking."""

    element: Any
    value: str
    root: Any
    now: datetime

    def sibling(self, tag: str) -> str:
        """The text of another element of the same parent; "" where there is none."""
        parent = self.element.getparent()
        return "" if parent is None else (parent.findtext(tag) or "").strip()

    def attribute(self, name: str) -> str:
        return (self.element.get(name) or "").strip()


Check = Callable[[Where], bool]


def is_url(text: str) -> bool:
    """An absolute http or https address with a host, without white space."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and not re.search(r"\s", text)


def is_email(text: str) -> bool:
    """A well-formed address: one @ with something on both sides, no white space, a sane host."""
    local, at, host = text.rpartition("@")
    labels = host.split(".")
    return bool(
        at
        and re.fullmatch(r"[^\s@\"(),:;<>\[\\\]]+", local)
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
        and all(re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", part) for part in labels)
    )


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _past(where: Where) -> bool:
    moment = _time(where.value)
    return moment is not None and moment < where.now


def past_day(where: Where) -> bool:
    try:
        return date.fromisoformat(where.value.strip()[:10]) < where.now.date()
    except ValueError:
        return False


def longest(limit: int) -> Check:
    return lambda where: length(where.value) <= limit


def between(low: int, high: int) -> Check:
    def holds(where: Where) -> bool:
        return bool(re.fullmatch(r"-?\d+", where.value.strip())) and (
            low <= int(where.value) <= high
        )

    return holds


def matches(pattern: str) -> Check:
    return lambda where: re.fullmatch(pattern, where.value) is not None


def not_blank(where: Where) -> bool:
    return bool(where.value.strip())


def _address(where: Where) -> bool:
    try:
        ipaddress.ip_address(where.value.strip())
    except ValueError:
        return False
    return True


def _country(where: Where) -> bool:
    return where.value.strip() in COUNTRIES


def state(where: Where) -> bool:
    return where.value.strip() in STATES


def _report_id(where: Where) -> bool:
    return bool(re.fullmatch(r"[1-9]\d{0,17}", where.value.strip()))


def in_us(where: Where) -> bool:
    return where.sibling("countryCode") == "US"


def _verified(where: Where) -> bool:
    return not where.attribute("verificationDate") or where.value.strip() in ("true", "1")


def without_calling_code(where: Where) -> bool:
    code = where.attribute("countryCallingCode")
    return not code or not where.value.strip().startswith((code, code.lstrip("+")))


def _after_disabling(strictly: bool) -> Check:
    def holds(where: Where) -> bool:
        disabled, then = _time(where.attribute("disabledDate")), _time(where.value)
        if disabled is None or then is None:
            return True
        return then > disabled if strictly else then >= disabled

    return holds


def named_elsewhere(where: Where) -> bool:
    known = {
        (email.text or "").strip().lower()
        for tag in ("personOrUserReported", "intendedRecipient", "victim")
        for email in where.root.iterfind(f"{tag}//email")
    }
    return where.value.strip().lower() in known


def without(tag: str) -> Check:
    return lambda where: not where.sibling(tag)


def has_email(where: Where) -> bool:
    return bool((where.element.findtext("email") or "").strip())


def viewed(where: Where) -> bool:
    return where.sibling("exifViewedByEsp") != "true" or where.value.strip() == "true"


def not_supplemental(tag: str) -> Check:
    def holds(where: Where) -> bool:
        found = where.element.getparent().find(f".//{tag}") is not None
        return where.value.strip() != "Supplemental Reported" or not found

    return holds


_BY_WORDS: Final[dict[str, Check]] = {
    "must be a valid IPv4, IPv6, or IPv4-mapped IPv6 address": _address,
    "must be in the past": _past,
    "must be between 1 and 65535": between(1, 65_535),
    "must be between 0 and 150": between(0, 150),
    "must be a valid US state or territory postal abbreviation": state,
    "must be a valid ISO 3166-1 alpha-2 country code": _country,
    "must be a valid URL": lambda where: is_url(where.value.strip()),
    "must be a well-formed email address": lambda where: is_email(where.value.strip()),
    "must be a valid CyberTipline report ID": _report_id,
    "must not be blank": not_blank,
    "must be true when verificationDate is supplied": _verified,
    "must be on or after the disabledDate if both are supplied": _after_disabling(strictly=False),
    "must be after the disabledDate if both are supplied": _after_disabling(strictly=True),
}


def check_of(words: str, name: str) -> Check:
    """The check behind a rule that stands in many places."""
    if words.startswith("max length is "):
        return longest(int(words.split()[3]))
    if pattern := re.fullmatch(r"must conform to the regular expression (.+)", words):
        return matches(pattern[1])
    if words.startswith("must not be blank if <"):
        return not_blank
    if name == "dateOfBirth" and words == "must be in the past":
        return past_day
    return _BY_WORDS[words]
