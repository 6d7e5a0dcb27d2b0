"""What pages and commands say about runs and threshold sets, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from decimal import Decimal
from typing import Any

from signals.meanings import (
    CAP_MEANING,
    GROUP_MEANING,
    MEANINGS,
    MINIMUM,
    MINIMUM_MEANING,
    SHARE_MEANING,
)
from signals.scoring import CLEARS
from signals.spec import GROUPS, INDICATORS, IndicatorSettings, ThresholdSpec

# Every field of ThresholdSpec that something reads stands in one section, in the order of reading.
_SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "What opens a case",
        "A flag is a reason for a person to look. These rules decide which accounts get one.",
        (
            "open_at", "min_groups", "min_minors", "keep_margin", "reopen_points", "capacity",
            "sample_share",
        ),
    ),
    (
        "What is counted",
        "Which contacts, requests and threads enter the indicators, and how.",
        (
            "stretches", "informative_ties", "organic_days", "block_days", "pending_days",
            "ignored_weight", "age_gap", "private_hours", "night_from", "night_until",
            "same_time_days", "crowded_child", "link_significance",
        ),
    ),
    (
        "Reports and blocks",
        "How much a report or a block by a child says.",
        ("reporter_weight", "block_weight", "stranger_weight", "reporter_cap"),
    ),
    (
        "Comparison and score",
        "How an account is compared with accounts like it, and how the indicators add up.",
        (
            "concentration", "tactic_share", "cohort_size", "cohort_minimum", "trim", "lowest",
            "highest", "negative_floor", "others_share",
        ),
    ),
)  # fmt: skip

# Label and unit of fields that have none in the spec.
_PLAIN = {
    "stretches": ("Stretches of time looked at", "days, separated by commas"),
    "capacity": ("Cases opened a day, at most", "cases"),
}
_UNITS = {"min_groups": "groups", "concentration": "contacts' worth"}

GROUP_NAMES: dict[str, str] = {
    "strangers": "Unknown children",
    "refusals": "Refusals",
    "ages": "Ages",
    "tempo": "Tempo and hours",
    "reports": "Reports and blocks",
    "surroundings": "Surroundings",
    "rings": "Acting together",
    "threads": "Private threads",
}

STAGE_NAMES: dict[str, str] = {
    "load": "Reading the graph",
    "contact_facts": "Counting friends in common",
    "indicators": "Computing indicators",
    "cases": "Storing values and opening cases",
}

LOG_ODDS_HELP = (
    "Natural log-odds: 1 multiplies the odds by 2.7 and is worth 29 points; "
    "3.5 is worth 101 points."
)


@dataclass(frozen=True)
class Item:
    """One value of a threshold set. ``field`` is its dotted name, ``value`` as stored."""

    field: str
    label: str
    unit: str
    help: str
    value: Any
    low: float | None = None
    high: float | None = None
    whole: bool = False
    optional: bool = False

    @property
    def text(self) -> str:
        """The value as a person reads it, without its unit."""
        return value_text(self.value)


@dataclass(frozen=True)
class Section:
    """Values that belong together, under a heading."""

    title: str
    lede: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Change:
    """A value that differs between two threshold sets."""

    field: str
    label: str
    unit: str
    before: Any
    after: Any

    @property
    def before_text(self) -> str:
        return value_text(self.before)

    @property
    def after_text(self) -> str:
        return value_text(self.after)


def describe(spec: ThresholdSpec) -> list[Section]:
    """All values of ``spec``, section by section; together they make up the whole set."""
    described = {item.name: item for item in fields(ThresholdSpec)}
    sections = [
        Section(title, lede, tuple(_item(spec, described[name]) for name in names))
        for title, lede, names in _SECTIONS
    ]
    sections.append(
        Section(
            "Most that each group of indicators can add",
            "Indicators in one group look at the same thing, so they do not add up freely.",
            tuple(
                Item(
                    field=f"group_caps.{group}",
                    label=GROUP_NAMES[group],
                    unit="natural log-odds",
                    help=f"{GROUP_MEANING} {LOG_ODDS_HELP}",
                    value=spec.group_caps[group],
                    low=0.0,
                    high=100.0,
                )
                for group in GROUPS
            ),
        )
    )
    sections.extend(
        Section(name, f"Group: {GROUP_NAMES[group].lower()}.", tuple(_indicator_items(spec, key)))
        for key, name, group in INDICATORS
    )
    return sections


def items(spec: ThresholdSpec) -> dict[str, Item]:
    """All values of ``spec`` by dotted name, in the order of ``describe``."""
    return {item.field: item for section in describe(spec) for item in section.items}


def changes(before: ThresholdSpec, after: ThresholdSpec) -> list[Change]:
    """Every value that differs, in the order of ``describe``."""
    new = items(after)
    return [
        Change(
            field=name,
            # "Minimum evidence" alone does not say of what.
            label=f"{_owner(name)}{old.label[0].lower() if _owner(name) else old.label[0]}"
            f"{old.label[1:]}",
            unit=old.unit,
            before=old.value,
            after=new[name].value,
        )
        for name, old in items(before).items()
        if old.value != new[name].value
    ]


def value_text(value: Any) -> str:
    """A stored value as a person reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value_text(part) for part in value)
    if isinstance(value, float):
        exact = Decimal(repr(value)).normalize()
        return f"{exact:,f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def odds_text(points: float) -> str:
    """What ``points`` mean: "odds 32 times those of the average account"."""
    times = 2.0 ** (points / 20.0)
    if times == 1:
        return "the odds of the average account"
    shown = f"{times:,.0f}" if times >= 10 else f"{times:.2g}"
    return f"odds {shown} times those of the average account"


