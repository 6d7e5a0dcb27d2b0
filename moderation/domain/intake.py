"""What a new assessment of an account means for its case: the rules alone, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.current import DEFAULT, Bounds, has_fallen
from moderation.domain.severity import RANK
from moderation.domain.transitions import LIVE_STATES, State
from moderation.domain.vocabulary import Severity

# Points: half a doubling of the odds. A smaller change of the score, with the same reasons and
# children, decides nothing; every run moves the comparison with other accounts a little.
MATTERS = 10.0
# A monitored account that rises by as much is looked at again.
RESUMES = 10.0


class Step(StrEnum):
    """What to do.

    ``REBASE``: a dismissed case is measured anew after a change of thresholds. ``RANK``: nothing
    but the case's place in the queue changes (see ``moderation.selectors.findings``).
    """

    NOTHING = "nothing"
    OPEN = "open"
    UPDATE = "update"
    RESUME = "resume"
    REOPEN = "reopen"
    REBASE = "rebase"
    RANK = "rank"


@dataclass(frozen=True, slots=True)
class Known:
    """The account's latest case, as far as the rules look at it. ``reasons``: indicator keys.

    ``run`` (its place among runs, by what they can know) and ``until`` are those of its assessment.
    ``judged``: the severity is a person's word,
    which no assessment changes. ``fallen``: its score has fallen below the margin and not come
    back; ``bounds`` are those of the threshold set of its assessment's run.
    """

    state: State
    run: int
    thresholds: int | None
    points: float
    points_when_decided: float | None
    minors: int
    reasons: frozenset[str]
    severity: Severity
    until: datetime | None = None
    judged: bool = False
    fallen: bool = False
    bounds: Bounds = DEFAULT


@dataclass(frozen=True, slots=True)
class Found:
    """The new assessment.

    ``until``: the time that its run looked from, None for everything imported. ``new_events``: it
    rests on events unknown to the case's assessment. ``bounds`` are those of its run's threshold
    set. ``drawn``: the account was drawn for the random sample from below the threshold.
    """

    run: int
    thresholds: int | None
    flagged: bool
    points: float
    minors: int
    reasons: frozenset[str]
    severity: Severity
    until: datetime | None = None
    new_events: bool = False
    bounds: Bounds = DEFAULT
    drawn: bool = False


def judge(known: Known | None, found: Found, *, reopen_points: float) -> Step:
    """What ``found`` means for the account whose latest case is ``known``.

    * No case: a flagged account opens one, and one that was drawn for the random sample. An account
      that ever had a case is not drawn again.
    * An assessment that is not newer than the case's own never changes anything.
    * A live case takes the newer assessment when it ``matters``, and only then; the version grows
      with it. So what a person reads, what a version stands for and what a decision records are
      one assessment.
    * A monitored case whose points rose by ``RESUMES`` since it was set aside resumes.
    * A dismissed case reopens, and a referred account gets a new case, only when new events add
      ``reopen_points`` to the points that it was decided with. A change of thresholds without new
      events moves that base instead: the same evidence never comes back under another number.
    """
    if known is None:
        return Step.OPEN if found.flagged or found.drawn else Step.NOTHING
    if not is_newer(known, found):
        return Step.NOTHING
    base = known.points if known.points_when_decided is None else known.points_when_decided
    if known.state is State.MONITORING and found.points >= base + RESUMES:
        return Step.RESUME
    if known.state in LIVE_STATES:
        return Step.UPDATE if matters(known, found) else Step.NOTHING
    if not found.new_events:
        return Step.NOTHING if found.thresholds == known.thresholds else Step.REBASE
    if found.flagged and found.points >= base + reopen_points:
        return Step.REOPEN if known.state is State.DISMISSED else Step.OPEN
    return Step.NOTHING


def is_newer(known: Known, found: Found) -> bool:
    """Whether the assessment knows more: of a later run that does not look from an earlier time."""
    earlier = found.until is not None and (known.until is None or found.until < known.until)
    return found.run > known.run and not earlier


def matters(known: Known, found: Found) -> bool:
    """Whether a newer assessment could change a decision.

    It does when the points moved by ``MATTERS``, the number of children or the strongest reasons
    changed, the severity rises, or the score falls below the margin or comes back. Small steps add
    up: they are measured from the assessment that the case shows, not from the latest run's.
    """
    return (
        abs(found.points - known.points) >= MATTERS
        or found.minors != known.minors
        or found.reasons != known.reasons
        or (not known.judged and RANK[found.severity] > RANK[known.severity])
        or falls(known, found) != known.fallen
    )


def falls(known: Known, found: Found) -> bool:
    """Whether the case counts as fallen once it shows the newer assessment.

    The threshold set that counts is the one of each assessment's own run. The set in force when a
    run began is the one that it was computed with; a set approved since counts from its first run
    on, which looks at every case again.
    """
    return has_fallen(
        fallen=known.fallen,
        points_before=known.points,
        before=known.bounds,
        points=found.points,
        now=found.bounds,
    )
