"""What would keep NCMEC from taking the report of a case, while it can still be set right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from lxml import etree

from moderation.cybertipline.breaches import breaches
from moderation.cybertipline.report import cybertipline_xml
from moderation.models import Case
from moderation.package.gather import gather


def faults(case: Case) -> list[str]:
    """What the report of ``case`` breaks as things stand, by line, element and rule.

    Nothing of what the elements hold is repeated.
    """
    root: Any = etree.fromstring(cybertipline_xml(gather(case)))
    return breaches(root, datetime.now(UTC))


def unset() -> list[str]:
    """Settings that every report holds and that nobody has made, by name."""
    named = settings.PLATFORM_NAME != settings.UNNAMED_PLATFORM
    there = {
        "SIGHTLINE_PLATFORM_NAME": named,
        "SIGHTLINE_REPORTER_EMAIL": bool(settings.REPORTER_EMAIL),
    }
    return [name for name, is_there in there.items() if not is_there]
