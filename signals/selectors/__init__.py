"""Questions about runs, their values and the thresholds behind them."""

from signals.selectors.runs import latest_run
from signals.selectors.values import (
    export_scores,
    latest_assessment,
    latest_scores,
    score_columns,
)

__all__ = [
    "export_scores",
    "latest_assessment",
    "latest_run",
    "latest_scores",
    "score_columns",
]
