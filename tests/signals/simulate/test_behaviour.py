"""The bands that a community must lie in, measured on what it wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import networkx as nx
import numpy as np
import pytest

from signals.simulate import Community, SimulationSettings, simulate
from signals.simulate.clock import is_night
from signals.simulate.strategies import CODE, HARD_NEGATIVES, OFFENDERS

Rows = list[dict[str, str]]
Reader = Callable[[str], Rows]


def _mean(values: list[bool]) -> float:
    return sum(values) / len(values)


@pytest.fixture(scope="module")
def answers(rows: Reader) -> dict[str, dict[str, str]]:
    """The outcome of each request, by its event."""
    return {row["object"]: row for row in rows("events") if row["type"] in _OUTCOMES}


_OUTCOMES = {"Accept", "Reject", "Ignore"}


def test_degrees(rows: Reader, answers: dict[str, dict[str, str]]) -> None:
    graph = nx.Graph()
    graph.add_nodes_from(row["account_id"] for row in rows("accounts"))
    graph.add_edges_from((row["a"], row["b"]) for row in rows("ties"))
    for row in rows("events"):
        if row["type"] == "Offer" and answers.get(row["event_id"], {}).get("type") == "Accept":
            graph.add_edge(row["actor"], row["object"])
    degrees = np.array([degree for _, degree in graph.degree()])
    assert 8 <= np.median(degrees) <= 60
    # heavy-tailed, as a log-normal is: the mean above the median, the top well above both
    assert np.mean(degrees) > 1.1 * np.median(degrees)
    assert np.quantile(degrees, 0.95) > 2 * np.median(degrees)
    # friends of friends are friends far more often than in a random graph of this density
    assert nx.average_clustering(graph, list(graph)[:800]) > 0.08


def test_first_contacts_without_a_friend_in_common(
    rows: Reader, answers: dict[str, dict[str, str]]
) -> None:
    """A plain replay of the history: friends at the moment of the contact."""
    friends: dict[str, set[str]] = defaultdict(set)
    for row in rows("ties"):
        if row["kind"] == "friend" and not row["until"]:
            friends[row["a"]].add(row["b"])
            friends[row["b"]].add(row["a"])
    requests = {row["event_id"]: row for row in rows("events") if row["type"] == "Offer"}
    seen: set[frozenset[str]] = set()
    without: list[bool] = []
    for row in rows("events"):
        if row["type"] in {"Offer", "Follow", "Create"}:
            pair = frozenset((row["actor"], row["object"]))
            if pair not in seen and row["object"] not in friends[row["actor"]]:
                without.append(not friends[row["actor"]] & friends[row["object"]])
            seen.add(pair)
        elif row["type"] == "Accept":
            asked = requests[row["object"]]
            friends[asked["actor"]].add(asked["object"])
            friends[asked["object"]].add(asked["actor"])
    assert 0.20 <= _mean(without) <= 0.60


def test_answers(rows: Reader, answers: dict[str, dict[str, str]]) -> None:
    requests = [row for row in rows("events") if row["type"] == "Offer"]
    outcome = [answers.get(row["event_id"], {}).get("type", "") for row in requests]
    decided = [kind for kind in outcome if kind in {"Accept", "Reject"}]
    assert 0.5 < _mean([kind == "Accept" for kind in decided]) < 0.85
    # ignored: said so, or never answered (the last weeks and slow answers add a little)
    assert 0.13 < _mean([kind in {"", "Ignore"} for kind in outcome]) < 0.19
    hours = [
        (
            datetime.fromisoformat(answers[row["event_id"]]["published"])
            - datetime.fromisoformat(row["published"])
        ).total_seconds()
        / 3_600
        for row in requests
        if row["event_id"] in answers
    ]
    assert 3.5 < np.median(hours) < 4.5
    assert 0.87 < np.mean(np.array(hours) < 144) < 0.93


def test_senders_and_recipients_differ(rows: Reader, answers: dict[str, dict[str, str]]) -> None:
    """Acceptance varies more between people than chance alone explains (over-dispersion)."""
    for side in ("actor", "object"):
        asked: dict[str, list[bool]] = defaultdict(list)
        for row in rows("events"):
            kind = answers.get(row["event_id"], {}).get("type")
            if row["type"] == "Offer" and kind in {"Accept", "Reject"}:
                asked[row[side]].append(kind == "Accept")
        shares = [values for values in asked.values() if len(values) >= 10]
        mean = _mean([value for values in shares for value in values])
        by_chance = np.mean([mean * (1 - mean) / len(values) for values in shares])
        assert np.var([_mean(values) for values in shares]) > 1.4 * by_chance


def test_ties_end_and_people_part(rows: Reader) -> None:
    kinds = [row["type"] for row in rows("events")]
    accepted = kinds.count("Accept")
    assert 0.02 < kinds.count("Remove") / accepted < 0.2
    assert kinds.count("Undo") > 0
    assert 0.005 < kinds.count("Block") / kinds.count("Offer") < 0.06
    assert kinds.count("Flag") > 50


def test_recorded_ages_are_often_wrong(community: Community, rows: Reader) -> None:
    people = community.people
    everyone = np.arange(people.size, dtype=np.int32)
    end = people.settings.end_seconds
    age = people.age_at(everyone, np.full(people.size, end))
    adult: list[bool] = []
    for account, row in zip(everyone, rows("accounts"), strict=True):
        if age[account] >= 18 or row["age_band"] == "unknown":
            continue
        # Eighteen on 1 November 2026; of a bare year of birth, 2008 counts as adult.
        known = {
            "birth_date": row["birth_date"] <= "2008-11-01",
            "birth_year": row["birth_year"] <= "2008",
            "age_band": row["age_band"] == "18_plus",
        }
        adult += [older for field, older in known.items() if row[field]]
    assert 0.15 <= _mean(adult) <= 0.32
    sources = [row["age_source"] for row in rows("accounts")]
    assert 0.05 < sources.count("verified") / len(sources) < 0.25
    assert 0.05 < sources.count("estimated") / len(sources) < 0.25


def test_communities_are_given_for_a_part(rows: Reader) -> None:
    given = _mean([bool(row["community"]) for row in rows("accounts")])
    assert 0.15 < given < 0.7


def test_hours_follow_the_region(community: Community) -> None:
    """Ordinary people are awake by day, in their own zone; planted accounts more often at night."""
    events, people = community.events, community.people
    created = events.of_type("Create")
    actor = events.actor[created]
    night = is_night(events.time[created], people.region[actor])
    planted = np.isin(people.kind[actor], [CODE[name] for name in OFFENDERS])
    assert 0.05 < night[~planted].mean() < 0.25
    assert night[planted].mean() > night[~planted].mean()


def _to_children(community: Community) -> np.ndarray:
    """Which events are requests or threads from an adult to a child."""
    events, people = community.events, community.people
    first = events.of_type("Offer") | events.of_type("Create")
    rows = np.flatnonzero(first)
    grown = people.age_at(events.actor[rows], events.time[rows]) >= 18
    young = people.age_at(events.obj[rows], events.time[rows]) < 18
    return rows[grown & young]


def test_every_kind_acts_and_planted_accounts_turn_to_children(community: Community) -> None:
    people, events = community.people, community.events
    rows = _to_children(community)
    children = np.bincount(events.actor[rows], minlength=people.size)
    ordinary = (people.kind == CODE["ordinary"]) & (children > 0)
    for name in OFFENDERS:
        members = people.members(name)
        assert (children[members] > 0).mean() > 0.7, name
        assert np.median(children[members]) > np.median(children[ordinary]), name
    acted = np.bincount(events.actor, minlength=people.size)
    for name in HARD_NEGATIVES:
        members = people.members(name)
        assert name == "misaged_child" or (acted[members] > 0).mean() > 0.7, name


def test_planted_accounts_lead_an_ordinary_life_too(community: Community) -> None:
    people, events = community.people, community.events
    rows = np.flatnonzero(events.of_type("Offer"))
    to_adults = people.age_at(events.obj[rows], events.time[rows]) >= 18
    actors = np.unique(events.actor[rows[to_adults]])
    planted = people.members(*OFFENDERS)
    assert np.isin(planted, actors).mean() > 0.8


def test_rings_share_their_targets_within_days(community: Community) -> None:
    people, events = community.people, community.events
    rows = np.flatnonzero(events.of_type("Offer"))
    rows = rows[np.isin(events.actor[rows], people.members("ring"))]
    young = people.age_at(events.obj[rows], events.time[rows]) < 18
    by_child: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in rows[young]:
        entry = (int(events.time[row]), int(events.actor[row]))
        by_child[int(events.obj[row])].append(entry)
    shared = [sorted(entries) for entries in by_child.values() if len({a for _, a in entries}) > 1]
    assert len(shared) >= 10
    gaps = [(entries[1][0] - entries[0][0]) / 86_400 for entries in shared]
    assert np.median(gaps) < 14


def test_false_report_targets_are_reported_by_several_children_at_once(
    community: Community,
) -> None:
    people, events = community.people, community.events
    rows = np.flatnonzero(events.of_type("Flag"))
    for account in people.members("false_report_target"):
        against = rows[events.obj[rows] == account]
        if against.size >= 3:
            break
    else:
        pytest.fail("nobody was reported three times")
    reporters = {
        name: len(set(events.actor[rows[np.isin(events.obj[rows], people.members(name))]]))
        for name in ("false_report_target", "teacher")
    }
    assert reporters["false_report_target"] > 2 * reporters["teacher"]


def test_a_shorter_history_and_fewer_friends_are_possible() -> None:
    few = simulate(SimulationSettings(accounts=800, history_days=400, median_degree=8.0))
    many = simulate(SimulationSettings(accounts=800, history_days=400, median_degree=60.0))
    span = few.events.time[-1] - few.events.time[0]
    assert span <= 402 * 86_400
    assert many.ties.a.size > 3 * few.ties.a.size


def test_friendships_of_established_accounts_are_ties_and_not_requests() -> None:
    young = simulate(SimulationSettings(accounts=800, established_share=0.1))
    old = simulate(SimulationSettings(accounts=800, established_share=0.95))
    assert old.ties.a.size > 3 * young.ties.a.size
    assert old.events.of_type("Offer").sum() < young.events.of_type("Offer").sum()
