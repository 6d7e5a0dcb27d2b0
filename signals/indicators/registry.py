"""All indicators, in the order of the export's columns."""

from __future__ import annotations

from signals.indicators import no_mutuals, refused
from signals.indicators.base import Indicator

REGISTRY: dict[str, Indicator] = {module.KEY: module for module in (no_mutuals, refused)}
