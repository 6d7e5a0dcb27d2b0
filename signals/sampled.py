"""What the random sample from below the threshold says about what is missed. Pure.

Each sampled account was as likely to be drawn as any other below the threshold, so the share of
sampled cases that people confirm estimates the share of all accounts there that a look would
confirm, whatever the score thinks of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from signals.hooks import Sampled

if TYPE_CHECKING:
    import pyarrow as pa


def sample_figures(sampled: Iterable[Sampled]) -> dict[str, Any]:
    """Counts and the confirmed share, as plain JSON values.

    ``cases``: opened by the draw; ``decided``: dismissed or referred by now; ``confirmed``: of
    these, referred. ``rate`` with ``low`` and ``high`` (Wilson's 95 % interval): 0 to 1, None while
    none is decided.
    """
    # Brings numpy, which a process that shows pages may never need; likewise below.
    from signals.ranking import wilson

    outcomes = [case.outcome for case in sampled]
    decided = [outcome for outcome in outcomes if outcome is not None]
    confirmed = decided.count("confirmed")
    low, high = wilson(confirmed, len(decided)) or (None, None)
    return {
        "cases": len(outcomes),
        "decided": len(decided),
        "confirmed": confirmed,
        "rate": confirmed / len(decided) if decided else None,
        "low": low,
        "high": high,
    }


def missed(
    sampled: Collection[Sampled], scores: pa.Table, with_case: Collection[int]
) -> dict[str, Any]:
    """``sample_figures``, and what they mean for all accounts below the threshold.

    ``scores``: ``account``, ``flagged``, ``exempt`` and ``recorded_minor`` of everybody assessed;
    ``with_case``: accounts that ever had a case. ``below``: accounts of the kind that is drawn
    from, the sampled ones among them; ``missed``, with ``low`` and ``high``: how many of those a
    look would confirm, None while no sampled case is decided.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    figures = sample_figures(sampled)
    others = set(with_case) - {case.account for case in sampled}
    out = pc.is_in(scores.column("account"), value_set=pa.array(sorted(others), pa.int64()))
    for name in ("flagged", "exempt", "recorded_minor"):
        out = pc.or_(out, scores.column(name))
    below = scores.num_rows - int(pc.sum(out).as_py() or 0)
    return figures | {
        "below": below,
        "missed": {
            name: None if figures[of] is None else figures[of] * below
            for name, of in (("value", "rate"), ("low", "low"), ("high", "high"))
        },
    }


def sample_words(figures: dict[str, Any]) -> str:
    """``sample_figures`` in a sentence or two."""
    cases, decided = figures["cases"], figures["decided"]
    opened = f"{cases:,} {'case' if cases == 1 else 'cases'} opened from the random sample"
    if not decided:
        return f"{opened}; no sampled case decided yet."
    return (
        f"{opened}, {decided:,} decided, {figures['confirmed']:,} of them confirmed: "
        f"{_share(figures['rate'])} of accounts below the threshold "
        f"({_share(figures['low'])} to {_share(figures['high'])}, 95 % interval) would be "
        "confirmed by a look."
    )


def missed_words(figures: dict[str, Any]) -> str:
    """What ``missed`` adds to that; "" while no sampled case is decided."""
    found = figures["missed"]
    if found["value"] is None:
        return ""
    return (
        f"Of the {figures['below']:,} accounts below the threshold from which is drawn that would "
        f"be about {found['value']:,.0f} ({found['low']:,.0f} to {found['high']:,.0f})."
    )


def _share(value: float) -> str:
    """A share as per cent; small ones keep two digits behind the point."""
    return f"{100 * value:.{1 if value >= 0.01 else 2}f} %" if value else "0 %"
