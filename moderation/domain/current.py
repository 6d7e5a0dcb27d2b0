"""Whether a live case is still current, or its score has fallen: hysteresis, without a database.

A case opens at one number of points and falls below a lower one. In between nothing changes, so
that an account near the threshold does not come and go with every run. What a run computes never
depends on this: it is a matter of the case, which knows what it was before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signals.spec import ThresholdSpec


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two numbers of a threshold set, in points: where cases open, and how far they may fall.

    ``keep_margin`` is 0 or more; with 0 both bounds are one.
    """

    open_at: float
    keep_margin: float

    @classmethod
    def of(cls, spec: ThresholdSpec) -> Bounds:
        """The bounds of a threshold set."""
        return cls(spec.open_at, spec.keep_margin)

    @property
    def kept_from(self) -> float:
        """Points from which a case that was current stays so."""
        return self.open_at - self.keep_margin


DEFAULT: Final = Bounds.of(ThresholdSpec())


def has_fallen(
    *, fallen: bool, points_before: float, before: Bounds, points: float, now: Bounds
) -> bool:
    """Whether the case counts as fallen with the newer assessment.

    ``points_before`` were judged by ``before``, ``points`` by ``now``: each assessment is measured
    by the threshold set of its own run, so a change of thresholds counts from the first run under
    it.

    * At ``open_at`` points or more it is current.
    * Below ``kept_from`` it has fallen, if it had, or if it was not below before: a case that
      never reached the bound has not fallen from anywhere.
    * In between it stays what it was.
    """
    if points >= now.open_at:
        return False
    if points < now.kept_from:
        return fallen or points_before >= before.kept_from
    return fallen


def sentence(points: float, bounds: Bounds) -> str:
    """What the page of a fallen case says about its score, in one or two short sentences."""
    stays = "It stays here until somebody decides."
    opens = f"the {_number(bounds.open_at)} at which cases open"
    if points >= bounds.kept_from:
        return (
            f"Its score fell more than {_number(bounds.keep_margin)} points below {opens}, and is "
            f"{_number(points)} now. {stays}"
        )
    shown = _number(round(points))
    if round(points) >= bounds.kept_from:
        shown = f"just under {_number(bounds.kept_from)}"
    below = "below" if not bounds.keep_margin else f"more than {_number(bounds.keep_margin)} below"
    return f"Its score has fallen to {shown} points, {below} {opens}. {stays}"


def _number(points: float) -> str:
    """Points in as few digits as they have, at most two behind the point; a true minus sign."""
    return f"{round(points, 2):,g}".replace("-", "−")
