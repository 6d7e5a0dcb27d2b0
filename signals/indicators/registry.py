"""All indicators, in the order of the export's columns."""

from __future__ import annotations

from signals.indicators import (
    age_mismatch,
    blocked_reported,
    burst,
    co_targeting,
    embedded,
    made_mutuals,
    minor_share,
    no_mutuals,
    persists,
    private_fast,
    private_threads,
    refused,
    spread,
    volume,
    youngest,
)
from signals.indicators.base import Indicator
from signals.spec import KEYS

_MODULES: tuple[Indicator, ...] = (
    no_mutuals,
    refused,
    minor_share,
    burst,
    blocked_reported,
    youngest,
    spread,
    made_mutuals,
    embedded,
    private_fast,
    co_targeting,
    age_mismatch,
    persists,
    private_threads,
    volume,
)
REGISTRY: dict[str, Indicator] = {module.KEY: module for module in _MODULES}

if tuple(REGISTRY) != KEYS:
    raise RuntimeError("the registry and signals.spec.INDICATORS differ")
