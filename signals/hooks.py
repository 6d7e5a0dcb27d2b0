"""What a higher floor tells signals, and what signals tells a higher floor.

The floors above register plain functions, in their ``AppConfig.ready``. Registering the same
function twice counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from audit.actors import Actor
    from signals.models import Run


class Label(NamedTuple):
    """What people decided about an account: ``outcome`` is "confirmed" or "dismissed"."""

    account: int  # database id
    decided_at: datetime
    outcome: str
    reason: str | None = None  # code of a dismissal


class Exemption(NamedTuple):
    """An account that must not be flagged before ``until`` (None: without end)."""

    account: int  # database id
    until: datetime | None = None


class Sampled(NamedTuple):
    """A case that was drawn by chance: ``outcome`` as in ``Label``, None while undecided."""

    account: int  # database id
    outcome: str | None = None


RunDone = Callable[["Run", "Actor"], tuple[int, int]]
Labels = Callable[[], Iterable[Label]]
Exemptions = Callable[[], Iterable[Exemption]]
CaseAccounts = Callable[[], Iterable[int]]
SampledCases = Callable[[], Iterable[Sampled]]

F = TypeVar("F")

_run_done: list[RunDone] = []
_labels: list[Labels] = []
_exemptions: list[Exemptions] = []
_case_accounts: list[CaseAccounts] = []
_sampled: list[SampledCases] = []


def on_run_done(fn: RunDone) -> RunDone:
    """Call ``fn(run, actor)`` in the last stage of each run; it returns (opened, updated) cases.

    It runs inside the one transaction that stores the run's assessments and makes the run the
    latest complete one: either all of it happens or nothing, so it is called once for each run
    that ends complete. The run's assessments, with evidence, are there; its state is still
    "running". An exception ends the run as failed.
    """
    return _add(_run_done, fn)


def provide_labels(fn: Labels) -> Labels:
    """Let ``fn()`` give every decided case: the engine leaves out what came after its time."""
    return _add(_labels, fn)


def provide_exemptions(fn: Exemptions) -> Exemptions:
    """Let ``fn()`` give the accounts that must not be flagged."""
    return _add(_exemptions, fn)


def provide_case_accounts(fn: CaseAccounts) -> CaseAccounts:
    """Let ``fn()`` give the database ids of accounts whose assessment is kept in every run.

    These are the accounts with a case that new evidence could change, flagged or not.
    """
    return _add(_case_accounts, fn)


def provide_sampled(fn: SampledCases) -> SampledCases:
    """Let ``fn()`` give every case that was drawn by chance, for figures alone."""
    return _add(_sampled, fn)


def run_done(run: Run, actor: Actor) -> tuple[int, int]:
    """Tell everyone who registered; returns the sums of cases opened and updated."""
    opened = updated = 0
    for fn in _run_done:
        more_opened, more_updated = fn(run, actor)
        opened, updated = opened + more_opened, updated + more_updated
    return opened, updated


def labels() -> list[Label]:
    """Every decided case that anyone knows of."""
    return [label for fn in _labels for label in fn()]


def exemptions() -> list[Exemption]:
    """Every exemption that anyone knows of."""
    return [exemption for fn in _exemptions for exemption in fn()]


def case_accounts() -> set[int]:
    """Database ids of the accounts whose assessment every run keeps."""
    return {account for fn in _case_accounts for account in fn()}


def sampled() -> list[Sampled]:
    """Every case that was drawn by chance from below the threshold."""
    return [case for fn in _sampled for case in fn()]


def _add(registered: list[F], fn: F) -> F:
    if fn not in registered:
        registered.append(fn)
    return fn
