"""Plain, slow, obviously right versions of what the engine computes, on networkx."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

ALWAYS, STILL = float("-inf"), float("inf")


@dataclass(frozen=True)
class Tie:
    """A mutual tie standing strictly between start and end; init_a: when a started it, or None."""

    a: int
    b: int
    start: float = ALWAYS
    end: float = STILL
    init_a: float | None = None
    init_b: float | None = None


def build(ties: list[Tie]) -> nx.MultiGraph:
    graph = nx.MultiGraph()
    for tie in ties:
        if tie.a == tie.b:
            raise ValueError("a tie of an account with itself")
        graph.add_edge(
            tie.a, tie.b, start=tie.start, end=tie.end, init={tie.a: tie.init_a, tie.b: tie.init_b}
        )
    return graph


def standing(graph: nx.MultiGraph, x: int, t: float) -> dict[int, list[dict]]:
    """N_t(x), each neighbour with its ties that stand at t."""
    result = {}
    if x in graph:
        for w, ties in graph.adj[x].items():
            active = [tie for tie in ties.values() if tie["start"] < t < tie["end"]]
            if active:
                result[w] = active
    return result


def facts(
    graph: nx.MultiGraph, u: int, v: int, t: float, as_of: float, organic: float
) -> tuple[int, int, int, int, int, float]:
    """m, m*, m at the end, d_u, d_v and the time of the first friend in common."""
    of_u, of_v = standing(graph, u, t), standing(graph, v, t)
    mutual = of_u.keys() & of_v.keys()

    def made_by_u(tie: dict) -> bool:
        return tie["init"][u] is not None and tie["init"][u] >= t - organic

    organic_mutual = [w for w in mutual if not all(made_by_u(tie) for tie in of_u[w])]
    last = standing(graph, u, as_of).keys() & standing(graph, v, as_of).keys()
    first = STILL
    if u in graph and v in graph:
        for w in set(graph.adj[u]) & set(graph.adj[v]):
            for p in graph.adj[u][w].values():
                for q in graph.adj[v][w].values():
                    start, end = max(p["start"], q["start"]), min(p["end"], q["end"])
                    if start < end:
                        first = min(first, start)
    return len(mutual), len(organic_mutual), len(last), len(of_u), len(of_v), first
