"""Invented cases as pure views, varied by chance: what the writers are tested with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

from moderation.package.view import (
    CaseView,
    ContactView,
    DecisionLine,
    EvidenceLine,
    Happening,
    Identity,
    Reporter,
    Sentence,
    Status,
)
from moderation.selectors.contacts import Contact, Moment, Step
from moderation.selectors.people import BANDS, Person, letters
from signals.networks import Kind, Link

START = datetime(2025, 3, 1, 12, tzinfo=UTC)

# Names and identifiers as platforms really have them: long, foreign, rude to parsers.
NAMES = (
    "", "Robin", "Ünal Ö. Ångström", "李雷", "😀 sunny", "<b>&\"'", "=cmd|' /C calc'!A0", "x" * 400,
    "naïve\u200djoiner", "Ω мама אבא", "tab\tname", "\ufffe\ud7ff", "]]>", "-- #set page()",
)  # fmt: skip
REGIONS = (
    "",
    "GB",
    "GB-LND",
    "US",
    "US-CA",
    "US-Ontario",
    "us-tx",
    "XX-1",
    "north",
    "DE_BY",
    "f" * 40,
)
STEPS = ("request", "thread", "accepted", "refused", "reported", "withdrawn", "incoming")


def reporter(**given: str) -> Reporter:
    values = {"platform": "Example Social", "name": "Trust Desk", "email": "safety@example.com"}
    return Reporter(**(values | given))


def _identity(chance: Random, band: str, number: int) -> Identity:
    age = {"under_13": 11, "13_15": 14, "16_17": 17, "18_plus": 41}.get(band)
    born, year = None, None
    if age is not None and chance.random() < 0.4:
        born = date(2025 - age, chance.randint(1, 12), chance.randint(1, 28))
    elif age is not None and chance.random() < 0.5:
        year = 2025 - age
    return Identity(
        account_id=chance.choice((f"acct-{number}", f"a/{number}?x=1&y", "é" * 120 + str(number))),
        display_name=chance.choice(NAMES),
        birth_date=born,
        birth_year=year,
        band=band,
        age_source=chance.choice(("self_declared", "estimated", "verified")),
        gender=chance.choice(("", "female", "male")),
        region=chance.choice(REGIONS),
        community=chance.choice(("", "school-7", "St Mary's & All Saints")),
        role=chance.choice(("", "", "coach")),
        status=chance.choice(("active", "active", "suspended", "deleted")),
        created_at=chance.choice((None, START - timedelta(days=400))),
        prior_reports=tuple(4_000_000 + n for n in range(chance.choice((0, 0, 1, 2)))),
    )


def contact(chance: Random, number: int, kind: Kind, mark: str) -> ContactView:
    """Somebody around the account, with a history that fits the outcome."""
    band = {Kind.ADULT: "18_plus", Kind.UNKNOWN: "unknown"}.get(kind) or chance.choice(
        ("under_13", "13_15", "16_17")
    )
    contacted = chance.random() < 0.8
    at = START + timedelta(hours=chance.randint(0, 24 * 200))
    happenings = [Happening(at, "request", "friend request")] if contacted else []
    link = Link.TIE
    if contacted:
        link = chance.choice((Link.ACCEPTED, Link.REFUSED, Link.WAITING))
    for _ in range(chance.randint(0, 3) if contacted else 0):
        at += timedelta(minutes=chance.randint(1, 9000))
        step = chance.choice(STEPS)
        happenings.append(Happening(at, step, f"{step} of a sort"))
    if link is Link.ACCEPTED:
        happenings.append(Happening(at + timedelta(minutes=5), "accepted", "accepted"))
    tie = chance.choice(("", "friend", "family"))
    moments = [Moment(h.at, Step(h.step), h.words) for h in happenings]
    known = Contact(Person(number, kind, mark, BANDS[band]), moments, tie)
    word = {Kind.CHILD: "Child", Kind.ADULT: "Adult"}.get(kind, "Account")
    return ContactView(
        name=f"{word} {mark}",
        mark=mark,
        kind=kind,
        called=None,
        band=BANDS[band],
        link=known.link,
        contacted=known.started_by_account,
        accepted=known.accepted,
        tie=tie,
        began_with=known.began_with,
        outcome=known.outcome,
        identity=_identity(chance, band, number),
        happenings=tuple(happenings),
    )


def case_view(seed: int, status: Status = Status.APPROVED, most: int = 30) -> CaseView:
    """A case, the same for the same seed: from nobody around the account to ``most`` people."""
    chance = Random(seed)
    children = chance.randint(0, most)
    contacts = [contact(chance, n, Kind.CHILD, letters(n)) for n in range(children)]
    for kind in (Kind.ADULT, Kind.UNKNOWN):
        contacts += [
            contact(chance, 1000 + n, kind, str(n + 1)) for n in range(chance.randint(0, most // 2))
        ]
    names = [c.name for c in contacts]
    ties = tuple(sorted(tuple(sorted(chance.sample(names, 2))) for _ in range(len(names) // 2)))
    as_of = START + timedelta(days=240)
    rows = tuple(
        EvidenceLine(f"e{n}", c.name, c.first_at, True, {"mutual": 0, "ties": n})
        for n, c in enumerate(contacts[:5])
    )
    return CaseView(
        reference=f"SL-2025-{seed % 1_000_000:06}",
        status=status,
        version=4,
        as_of=as_of,
        state="referred to the police",
        kind="suspicion",
        severity=chance.choice(("critical", "high", "standard")),
        points=chance.uniform(100, 600),
        threshold_version=1,
        run=7,
        opened_at=START + timedelta(days=230),
        reporter=reporter(
            profile_url=chance.choice(("", "https://social.example/u/{account_id}")),
            legal_url=chance.choice(("", "https://social.example/legal", "not an address")),
            phone=chance.choice(("", "+44 20 7946 0000")),
        ),
        account=_identity(chance, chance.choice(("18_plus", "unknown", "16_17")), 1),
        recorded_minor=chance.random() < 0.2,
        contacts=tuple(contacts),
        ties=ties,  # type: ignore[arg-type]  # two names each
        sentences=(
            Sentence(
                "no_mutuals", "No friends in common", "raises", 61.2,
                "37 of 41 first contacts with under-16s had no friend in common; among comparable "
                "accounts 12 would be expected.", "the last 90 days", {"k": 37, "n": 41}, rows,
            ),
            Sentence(
                "refused", "Refused requests", "raises", 44.0,
                chance.choice(NAMES) + " 81% of the answered requests were refused.", "", {}, (),
            ),
            Sentence("age_gap", "Age", "lowers", -6.4, "Most contacts are of one school.", ""),
            Sentence("tenure", "Tenure", "neutral", 0.0, "The account is of ordinary age.", ""),
            Sentence("night", "Night", "not_assessed", 0.0, "Fewer than 5 messages.", ""),
        ),
        decisions=(
            DecisionLine(
                as_of - timedelta(days=1), "escalate", "Escalated", "staff 12", "moderator", "",
                "Writes to children whom nobody around it knows.\n\nSecond paragraph & <more>.",
                {"severity": "Critical", "ask": "Please refer."}, 310.0, 88,
            ),
            DecisionLine(
                as_of, "refer", "Referred", "staff 14", "supervisor", "",
                chance.choice(NAMES) + " Agreed.", {}, 310.0, 91,
            ),
        ),
        linked=tuple(
            Identity(f"linked-{n}", chance.choice(NAMES)) for n in range(chance.randint(0, 3))
        ),
        held_since=chance.choice((None, None, as_of - timedelta(days=2))),
        trail={"format": "none, invented", "entries": []},
    )  # fmt: skip
