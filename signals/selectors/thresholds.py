"""Threshold versions as pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from signals.models import ThresholdSet
from signals.spec import ThresholdSpec
from signals.wording import Change, changes


@dataclass(frozen=True)
class Proposal:
    """A draft beside the version that it was written against."""

    version: ThresholdSet
    changes: list[Change]
    is_outdated: bool  # another version is active by now


def versions() -> list[ThresholdSet]:
    """Every version, newest first, with the people behind it."""
    people = ("created_by", "approved_by", "withdrawn_by")
    return list(ThresholdSet.objects.select_related(*people).order_by("-version"))


def proposals(active: ThresholdSet) -> list[Proposal]:
    """The drafts that wait for a second admin, newest first."""
    waiting = [item for item in versions() if item.state == ThresholdSet.State.DRAFT]
    return [
        Proposal(item, changes_of(item), item.based_on_id != active.version) for item in waiting
    ]


def changes_of(version: ThresholdSet) -> list[Change]:
    """What a version changes against the one that it was written against; none for version 1."""
    if version.based_on is None:
        return []
    return changes(
        ThresholdSpec.from_dict(version.based_on.spec), ThresholdSpec.from_dict(version.spec)
    )
