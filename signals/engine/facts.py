"""Contact facts: friends in common as of the contact, exactly, by a compiled kernel.

The ties of every account stand in one row of an index (CSR), sorted by neighbour, each with its
open interval of time. Contacts are treated together by that end which has more ties: its neighbours
are marked once, then the neighbours of each other end are probed (mark and probe), once for both
directions. So the work is Σ min(d_u, d_v) over pairs, and a hub costs no more than its partners.

The kernels release the interpreter lock and run in plain threads over chunks of equal work: a
worker that forks later has no thread pool of a compiled library to trip over.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.engine.fact_kernels import by_account, by_larger_end, degree_kernel, facts_kernel
from signals.engine.kernels import (
    ALWAYS,
    NEVER,
    STILL,
    circle_kernel,
    count_ended,
    sort_changes,
    sums_kernel,
    transpose,
)
from signals.engine.machine import threads

__all__ = [
    "ALWAYS",
    "NEVER",
    "STILL",
    "Facts",
    "TieIndex",
    "build_index",
    "circle",
    "contact_facts",
]

Ints = NDArray[np.int64]
DAY = 86_400_000_000  # µs
_FACTS, _DEG_U, _DEG_V = 5, 3, 4  # columns: m, m_star, m_final, deg_u, deg_v


@dataclass(frozen=True)
class TieIndex:
    """Ties as rows of half-ties sorted by neighbour; ``indptr`` has one entry more than accounts.

    ``times``: the open interval (start, end) in which the half-tie stands, µs, and when the owner
    of the row started it, NEVER if the other side did or nobody knows; they are needed together.
    ``begun`` and ``ended`` hold the same rows' starts and finite ends, parallel ties merged, each
    sorted by time, so that the degree at t is (starts before t) − (ends up to t); padded with
    STILL. The rows of ``ended`` begin at ``ended_ptr``.
    ``simple``: no parallel ties.
    """

    indptr: NDArray[np.uint32]
    neighbour: NDArray[np.uint32]
    times: Ints
    begun: Ints
    ended_ptr: NDArray[np.uint32]
    ended: Ints
    simple: bool

    @property
    def accounts(self) -> int:
        """How many accounts the index numbers."""
        return len(self.indptr) - 1


@dataclass(frozen=True)
class Facts:
    """One value a contact, in the order in which the contacts were given.

    m: friends in common at the contact; m_star: of these, not made by u itself; m_final: at the
    end; deg_u, deg_v: ties at the contact; first_mutual: µs when the first friend in common was
    there, STILL if never, ALWAYS if from before records began.
    """

    m: NDArray[np.int32]
    m_star: NDArray[np.int32]
    m_final: NDArray[np.int32]
    deg_u: NDArray[np.int32]
    deg_v: NDArray[np.int32]
    first_mutual: Ints


def build_index(
    accounts: int,
    a: NDArray[Any],
    b: NDArray[Any],
    start: NDArray[Any] | None = None,
    end: NDArray[Any] | None = None,
    init_a: NDArray[Any] | None = None,
    init_b: NDArray[Any] | None = None,
) -> TieIndex:
    """Index mutual ties between accounts numbered 0 … ``accounts`` − 1.

    ``start``/``end`` in µs (absent: always, still); ``init_a``/``init_b``: when that side started
    the tie, NEVER if it did not. A tie stands for start < t < end; one that never stands is left
    out. Parallel ties are allowed. Raises ValueError for a tie of an account with itself or an
    account outside the range.
    """
    count = len(a)
    start = np.full(count, ALWAYS) if start is None else np.asarray(start, np.int64)
    end = np.full(count, STILL) if end is None else np.asarray(end, np.int64)
    init_a = np.full(count, NEVER) if init_a is None else np.asarray(init_a, np.int64)
    init_b = np.full(count, NEVER) if init_b is None else np.asarray(init_b, np.int64)
    _check_pairs(accounts, a, b, "tie")
    keep = start < end
    if not keep.all():
        a, b, start, end = a[keep], b[keep], start[keep], end[keep]
        init_a, init_b = init_a[keep], init_b[keep]
    indptr, neighbour, times, simple = transpose(
        accounts,
        np.ascontiguousarray(a, np.uint32),
        np.ascontiguousarray(b, np.uint32),
        start,
        end,
        init_a,
        init_b,
    )
    ended_ptr = np.zeros(len(indptr), np.uint32)
    by_rows(lambda first, last: count_ended(first, last, indptr, times, ended_ptr), indptr)
    ended_ptr = np.cumsum(ended_ptr, dtype=np.uint32)
    begun = np.full(len(neighbour), STILL, np.int64)
    ended = np.full(int(ended_ptr[-1]), STILL, np.int64)
    by_rows(
        lambda first, last: sort_changes(
            first, last, indptr, neighbour, times, begun, ended_ptr, ended
        ),
        indptr,
    )
    return TieIndex(indptr, neighbour, times, begun, ended_ptr, ended, simple)


def by_rows(work: Callable[[int, int], None], indptr: NDArray[Any]) -> None:
    """Run ``work(first, last)`` in threads over ranges of accounts with about equally many ties."""
    workers = threads()
    cuts = np.searchsorted(indptr, np.linspace(0, int(indptr[-1]), 4 * workers + 1))
    cuts[0], cuts[-1] = 0, len(indptr) - 1
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, cuts[:-1], cuts[1:]):
            pass


def neighbour_sums(
    index: TieIndex, values: NDArray[Any], as_of: int, organic: bool
) -> NDArray[np.int64]:
    """For each account the sum of its neighbours' rows of ``values`` (account, column).

    Over the ties that stand at ``as_of``; with ``organic`` those that the account did not begin.
    """
    values = np.ascontiguousarray(values, np.int64)
    sums = np.zeros_like(values)
    by_rows(
        lambda first, last: sums_kernel(
            first,
            last,
            index.indptr,
            index.neighbour,
            index.times,
            as_of,
            organic,
            values,
            sums,
        ),
        index.indptr,
    )
    return sums


def _check_pairs(accounts: int, a: NDArray[Any], b: NDArray[Any], what: str) -> None:
    if len(a) and np.any(a == b):
        raise ValueError(f"a {what} of an account with itself")
    if len(a) and (
        min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= accounts or accounts >= 2**31
    ):
        raise ValueError(f"a {what} names an account outside 0 … {accounts - 1}")


def contact_facts(
    index: TieIndex,
    u: NDArray[Any],
    v: NDArray[Any],
    t: NDArray[Any],
    *,
    as_of: int = STILL - 1,
    organic: int = 120 * DAY,
) -> Facts:
    """The facts of the contacts (u → v at t), t in µs; see ``Facts``.

    ``as_of`` µs: when the final graph is looked at; ``organic`` µs: a tie counts as made by u for
    so long after u started it. Order in, order out. Raises ValueError for u = v or an unknown
    account.
    """
    _check_pairs(index.accounts, u, v, "contact")
    u32, v32 = np.asarray(u, np.uint32), np.asarray(v, np.uint32)
    t64 = np.asarray(t, np.int64)
    count = len(u32)
    facts, first = np.empty((count, _FACTS), np.int32), np.empty(count, np.int64)  # all are written
    workers = threads()
    chunks = 8 * workers if count > 4096 else 1
    longest = int(np.diff(index.indptr).max(initial=0))
    cuts = np.linspace(0, count, chunks + 1).astype(np.int64)
    changes = (index.indptr, index.begun, index.ended_ptr, index.ended)

    def degree(chunk: int, order: NDArray[Any], account: NDArray[Any], column: int) -> None:
        degree_kernel(cuts[chunk], cuts[chunk + 1], order, account, t64, changes, column, facts)

    def mutual(chunk: int) -> None:
        facts_kernel(
            bounds[chunk],
            bounds[chunk + 1],
            (index.indptr, index.neighbour, index.times),
            index.simple,
            longest,
            contacts,
            as_of,
            organic,
            facts,
            first,
        )

    with ThreadPoolExecutor(workers) as pool:
        larger = pool.submit(by_larger_end, index.indptr, u32, v32, chunks)
        orders = [pool.submit(by_account, index.accounts, ends) for ends in (u32, v32)]
        # small pieces while the larger ends are found, and last, where they even out the threads
        by_u, by_v = (order.result() for order in orders)
        done = [pool.submit(degree, chunk, by_u, u32, _DEG_U) for chunk in range(chunks)]
        *contacts, bounds = larger.result()
        contacts = (*contacts, t64)
        done += [pool.submit(mutual, chunk) for chunk in range(chunks)]
        done += [pool.submit(degree, chunk, by_v, v32, _DEG_V) for chunk in range(chunks)]
        for part in done:
            part.result()
    m, m_star, m_final, deg_u, deg_v = facts.T
    return Facts(m, m_star, m_final, deg_u, deg_v, first)


def circle(
    index: TieIndex,
    u: NDArray[Any],
    v: NDArray[Any],
    stretch: NDArray[Any],
    stretches: int,
) -> NDArray[np.int32]:
    """For each contact, how many other targets of u have, or had, a tie with the target.

    ``stretch``: the shortest stretch that holds the contact; both contacts must lie in it. Gives
    (stretch, contact). Pairs (u, v) do not repeat.
    """
    order = np.argsort(u, kind="stable")
    u32, v32 = np.asarray(u, np.uint32)[order], np.asarray(v, np.uint32)[order]
    shortest = np.asarray(stretch, np.int8)[order]
    found = np.zeros((stretches, len(order)), np.int32)
    if not len(order):
        return found
    workers = threads()
    even = np.linspace(0, len(order), 4 * workers + 1).astype(np.int64)[1:-1]
    # cut between accounts
    cuts = np.unique(np.concatenate([[0], np.searchsorted(u32, u32[even]), [len(order)]]))

    def work(chunk: int) -> None:
        circle_kernel(
            cuts[chunk],
            cuts[chunk + 1],
            index.indptr,
            index.neighbour,
            u32,
            v32,
            shortest,
            stretches,
            found,
        )

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, range(len(cuts) - 1)):
            pass
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return found[:, back]
