"""Size, seed and shares of a synthetic community."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

DAY = 86_400
"""Seconds in a day."""

DEFAULT_END = date(2026, 11, 1)
"""Midnight UTC that the history ends on; fixed, so that the bytes do not depend on the clock."""

MINIMUM_ACCOUNTS = 50
LARGE_PREVALENCE = 0.001
SMALL_COMMUNITY_OFFENDERS = 60


def default_prevalence(accounts: int) -> float:
    """Share of planted offenders where none is asked for.

    One in a thousand, but enough in a small community that a demonstration has cases to show:
    60 accounts, and never more than 2 in 100.
    """
    return max(LARGE_PREVALENCE, min(0.02, SMALL_COMMUNITY_OFFENDERS / accounts))


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """What decides a community. Equal settings give equal bytes.

    ``prevalence`` is the planted share of accounts (0 to 0.2); ``None`` means
    :func:`default_prevalence`. ``median_degree`` is the median number of friends (8 to 60);
    ``activity`` the mean number of requests that an established account sends in a year;
    ``established_share`` the share of accounts that signed up before the event history (0 to 1):
    friendships between those come as ties, all others as requests.
    """

    accounts: int = 5_000
    seed: int = 1
    prevalence: float | None = None
    end: date = field(default=DEFAULT_END)
    history_days: int = 1_095
    established_share: float = 0.6
    median_degree: float = 26.0
    activity: float = 2.6
    hard_negative_share: float = 0.003
    community_share: float = 0.55
    misaged_share: float = 0.19

    def __post_init__(self) -> None:
        if self.accounts < MINIMUM_ACCOUNTS:
            raise ValueError(f"A community needs at least {MINIMUM_ACCOUNTS} accounts.")
        if not 8 <= self.median_degree <= 60:
            raise ValueError("The median number of friends must lie between 8 and 60.")
        if self.prevalence is not None and not 0 <= self.prevalence <= 0.2:
            raise ValueError("The prevalence must lie between 0 and 0.2.")
        if self.seed < 0:
            raise ValueError("The seed must be zero or more.")
        if not 0 <= self.established_share <= 1:
            raise ValueError("The share of established accounts must lie between 0 and 1.")
        if not 200 <= self.history_days <= 3_650:
            raise ValueError("The history must cover between 200 and 3,650 days.")

    @property
    def planted_share(self) -> float:
        """The prevalence in force."""
        return default_prevalence(self.accounts) if self.prevalence is None else self.prevalence

    @property
    def end_seconds(self) -> int:
        """End of the history in seconds since 1970 (UTC)."""
        return int(datetime(self.end.year, self.end.month, self.end.day, tzinfo=UTC).timestamp())

    @property
    def start_seconds(self) -> int:
        """Start of the event history in seconds since 1970 (UTC)."""
        return self.end_seconds - self.history_days * DAY

    @property
    def class_size(self) -> int:
        """Accounts in each hard-negative class: 30 or more from 5,000 accounts on."""
        scaled = round(self.hard_negative_share * self.accounts)
        if self.accounts >= 5_000:
            return max(30, scaled)
        return max(1, round(0.006 * self.accounts))

    @property
    def offenders(self) -> int:
        """Accounts to plant."""
        return round(self.planted_share * self.accounts)
