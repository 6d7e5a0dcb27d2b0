"""Which accounts below the threshold a run draws by chance: for which month, under which key.

Decided cases are those that somebody opened, so they say how often a flag is right and nothing
about what is missed. A small share of the accounts below the threshold, drawn whatever their
points, says that.

The draw is of a calendar month (UTC), by when the run was asked for: a run that is killed and
begun again, and every further run of the month, draw the same accounts, so the share is one of
accounts a month. A run as of an earlier time draws nobody, since who was below the threshold then
may be known by now, and a prompt update draws nobody, since it computes only who was active.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.conf import settings

from signals.models import Run, ThresholdSet

if TYPE_CHECKING:
    from signals.engine.sample import Sample


def month(thresholds: ThresholdSet, as_of: datetime | None, at: datetime) -> str | None:
    """The month (``2026-11``) whose draw a complete run asked for ``at`` makes; None: no draw."""
    if as_of is not None or not thresholds.spec.get("sample_share"):
        return None
    return f"{at.astimezone(UTC):%Y-%m}"


def month_of(run: Run) -> str | None:
    """The month whose draw ``run`` makes; None where it draws nobody."""
    if run.base_id is not None or run.thresholds is None:
        return None
    return month(run.thresholds, run.as_of, run.created_at)


def sample_of(run: Run) -> Sample | None:
    """The draw of ``run``; None where it draws nobody."""
    of = month_of(run)
    if of is None or run.thresholds is None:
        return None
    # Brings numpy, which most processes never need.
    from signals.engine.sample import KEY_BYTES, Sample

    said = f"sightline.sample:{of}".encode()
    key = hmac.new(settings.SECRET_KEY.encode(), said, hashlib.sha256).digest()[:KEY_BYTES]
    return Sample(key, run.thresholds.spec["sample_share"])
