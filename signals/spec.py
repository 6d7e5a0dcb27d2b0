"""The content of a threshold set: every number that decides what is flagged.

Pure and frozen. ``ThresholdSpec()`` is the default set; ``to_dict`` and ``from_dict`` give and take
JSON. The format itself has a version, so that an old stored set can still be read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

FORMAT = 2
WITHOUT_SHARES = 1  # the format in which no indicator had a share of its own

# key, name shown, group. The order is the order of the export's columns.
INDICATORS: tuple[tuple[str, str, str], ...] = (
    ("no_mutuals", "Contacts children with no friends in common", "strangers"),
    ("refused", "Requests refused by children", "refusals"),
    ("minor_share", "Contacts mostly children", "ages"),
    ("burst", "Sudden wave of contacts with children", "tempo"),
    ("blocked_reported", "Blocked or reported by children", "reports"),
    ("youngest", "Leans to the youngest", "ages"),
    ("spread", "Moves between unconnected groups of children", "surroundings"),
    ("made_mutuals", "Friends in common that it made itself", "strangers"),
    ("embedded", "Belongs to the children's circle", "surroundings"),
    ("private_fast", "Goes private fast, at night", "tempo"),
    ("co_targeting", "Approaches the same children as another account", "rings"),
    ("age_mismatch", "Recorded age does not fit the surroundings", "ages"),
    ("persists", "Comes back after a refusal", "refusals"),
    ("private_threads", "Takes children aside", "threads"),
    ("volume", "Many unknown children", "strangers"),
)
KEYS: tuple[str, ...] = tuple(key for key, _, _ in INDICATORS)
NAMES: Mapping[str, str] = MappingProxyType({key: name for key, name, _ in INDICATORS})
GROUP_OF: Mapping[str, str] = MappingProxyType({key: group for key, _, group in INDICATORS})
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(group for _, _, group in INDICATORS))


class SpecError(ValueError):
    """A threshold set that cannot be used. ``errors`` maps a dotted field to what is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {what}" for name, what in self.errors.items()))


def _number(
    default: float, label: str, low: float, high: float, unit: str = "", text: str = ""
) -> Any:
    """A dataclass field with what a form and the validation need to know about it."""
    return field(
        default=default,
        metadata={
            "label": label,
            "low": low,
            "high": high,
            "unit": unit,
            "help": text,
            "whole": isinstance(default, int),
        },
    )


@dataclass(frozen=True)
class IndicatorSettings:
    """What can be set for one indicator.

    ``alternative``: the mean rate among offenders (μ₁). ``share``: of offenders who show in this
    indicator, None: as ``tactic_share`` says.
    """

    enabled: bool = True
    minimum: int = _number(3, "Minimum evidence", 1, 1000, "contacts, children or ties")
    cap: float = _number(6.0, "Most it can add", 0.0, 20.0, "natural log-odds")
    alternative: float | None = None
    share: float | None = None


def _default_indicators() -> Mapping[str, IndicatorSettings]:
    settings = {key: IndicatorSettings() for key in KEYS}
    alternatives = {
        "no_mutuals": 0.85,
        "minor_share": 0.60,
        "made_mutuals": 0.60,
        "private_fast": 0.50,
        "private_threads": 0.50,
    }
    minima = {
        "minor_share": 5,
        "burst": 4,
        "blocked_reported": 2,
        "spread": 5,
        "embedded": 5,
        "age_mismatch": 5,
        "persists": 2,
    }
    caps = {"burst": 3.0, "private_fast": 3.0, "age_mismatch": 4.0}
    # What children do in answer is nobody's tactic, and these two bound their ratios themselves;
    # few come in waves.
    shares = {"blocked_reported": 1.0, "persists": 1.0, "burst": 0.1}
    for key in KEYS:
        settings[key] = IndicatorSettings(
            minimum=minima.get(key, 3),
            cap=caps.get(key, 6.0),
            alternative=alternatives.get(key),
            share=shares.get(key),
        )
    return MappingProxyType(settings)


def _default_caps() -> Mapping[str, float]:
    return MappingProxyType({group: 20.0 if group == "refusals" else 6.0 for group in GROUPS})


