"""Verbs of this floor, and how the audit page words them."""

from typing import Final

VERBS: Final[dict[str, str]] = {
    "run.start": "queued a run",
    "run.cancel": "cancelled a run",
    "run.interrupted": "found a run interrupted",
    "run.complete": "completed a run",
    "run.prompt": "brought accounts up to date promptly",
    "run.fail": "ended a run with an error",
    "run.export_scores": "exported the scores of a run",
    "run.export_facts": "exported the contact facts of a run",
    "thresholds.install": "installed the default thresholds",
    "thresholds.propose": "proposed thresholds",
    "thresholds.approve": "approved thresholds",
    "thresholds.withdraw": "withdrew proposed thresholds",
}
