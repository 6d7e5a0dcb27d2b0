"""What each setting of a threshold set means, for the people who change it. Pure text.

``signals.spec`` says what the settings are called and in which unit they are; these sentences say
what happens when they change.
"""

from __future__ import annotations

from typing import Final

UNUSED: Final = frozenset({"prior"})
"""Settings that nothing reads: no page offers them, so that nobody relies on them."""

MEANINGS: Final[dict[str, str]] = {
    "open_at": "Accounts with at least so many points are flagged, if the rules below agree. "
    "20 points double the odds.",
    "min_groups": "A group agrees when one of its indicators, taken by itself, makes the odds "
    "2.7 times as high or more. With 2, no single kind of evidence flags anybody.",
    "min_minors": "Different children contacted or written to. Not asked where reports by "
    "children, acting together with another account, or coming back after a refusal speak.",
    "keep_margin": "A live case whose score falls further than this below the points at which "
    "cases open is said to have fallen, and listed so in the queue, until it has those points "
    "again. In between nothing changes. It is never closed by that: a person decides.",
    "reopen_points": "A dismissed account comes back only when new events add so many points; "
    "the same evidence never reopens a case.",
    "capacity": "The accounts with the most points open; the rest wait for the next run, visibly. "
    "Empty: no limit.",
    "sample_share": "Decided cases say nothing about what is missed, so this share of the accounts "
    "below the threshold gets a case too, drawn by chance whatever their points. These cases look "
    "like any other. One draw holds for a calendar month (UTC), however many runs there are: the "
    "share is of accounts a month. Left out: accounts that ever had a case, exempt ones, and those "
    "recorded as children, into which nobody looks by chance. 0.001 of a million accounts are "
    "1,000 cases. 0: none.",
    "stretches": "Everything is computed over each of these stretches before the time of the run. "
    "An account's points are the highest of them; the last stretch stands for the whole history.",
    "informative_ties": "A contact says something about friends in common only when the child had "
    "at least so many friends at that moment.",
    "organic_days": "A friend in common does not speak for an account that made this friend itself "
    "so shortly before the contact.",
    "block_days": "A child that blocks the account so soon after its request has refused it.",
    "pending_days": "A request without an answer counts neither way until it is so old.",
    "ignored_weight": "An ignored request is weaker than a refusal. Its weight is measured on this "
    "platform and never exceeds this share.",
    "age_gap": "Somebody so close in age to the child is a peer, in the indicators that look at "
    "ages and at private threads.",
    "private_hours": "A thread begun so soon after the request was accepted counts as going "
    "private fast.",
    "night_from": "Hours are those of the child's region. They are easily misread, so every "
    "score is also kept without this indicator.",
    "night_until": "The first hour that is no longer night.",
    "same_time_days": "Two accounts that contact the same child further apart than this are not "
    "taken to act together.",
    "crowded_child": "A child whom so many strangers contact links nobody to anybody.",
    "link_significance": "Two accounts are linked when so many children in common would be less "
    "likely than this by chance, counted over all pairs of accounts.",
    "reporter_weight": "A child's own record as a reporter counts as much as the average of all "
    "reporters once so many of its reports have been decided.",
    "block_weight": "How much a child's block counts beside a report; at 1 it counts as much.",
    "stranger_weight": "A report by a child that was never in contact with the account is a weaker "
    "sign, and does not count as an independent reporter.",
    "reporter_cap": "However reliable, one child adds no more than this. 1.5 is worth 43 points.",
    "concentration": "How alike accounts that groom are taken to be. Higher: their rates lie "
    "closer to the one that is expected for each indicator.",
    "tactic_share": "Not everybody who grooms goes about it in the same way. The lower this is, "
    "the less the absence of one sign speaks against suspicion. At 0.5 it takes at most 20 "
    "points. An indicator may have a share of its own for what speaks for suspicion.",
    "cohort_size": "An account is compared with accounts of its age, time on the platform and "
    "activity; where they are fewer than this, with a wider circle.",
    "cohort_minimum": "Accounts with less evidence say nothing about what is usual.",
    "trim": "So many of the most extreme accounts are left out when what is usual is measured, so "
    "that offenders do not set their own standard.",
    "lowest": "No indicator speaks more strongly against suspicion than this. "
    "−3 is worth −87 points.",
    "highest": "No indicator speaks more strongly for suspicion than this, whatever its own limit. "
    "6 is worth 173 points.",
    "negative_floor": "Whatever speaks against suspicion takes no more than this in all: nobody "
    "buys innocence. −6 is worth −173 points.",
    "others_share": "Within a group the strongest indicator counts in full, the others with this "
    "share, as they look at much the same thing.",
}

GROUP_MEANING: Final = (
    "However strongly the indicators of this group agree, they add no more than this."
)

SHARE_MEANING: Final = (
    "Above 0 and at most 1. The smaller it is, the less this indicator adds when it speaks for "
    "suspicion; at 1 nothing is taken off. Empty: as set for all indicators under “Comparison and "
    "score”, which also holds where an indicator speaks against suspicion."
)

MINIMUM: Final[dict[str, str]] = {
    "no_mutuals": "children contacted",
    "refused": "requests decided",
    "minor_share": "people contacted",
    "burst": "children in one wave",
    "blocked_reported": "children who report or block",
    "youngest": "children contacted",
    "spread": "children contacted",
    "made_mutuals": "contacts with friends in common",
    "embedded": "children contacted",
    "private_fast": "requests accepted",
    "co_targeting": "children in common",
    "age_mismatch": "ties",
    "persists": "children contacted again",
    "private_threads": "private threads",
    "volume": "children contacted",
}
"""Unit of each indicator's minimum evidence."""

MINIMUM_MEANING: Final = (
    "With less, the indicator adds nothing and the case says “not enough evidence”."
)
CAP_MEANING: Final = "The indicator adds no more than this, however clear it is."
"""Beside it stands what natural log-odds are worth in points."""
