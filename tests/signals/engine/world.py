"""From the raw graph to ties, contacts and outcomes, row by row in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import networkx as nx

from signals.engine.tables import RawGraph
from tests.signals.engine import oracle

DAY = 86_400_000_000
REQUESTS = ("Offer", "Follow")
RANK = {"Offer": 0, "Follow": 1, "Create": 2}


def micros(value: datetime | None, missing: float) -> float:
    return missing if value is None else (value - EPOCH) // timedelta(microseconds=1)


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass
class Contact:
    u: int
    v: int
    t: int
    kind: str
    events: list[dict]
    outcome: str = "none"
    m: int = 0
    m_star: int = 0
    deg_u: int = 0
    deg_v: int = 0


@dataclass
class World:
    graph: RawGraph
    as_of: int
    block_days: int = 7
    pending_days: int = 14
    organic_days: int = 120
    events: dict[int, dict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = {row["id"]: row for row in self.graph.accounts.to_pylist()}
        for row in self.graph.events.to_pylist():
            row["t"] = micros(row["published"], 0)
            if row["t"] < self.as_of and row["object"] != row["actor"]:
                self.events[row["id"]] = row
        self.stated = [
            {**row, "start": micros(row["since"], oracle.ALWAYS),
             "end": micros(row["until"], oracle.STILL)}
            for row in self.graph.ties.to_pylist()
            if row["a"] != row["b"]
        ]  # fmt: skip
        self.stated = [row for row in self.stated if row["start"] < self.as_of]
        self.answers = [
            (answer, asked)
            for answer in self.of("Accept", "Reject", "Ignore")
            if (asked := self.events.get(answer["ref"])) is not None
            and asked["type"] in REQUESTS
            and answer["actor"] == asked["object"]
        ]
        self.contacts = self._contacts()
        self.ties = self._friends() + self._mutual_follows()
        plain = oracle.build(self.ties)
        for contact in self.contacts:
            contact.outcome = self._outcome(contact)
            contact.m, contact.m_star, _, contact.deg_u, contact.deg_v, _ = oracle.facts(
                plain, contact.u, contact.v, contact.t, self.as_of, self.organic_days * DAY
            )

    def of(self, *types: str) -> list[dict]:
        return [event for event in self.events.values() if event["type"] in types]

    def answered(self, request: dict, kind: str) -> list[int]:
        return [a["t"] for a, asked in self.answers if asked is request and a["type"] == kind]

    def _contacts(self) -> list[Contact]:
        kin = {frozenset((tie["a"], tie["b"])) for tie in self.stated if tie["kind"] == "family"}
        approaches: dict[tuple[int, int], list[dict]] = {}
        for event in self.of(*RANK):
            approaches.setdefault((event["actor"], event["object"]), []).append(event)
        found = []
        for (u, v), events in approaches.items():
            t = min(event["t"] for event in events)
            back = [event["t"] for event in approaches.get((v, u), [])]
            if frozenset((u, v)) in kin or (back and min(back) < t):
                continue
            kind = min((event["type"] for event in events if event["t"] == t), key=RANK.__getitem__)
            same = [event for event in events if event["t"] == t and event["type"] == kind]
            found.append(Contact(u, v, t, kind, same))
        return found

    def _outcome(self, contact: Contact) -> str:
        if contact.kind == "Create":
            return "none"
        for block in self.of("Block"):
            same = (block["actor"], block["object"]) == (contact.v, contact.u)
            if same and 0 <= block["t"] - contact.t <= self.block_days * DAY:
                return "blocked"

        def first(kind: str) -> float:
            times = [t for event in contact.events for t in self.answered(event, kind)]
            return min(times, default=oracle.STILL)

        accepted, rejected, ignored = first("Accept"), first("Reject"), first("Ignore")
        if accepted <= rejected and accepted < oracle.STILL:
            return "accepted"
        if rejected < oracle.STILL:
            return "refused"
        if ignored < oracle.STILL:
            return "ignored"
        ids = {event["id"] for event in contact.events}
        if any(e["ref"] in ids and e["actor"] == contact.u for e in self.of("Undo")):
            return "withdrawn"
        if contact.t > self.as_of - self.pending_days * DAY:
            return "pending"
        unseen = contact.kind == "Offer" or self._approves(contact.v)
        return "ignored" if unseen else "followed"

    def _ends(self, kind: str) -> list[tuple[int, int, int]]:
        """(u, v, t): the request of that kind from u to v, or any between them, ends at t."""
        ends = []
        for event in self.of("Remove"):
            ends += [(event["actor"], event["object"], event["t"])]
            ends += [(event["object"], event["actor"], event["t"])]
        for event in self.of("Undo"):
            target = self.events.get(event["ref"])
            if target is None or target["actor"] != event["actor"]:
                continue
            if target["type"] == "Accept":
                request = next((asked for a, asked in self.answers if a is target), None)
            else:
                request = target if target["type"] in REQUESTS else None
            if request is not None and request["type"] == kind and self._made(request, event):
                ends.append((request["actor"], request["object"], event["t"]))
        for answer, asked in self.answers:
            if answer["type"] == "Reject" and asked["type"] == kind and self._made(asked, answer):
                ends.append((asked["actor"], asked["object"], answer["t"]))
        return ends

    def _made(self, request: dict, ends: dict) -> bool:
        """Whether there is anything to end: an offer that nobody accepted made no tie."""
        accepted = min(self.answered(request, "Accept"), default=oracle.STILL)
        return request["type"] == "Follow" or accepted <= ends["t"]

    def _approves(self, account: int) -> bool:
        return any(
            asked["type"] == "Follow" and asked["object"] == account for _, asked in self.answers
        )

    def _begin(self, tie: dict) -> float:
        """When a stated tie began: without a start, with the request of its pair, if any."""
        if tie["start"] != oracle.ALWAYS:
            return tie["start"]
        pair = (tie["a"], tie["b"])
        kind = "Offer" if tie["kind"] == "friend" else "Follow"

        def same(x: int, y: int) -> bool:
            return (x, y) == pair or (kind == "Offer" and (y, x) == pair)

        requests = [event for event in self.of(kind) if same(event["actor"], event["object"])]
        asked = min((event["t"] for event in requests), default=oracle.ALWAYS)
        if not requests or any(same(u, v) and t < asked for u, v, t in self._ends(kind)):
            return oracle.ALWAYS
        granted = [t for event in requests for t in self.answered(event, "Accept")]
        granted += [
            event["t"]
            for event in requests
            if kind == "Follow"
            and not self.answered(event, "Accept")
            and not self.answered(event, "Reject")
            and not self.answered(event, "Ignore")
            and not self._approves(event["object"])
        ]
        begun = min(granted, default=asked)
        return begun if begun < tie["end"] else oracle.ALWAYS

    def _friends(self) -> list[oracle.Tie]:
        ends = self._ends("Offer")

        def closed(a: int, b: int, start: float, end: float) -> float:
            both = ((a, b), (b, a))
            return min([end, *(t for u, v, t in ends if (u, v) in both and t >= start)])

        ties = []
        for tie in self.stated:
            if tie["kind"] != "friend":
                continue
            a, b, start = tie["a"], tie["b"], self._begin(tie)
            begun: dict[int, float | None] = {a: None, b: None}
            known: list[Contact | None] = [
                c for c in self.contacts if {c.u, c.v} == {a, b} and c.kind != "Create"
                and c.t <= start
            ]  # fmt: skip
            for contact in known or [None]:
                begun = {a: None, b: None}
                if contact is not None:
                    begun[contact.u] = contact.t
                if made := self._accepted_last(a, b, start):
                    begun = {a: None, b: None, made["actor"]: made["t"]}
                end = closed(a, b, start, tie["end"])
                ties.append(oracle.Tie(a, b, start, end, begun[a], begun[b]))
        for answer, asked in self.answers:
            if answer["type"] == "Accept" and asked["type"] == "Offer":
                a, b, start = asked["actor"], asked["object"], answer["t"]
                ties.append(
                    oracle.Tie(a, b, start, closed(a, b, start, oracle.STILL), asked["t"], None)
                )
        return ties

    def _accepted_last(self, a: int, b: int, before: float) -> dict | None:
        """The offer between the two that was accepted last; of several the earliest."""
        accepted = [
            (-answer["t"], asked["t"], asked["actor"] > asked["object"], asked)
            for answer, asked in self.answers
            if answer["type"] == "Accept" and asked["type"] == "Offer"
            and {asked["actor"], asked["object"]} == {a, b} and answer["t"] <= before
        ]  # fmt: skip
        return min(accepted, key=lambda one: one[:3])[3] if accepted else None

    def _mutual_follows(self) -> list[oracle.Tie]:
        ends = self._ends("Follow")
        follows = [
            (tie["a"], tie["b"], self._begin(tie), tie["end"], self._begin(tie))
            for tie in self.stated
            if tie["kind"] == "follow"
        ]
        for event in self.of("Follow"):
            accepts = self.answered(event, "Accept")
            declined = self.answered(event, "Reject") or self.answered(event, "Ignore")
            if not accepts and (declined or self._approves(event["object"])):
                continue
            start = min(accepts, default=event["t"])
            follows.append((event["actor"], event["object"], start, oracle.STILL, event["t"]))
        closed = [
            (
                u,
                v,
                start,
                min([end, *(t for x, y, t in ends if (x, y) == (u, v) and t >= start)]),
                p,
            )
            for u, v, start, end, p in follows
        ]
        # What was asked for and granted later than another, and ends with it, adds nothing.
        least: dict[tuple[int, int, float], float] = {}
        told = []
        for u, v, start, end, asked in sorted(closed, key=lambda row: (row[2], row[4])):
            if asked < least.get((u, v, end), oracle.STILL):
                least[u, v, end] = asked
                told.append((u, v, start, end, asked))
        closed = told
        ties = []
        for u, v, start, end, asked in closed:
            for x, y, s, e, p in closed:
                if (x, y) == (v, u) and u < v and max(start, s) < min(end, e):
                    mine, theirs = (asked if asked < p else None), (p if p < asked else None)
                    ties.append(oracle.Tie(u, v, max(start, s), min(end, e), mine, theirs))
        return ties

    def until(self, account: int, years: int) -> float | None:
        """When somebody reaches an age; None: age unknown."""
        row = self.accounts[account]
        born = row["birth_date"] or (row["birth_year"] and date(row["birth_year"], 7, 1))
        if not born:
            if row["age_band"] in (None, "", "unknown"):
                return None
            limits = {"under_13": 13, "13_15": 16, "16_17": 18, "18_plus": 0}
            return oracle.STILL if limits[row["age_band"]] in range(1, years + 1) else oracle.ALWAYS
        try:
            day = born.replace(year=born.year + years)
        except ValueError:
            day = date(born.year + years, 3, 1)
        return (day - date(1970, 1, 1)).days * DAY

    def minor(self, account: int, t: float) -> bool | None:
        limit = self.until(account, 18)
        return None if limit is None else t < limit

    def own(self, contact: Contact) -> bool:
        """Made by somebody who was no child by verified age."""
        verified = self.accounts[contact.u]["age_source"] == "verified"
        return not (verified and self.minor(contact.u, contact.t))

    def toward_children(self, days: int) -> list[Contact]:
        since = self.as_of - days * DAY
        return [c for c in self.contacts if self.own(c) and self.minor(c.v, c.t) and c.t >= since]


def ego_ties(world: World) -> nx.Graph:
    graph = nx.Graph()
    graph.add_edges_from((tie.a, tie.b) for tie in world.ties if tie.start < tie.end)
    return graph