def _item(spec: ThresholdSpec, field: Field[Any]) -> Item:
    value = getattr(spec, field.name)
    if field.name in _PLAIN:
        label, unit = _PLAIN[field.name]
        stored = list(value) if isinstance(value, tuple) else value
        optional = field.name == "capacity"
        text = MEANINGS[field.name]
        return Item(field.name, label, unit, text, stored, whole=True, optional=optional)
    unit = _UNITS.get(field.name, field.metadata["unit"])
    return _described(field, field.name, value, unit, MEANINGS[field.name])


def _indicator_items(spec: ThresholdSpec, key: str) -> Iterator[Item]:
    settings = spec.indicators[key]
    prefix = f"indicators.{key}."
    yield Item(
        f"{prefix}enabled",
        "In use",
        "",
        "An indicator that is not in use adds nothing.",
        settings.enabled,
    )
    described = {field.name: field for field in fields(IndicatorSettings)}
    yield _described(
        described["minimum"], f"{prefix}minimum", settings.minimum, MINIMUM[key], MINIMUM_MEANING
    )
    yield _described(
        described["cap"],
        f"{prefix}cap",
        settings.cap,
        described["cap"].metadata["unit"],
        f"{CAP_MEANING} {LOG_ODDS_HELP}",
    )
    if key not in CLEARS:
        yield Item(
            f"{prefix}share",
            "Share of accounts that groom taken to show in this",
            "share, above 0 and at most 1",
            SHARE_MEANING,
            settings.share,
            optional=True,
        )
    if settings.alternative is not None:
        yield Item(
            f"{prefix}alternative",
            "Rate expected of an account that grooms",
            "share, between 0 and 1",
            "Evidence is how much better this rate explains the account than the usual rate of "
            "accounts like it.",
            settings.alternative,
            low=0.0,
            high=1.0,
        )


def _described(field: Field[Any], name: str, value: Any, unit: str, text: str) -> Item:
    data = field.metadata
    return Item(name, data["label"], unit, text, value, data["low"], data["high"], data["whole"])


def _owner(name: str) -> str:
    """What a dotted name belongs to, to be put before its label."""
    first, *rest = name.split(".")
    if first == "group_caps":
        return "Most that the group can add: "
    return f"{_INDICATOR_NAMES[rest[0]]}: " if rest else ""


_INDICATOR_NAMES = {key: name for key, name, _ in INDICATORS}
