"""Refusals of this floor. Each message is one sentence for the person who asked."""

from __future__ import annotations

from collections.abc import Mapping

from staff.errors import Refused


class RunBusy(Refused):
    """Another run is being computed; only one at a time may."""


class RunInterrupted(Refused):
    """The database went away in the middle of a run; the run is begun again later."""


class RunEnded(Refused):
    """The run has ended already, so there is nothing to cancel."""


class NoRun(Refused):
    """There is no complete run, or not the one asked for."""


class GraphUnreadable(Refused):
    """The files that ``SIGNALS_GRAPH`` names cannot be read, or do not fit this database."""


class InvalidThresholds(Refused):
    """A threshold set that cannot be used. ``errors`` maps a dotted field to what is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{field}: {what}" for field, what in self.errors.items()))


class ThresholdsRefused(Refused):
    """A threshold version that cannot take this step: own proposal, decided already, outdated."""
