"""What the pattern says: threshold sets, runs, and the values that a run stored."""

from signals.models.run import Run
from signals.models.thresholds import ThresholdSet
from signals.models.value import Assessment, EvidenceRow, Score

__all__ = ["Assessment", "EvidenceRow", "Run", "Score", "ThresholdSet"]