@dataclass(frozen=True)
class ThresholdSpec:
    """A complete threshold set. Points: 20 double the odds; 0 is what the average account has."""

    # What opens a case
    open_at: float = _number(
        170.0, "Open a case at", -200.0, 2000.0, "points", "20 points double the odds."
    )
    min_groups: int = _number(
        2, "Groups of indicators that must agree", 1, len(GROUPS), "groups with odds of e or more"
    )
    min_minors: int = _number(
        3,
        "Children involved, at least",
        1,
        1000,
        "children",
        "Not asked where reports, co-targeting or a return after a refusal speak.",
    )
    keep_margin: float = _number(
        20.0, "Keep a case current until it falls by", 0.0, 500.0, "points"
    )
    reopen_points: float = _number(
        40.0, "New evidence that reopens a dismissed account", 0.0, 1000.0, "points"
    )
    capacity: int | None = None  # cases opened a day at most; None: no limit
    sample_share: float = _number(
        0.0,
        "Random share from below the threshold",
        0.0,
        0.2,
        "of accounts below the threshold, a month",
    )
    prior: float = _number(0.001, "Share of accounts expected to be offenders", 1e-7, 0.5, "share")

    # What is counted
    stretches: tuple[int, ...] = (90, 365, 1095)
    informative_ties: int = _number(
        5, "Ties that make a contact informative", 0, 1000, "ties of the child"
    )
    organic_days: int = _number(120, "A tie counts as made by the account for", 0, 3650, "days")
    block_days: int = _number(7, "A block is a refusal within", 1, 365, "days")
    pending_days: int = _number(14, "A request is pending for", 1, 365, "days")
    ignored_weight: float = _number(
        0.5, "Most that an ignored request counts", 0.0, 1.0, "of a refusal"
    )
    age_gap: float = _number(
        4.0, "Smaller age gaps do not count as contact with a child", 0.0, 18.0, "years"
    )
    private_hours: int = _number(24, "A thread is fast within", 1, 8760, "hours of acceptance")
    night_from: int = _number(22, "Night begins", 0, 23, "hour")
    night_until: int = _number(6, "Night ends", 0, 23, "hour")
    same_time_days: int = _number(14, "Two accounts approach together within", 1, 365, "days")
    crowded_child: int = _number(
        200, "Leave out children approached by more accounts than", 2, 10_000, "accounts"
    )
    link_significance: float = _number(
        0.01, "Two accounts are linked below", 1e-12, 0.5, "probability, all pairs considered"
    )

    # Reporters
    reporter_weight: float = _number(
        4.0, "Earlier outcomes that outweigh the average reporter", 0.1, 1000.0, "outcomes"
    )
    block_weight: float = _number(1.0, "A block counts", 0.0, 1.0, "of a report")
    stranger_weight: float = _number(
        0.2, "A report without any contact counts", 0.0, 1.0, "of a report"
    )
    reporter_cap: float = _number(1.5, "Most one reporter can add", 0.0, 6.0, "natural log-odds")

    # Comparison and score
    concentration: float = _number(6.0, "Concentration of the alternative", 0.5, 1000.0, "")
    tactic_share: float = _number(
        0.5, "Offenders taken to use any one tactic", 0.05, 1.0, "share of offenders"
    )
    cohort_size: int = _number(200, "Accounts in a cohort, at least", 5, 1_000_000, "accounts")
    cohort_minimum: int = _number(3, "Evidence that a cohort member needs", 1, 100, "contacts")
    trim: float = _number(0.01, "Most extreme share left out of the comparison", 0.0, 0.2, "share")
    lowest: float = _number(-3.0, "Least one indicator can say", -20.0, 0.0, "natural log-odds")
    highest: float = _number(6.0, "Most one indicator can say", 0.0, 20.0, "natural log-odds")
    negative_floor: float = _number(
        -6.0, "Least that everything against suspicion can say", -50.0, 0.0, "natural log-odds"
    )
    others_share: float = _number(
        0.3, "Share that further indicators of a group add", 0.0, 1.0, "share"
    )
    group_caps: Mapping[str, float] = field(default_factory=_default_caps)
    indicators: Mapping[str, IndicatorSettings] = field(default_factory=_default_indicators)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stretches", tuple(self.stretches))
        object.__setattr__(self, "group_caps", MappingProxyType(dict(self.group_caps)))
        object.__setattr__(self, "indicators", MappingProxyType(dict(self.indicators)))
        errors = dict(_problems(self))
        if errors:
            raise SpecError(errors)

    def __getstate__(self) -> dict[str, Any]:
        return self.to_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in vars(ThresholdSpec.from_dict(state)).items():
            object.__setattr__(self, name, value)

    def __getitem__(self, key: str) -> IndicatorSettings:
        return self.indicators[key]

    def with_indicator(self, key: str, **changes: Any) -> ThresholdSpec:
        """The same set with settings of one indicator changed."""
        settings = {**self.indicators, key: replace(self.indicators[key], **changes)}
        return replace(self, indicators=settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; ``from_dict`` gives an equal set."""
        values: dict[str, Any] = {"format": FORMAT}
        for item in fields(self):
            values[item.name] = getattr(self, item.name)
        values["stretches"] = list(self.stretches)
        values["group_caps"] = dict(self.group_caps)
        values["indicators"] = {key: asdict(self.indicators[key]) for key in self.indicators}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ThresholdSpec:
        """Read what ``to_dict`` gave, in this format or an earlier one.

        Absent fields take their default. Raises SpecError naming every unknown field and every
        value out of range.
        """
        errors: dict[str, str] = {}
        given = dict(values)
        written = given.pop("format", FORMAT)
        if written not in (WITHOUT_SHARES, FORMAT):
            raise SpecError({"format": f"must be {WITHOUT_SHARES} or {FORMAT}"})
        known = {item.name for item in fields(cls)}
        errors |= dict.fromkeys(given.keys() - known, "is not a setting")
        arguments = {name: value for name, value in given.items() if name in known}
        if not isinstance(arguments.get("stretches", []), list | tuple):
            errors["stretches"] = "must be a list of days"
        if "group_caps" in arguments:
            arguments["group_caps"] = _merged(
                "group_caps", _default_caps(), arguments["group_caps"], errors
            )
        if "indicators" in arguments:
            arguments["indicators"] = _indicator_settings(arguments["indicators"], errors)
        if errors:
            raise SpecError(errors)
        spec = cls(**arguments)
        if written == WITHOUT_SHARES:
            for key in KEYS:
                spec = spec.with_indicator(key, share=None)
        return spec


def _merged(
    name: str, default: Mapping[str, Any], given: Any, errors: dict[str, str]
) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        errors[name] = "must be an object"
        return dict(default)
    errors |= {f"{name}.{key}": "is unknown" for key in given.keys() - default.keys()}
    return {**default, **{key: value for key, value in given.items() if key in default}}


def _indicator_settings(given: Any, errors: dict[str, str]) -> dict[str, IndicatorSettings]:
    result = dict(_default_indicators())
    if not isinstance(given, Mapping):
        errors["indicators"] = "must be an object"
        return result
    names = {item.name for item in fields(IndicatorSettings)}
    for key, settings in given.items():
        if key not in result:
            errors[f"indicators.{key}"] = "is not an indicator"
        elif not isinstance(settings, Mapping):
            errors[f"indicators.{key}"] = "must be an object"
        elif settings.keys() - names:
            for name in settings.keys() - names:
                errors[f"indicators.{key}.{name}"] = "is not a setting"
        else:
            result[key] = replace(result[key], **settings)
    return result


def _range_problems(thing: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for item in fields(thing):
        if "low" not in item.metadata:
            continue
        value, low, high = getattr(thing, item.name), item.metadata["low"], item.metadata["high"]
        kind = int if item.metadata["whole"] else int | float
        if isinstance(value, bool) or not isinstance(value, kind):
            what = "a whole number" if item.metadata["whole"] else "a number"
            yield prefix + item.name, f"must be {what}"
        elif not low <= value <= high:
            yield prefix + item.name, f"must be between {low:g} and {high:g}"


def _problems(spec: ThresholdSpec) -> Iterator[tuple[str, str]]:
    # what was given may be of any type, whatever the fields say
    yield from _range_problems(spec, "")
    days: Any = spec.stretches
    if not 1 <= len(days) <= 5 or any(
        isinstance(day, bool) or not isinstance(day, int) or not 1 <= day <= 36_500 for day in days
    ):
        yield "stretches", "must be one to five whole numbers of days"
    elif list(days) != sorted(set(days)):
        yield "stretches", "must rise"
    capacity: Any = spec.capacity
    if capacity is not None and (
        isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 1
    ):
        yield "capacity", "must be a whole number above 0, or empty"
    for group in GROUPS:
        cap: Any = spec.group_caps.get(group)
        if isinstance(cap, bool) or not isinstance(cap, int | float) or not 0 <= cap <= 100:
            yield f"group_caps.{group}", "must be between 0 and 100"
    yield from _indicator_problems(spec)


def _indicator_problems(spec: ThresholdSpec) -> Iterator[tuple[str, str]]:
    for key in KEYS:
        settings = spec.indicators.get(key)
        if settings is None:
            yield f"indicators.{key}", "is missing"
            continue
        yield from _range_problems(settings, f"indicators.{key}.")
        enabled: Any = settings.enabled
        if not isinstance(enabled, bool):
            yield f"indicators.{key}.enabled", "must be true or false"
        if not _is_share(settings.alternative, below=1.0):
            yield f"indicators.{key}.alternative", "must lie between 0 and 1"
        if not _is_share(settings.share):
            yield f"indicators.{key}.share", "must be above 0 and at most 1, or empty"


def _is_share(value: Any, below: float = math.inf) -> bool:
    """None, or a number above 0, at most 1 and less than ``below``."""
    if value is None:
        return True
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
    ) and value < below
