"""Compiled kernels over the index of ties. Callers: ``facts`` and ``communities``.

Unsigned indices throughout: with signed ones every access pays for Python's negative indexing.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

ALWAYS = -(2**62)  # a start that was never recorded
STILL = 2**62  # an end that has not come
NEVER = -(2**62)  # a tie that its owner did not start


@nb.njit(cache=True, nogil=True)
def transpose(  # pragma: no cover - compiled
    accounts: int, a: Any, b: Any, start: Any, end: Any, init_a: Any, init_b: Any
) -> Any:
    """Rows sorted by neighbour, by two counting sorts: first by neighbour, then by owner."""
    count = len(a)
    indptr = np.zeros(accounts + 1, np.uint32)
    for j in range(count):
        indptr[a[j] + np.uint32(1)] += np.uint32(1)
        indptr[b[j] + np.uint32(1)] += np.uint32(1)
    for i in range(accounts):
        indptr[i + 1] += indptr[i]
    place = indptr[:-1].copy()
    by_neighbour = np.empty(2 * count, np.uint32)  # 2 × tie + side
    for j in range(count):
        by_neighbour[place[b[j]]] = np.uint32(2 * j)
        place[b[j]] += np.uint32(1)
        by_neighbour[place[a[j]]] = np.uint32(2 * j + 1)
        place[a[j]] += np.uint32(1)
    place[:] = indptr[:-1]
    neighbour = np.empty(2 * count, np.uint32)
    times = np.empty((2 * count, 3), np.int64)
    simple = True
    for i in range(2 * count):
        j = by_neighbour[i] >> np.uint32(1)
        owner, other, begun = a[j], b[j], init_a[j]
        if by_neighbour[i] & np.uint32(1):
            owner, other, begun = b[j], a[j], init_b[j]
        at = place[owner]
        if at > indptr[owner] and neighbour[at - np.uint32(1)] == other:
            simple = False
        place[owner] += np.uint32(1)
        neighbour[at] = other
        times[at, 0] = start[j]
        times[at, 1] = end[j]
        times[at, 2] = begun
    return indptr, neighbour, times, simple


@nb.njit(cache=True, nogil=True)
def count_ended(  # pragma: no cover - compiled
    first: int, last: int, indptr: Any, times: Any, ended_ptr: Any
) -> None:
    """Put the half-ties with an end of the rows first … last−1 at ended_ptr[first+1 … last]."""
    for i in range(first, last):
        count = np.uint32(0)
        for j in range(indptr[i], indptr[i + 1]):
            count += np.uint32(times[j, 1] != STILL)
        ended_ptr[i + 1] = count


@nb.njit(cache=True, nogil=True)
def sort_changes(  # pragma: no cover - compiled
    first: int,
    last: int,
    indptr: Any,
    neighbour: Any,
    times: Any,
    begun: Any,
    ended_ptr: Any,
    ended: Any,
) -> None:
    """Fill sorted starts and finite ends of the rows first … last−1, parallel ties merged."""
    for i in range(first, last):
        low, high = np.int64(indptr[i]), np.int64(indptr[i + 1])
        starts = low
        ends = np.int64(ended_ptr[i])
        j = low
        while j < high:
            k = j + 1
            while k < high and neighbour[k] == neighbour[j]:
                k += 1
            by_start = np.argsort(times[j:k, 0]) + j if k > j + 1 else np.arange(j, k)
            from_, to = times[by_start[0], 0], times[by_start[0], 1]
            for x in by_start[1:]:
                # open intervals that only touch leave the instant between them empty
                if times[x, 0] < to:
                    to = max(to, times[x, 1])
                else:
                    begun[starts] = from_
                    ended[ends] = to
                    starts += 1
                    ends += 1
                    from_, to = times[x, 0], times[x, 1]
            begun[starts] = from_
            starts += 1
            if to != STILL:
                ended[ends] = to
                ends += 1
            j = k
        begun[low:starts].sort()
        ended[np.int64(ended_ptr[i]) : ends].sort()


@nb.njit(cache=True, nogil=True)
def _count_below(values: Any, low: Any, high: Any, t: int) -> Any:  # pragma: no cover - compiled
    """How many of the sorted values[low:high] are below t."""
    first = low
    while low < high:
        middle = low + ((high - low) >> np.uint32(1))
        if values[middle] < t:
            low = middle + np.uint32(1)
        else:
            high = middle
    return low - first


@nb.njit(cache=True, nogil=True, inline="always")
def mix(x: Any) -> Any:  # pragma: no cover - compiled
    """Scatter 64 bits (SplitMix64's finaliser, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@nb.njit(cache=True, nogil=True)
def structure_kernel(  # pragma: no cover - compiled
    first: int, last: int, indptr: Any, neighbour: Any, times: Any, key: Any, new: Any
) -> None:
    """One round of colour refinement: each key absorbs its neighbours' and the ties' starts."""
    for i in range(first, last):
        total = np.uint64(0)
        for j in range(indptr[i], indptr[i + 1]):
            total += mix(key[neighbour[j]] + mix(np.uint64(times[j, 0])))
        new[i] = mix(key[i] * np.uint64(3) + total)


@nb.njit(cache=True, nogil=True)
def standing_kernel(  # pragma: no cover - compiled
    first: int,
    last: int,
    indptr: Any,
    neighbour: Any,
    times: Any,
    as_of: int,
    fixed: Any,
    near: Any,
    ends: Any,
) -> None:
    """Put those who stand in a tie with an account at ``as_of``, each once, at its row's beginning.

    ``ends``: where they end in ``near``. Accounts whose label is ``fixed`` need none.
    """
    for i in range(first, last):
        end = indptr[i]
        last_seen = np.int64(-1)
        if not fixed[i]:
            for j in range(indptr[i], indptr[i + 1]):
                w = np.int64(neighbour[j])
                if times[j, 0] < as_of < times[j, 1] and w != last_seen:
                    near[end] = neighbour[j]
                    end += np.uint32(1)
                    last_seen = w
        ends[i] = end


@nb.njit(cache=True, nogil=True)
def label_kernel(  # pragma: no cover - compiled
    first: int,
    last: int,
    indptr: Any,
    ends: Any,
    near: Any,
    key: Any,
    label: Any,
    new: Any,
    turn: int,
) -> None:
    """One half-step of label propagation over the ties that ``standing_kernel`` found.

    Whose turn it is takes the label that most of its neighbours bear; of equal ones its own, else
    the one that the turn's lot falls on. Nobody else moves, so that two sides cannot swap for ever.
    """
    longest: Any = 0
    for i in range(first, last):
        longest = max(longest, np.int64(ends[i] - indptr[i]))
    seen = np.empty(longest, np.int32)
    times_seen = np.zeros(2 * len(label), np.int32)  # by label
    for i in range(first, last):
        new[i] = label[i]
        if ends[i] == indptr[i]:
            continue
        if (key[i] >> np.uint64(turn & 31)) & np.uint64(1) != np.uint64(turn & 1):
            continue
        count = 0
        for j in range(indptr[i], ends[i]):
            other = label[near[j]]
            if times_seen[other] == 0:
                seen[count] = other
                count += 1
            times_seen[other] += 1
        best, best_lot, best_label = 0, np.uint64(0), label[i]
        for j in range(count):
            other = seen[j]
            times_here = times_seen[other]
            times_seen[other] = 0
            if times_here < best:
                continue
            lot = mix(np.uint64(other) * np.uint64(64) + np.uint64(turn))
            if other == label[i]:
                lot = np.uint64(0)
            if times_here > best or lot < best_lot:
                best, best_lot, best_label = times_here, lot, other
        new[i] = best_label


@nb.njit(cache=True, nogil=True)
def circle_kernel(  # pragma: no cover - compiled
    first: int,
    last: int,
    indptr: Any,
    neighbour: Any,
    u: Any,
    v: Any,
    stretch: Any,
    stretches: int,
    found: Any,
) -> None:
    """For contacts first … last−1 in the order of u: how many other targets of u know the target.

    ``found``: (stretch, contact); both contacts must lie in the stretch. ``first`` and ``last`` do
    not cut the contacts of one account.
    """
    place = np.full(len(indptr) - 1, 127, np.int8)  # shortest stretch in which u contacted it
    begin = first
    while begin < last:
        end = begin
        while end < last and u[end] == u[begin]:
            place[v[end]] = stretch[end]
            end += 1
        for e in range(begin, end):
            low, high = indptr[v[e]], indptr[v[e] + np.uint32(1)]
            if np.int64(high - low) > 16 * (end - begin):
                for other in range(begin, end):
                    q = low + _count_below(neighbour, low, high, v[other])
                    if q < high and neighbour[q] == v[other]:
                        for s in range(max(stretch[e], stretch[other]), stretches):
                            found[s, e] += 1
            else:
                for j in range(low, high):
                    w = neighbour[j]
                    if place[w] < stretches and (j == low or neighbour[j - 1] != w):
                        for s in range(max(stretch[e], place[w]), stretches):
                            found[s, e] += 1
        for e in range(begin, end):
            place[v[e]] = 127
        begin = end


@nb.njit(cache=True, nogil=True)
def sums_kernel(  # pragma: no cover - compiled
    first: int,
    last: int,
    indptr: Any,
    neighbour: Any,
    times: Any,
    as_of: int,
    organic: bool,
    values: Any,
    sums: Any,
) -> None:
    """Add up the neighbours' values over the ties that stand at ``as_of``, each neighbour once."""
    for i in range(first, last):
        last_seen = np.int64(-1)
        for j in range(indptr[i], indptr[i + 1]):
            w = np.int64(neighbour[j])
            stands = times[j, 0] < as_of < times[j, 1] and (not organic or times[j, 2] == NEVER)
            if stands and w != last_seen:
                last_seen = w
                for c in range(values.shape[1]):
                    sums[i, c] += values[w, c]
