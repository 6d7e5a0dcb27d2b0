"""What a run of the engine gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from signals.spec import KEYS, ThresholdSpec

Direction = Literal["raises", "lowers", "neutral", "not_assessed"]


@dataclass(frozen=True)
class Contribution:
    """What one indicator says about one account.

    ``k`` of ``n`` is what was counted; ``expected`` the mean of the comparison in units of k, and
    ``low``–``high`` where nine in ten comparable accounts lie. ``points`` are those that enter the
    sum (after caps and groups); ``llr`` is the indicator's own natural log-odds before that.
    ``sentence`` says all this in plain English; ``reason`` why it was not assessed. ``rows`` is the
    number of evidence rows behind it; ``details`` holds further counts, by name.
    """

    indicator: str
    name: str
    group: str
    direction: Direction
    points: float
    llr: float | None
    k: float | None
    n: float | None
    expected: float | None
    low: float | None
    high: float | None
    stretch: str
    sentence: str
    reason: str
    rows: int
    details: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with ``range`` beside ``low`` and ``high``."""
        values = asdict(self)
        values["range"] = None if self.low is None else [self.low, self.high]
        return values


@dataclass(frozen=True)
class Explanation:
    """Everything said about one account, the strongest first, then what lowers, then the rest."""

    account: int
    points: float
    flagged: bool
    groups: int
    minors: int
    stretch: str
    contributions: tuple[Contribution, ...]


def stretch_name(days: tuple[int, ...], position: int) -> str:
    """``90d``, ``365d`` … and ``all`` for the last stretch, which is the retained history."""
    return "all" if position == len(days) - 1 else f"{days[position]}d"


def scores_schema() -> pa.Schema:
    """The schema of ``EngineResult.scores``."""
    columns = [
        pa.field("account", pa.int64()),
        pa.field("points", pa.float64()),
        pa.field("rank", pa.int64()),  # 1 = most points; equal points, equal rank
        pa.field("flagged", pa.bool_()),
        pa.field("groups", pa.int64()),  # groups with a log-likelihood ratio of 1 or more
        pa.field("minors", pa.int64()),  # distinct children that the account contacted
        pa.field("stretch", pa.string()),
        pa.field("llr", pa.float64()),  # natural log-odds in all; points = 20 llr / ln 2
        pa.field("points_without_private_fast", pa.float64()),
        pa.field("age_check", pa.bool_()),  # an age check first, or beside the case
        pa.field("recorded_minor", pa.bool_()),
        pa.field("exempt", pa.bool_()),
        pa.field("ring", pa.int64()),  # accounts with the same number approach the same children
    ]
    for key in KEYS:
        columns += [pa.field(f"{key}_{part}", pa.float64()) for part in ("llr", "k", "n")]
    return pa.schema(columns)


EVIDENCE = pa.schema(
    [
        pa.field("account", pa.int64()),
        pa.field("indicator", pa.string()),
        pa.field("event", pa.int64()),  # the contact or safety event, null where there is none
        pa.field("target", pa.int64()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("kind", pa.string()),  # offer follow create block report thread …
        pa.field("outcome", pa.string()),
        pa.field("m", pa.int64()),  # friends in common at the contact
        pa.field("m_star", pa.int64()),  # of these, not made by the account itself
        pa.field("deg_u", pa.int64()),
        pa.field("deg_v", pa.int64()),
        pa.field("counted", pa.bool_()),  # one of the k of the sentence
        pa.field("value", pa.float64()),  # the row's weight, expectation or credibility
    ]
)
FACTS = pa.schema(
    [
        pa.field("event", pa.int64()),
        pa.field("u", pa.int64()),
        pa.field("v", pa.int64()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("kind", pa.string()),
        pa.field("m", pa.int32()),  # friends in common at the contact
        pa.field("m_star", pa.int32()),  # of these, not made by u itself
        pa.field("m_final", pa.int32()),  # friends in common when the run looks
        pa.field("deg_u", pa.int32()),  # ties at the contact
        pa.field("deg_v", pa.int32()),
        # null: never a friend in common, or one from before records began
        pa.field("first_mutual", pa.timestamp("us", tz="UTC")),
    ]
)
LINKS = pa.schema(
    [
        pa.field("a", pa.int64()),
        pa.field("b", pa.int64()),
        pa.field("shared", pa.int64()),  # children approached by both
        pa.field("weight", pa.float64()),
        pa.field("p", pa.float64()),  # probability by chance, all pairs considered
    ]
)
AGE_CHECKS = pa.schema(
    [
        pa.field("account", pa.int64()),
        # flagged_minor: recorded under 18 and flagged; looks_adult; looks_minor
        pa.field("kind", pa.string()),
        pa.field("llr", pa.float64()),
    ]
)


@dataclass(frozen=True)
class EngineResult:
    """Scores, the rows behind them, and how long each stage took.

    ``scores``: one row an assessed account (one indicator at least had enough evidence), best rank
    first. ``evidence`` and ``explanations``: flagged accounts and those asked for. ``facts``: every
    first contact. ``links``: pairs that approach the same children; ``age_checks``: accounts whose
    recorded age should be checked. ``counts``: accounts, contacts, assessed, flagged, refused_rows
    (rows naming the same account twice, or nobody). ``seconds``: by stage. ``ratios``, where asked
    for: (stretch, indicator, account), tempered, NaN where not assessed; accounts by rising id.
    """

    as_of: datetime | None
    spec: ThresholdSpec
    scores: pa.Table
    evidence: pa.Table
    explanations: dict[int, Explanation]
    facts: pa.Table
    links: pa.Table
    age_checks: pa.Table
    counts: dict[str, int]
    seconds: dict[str, float]
    ratios: NDArray[np.float64] | None = None
