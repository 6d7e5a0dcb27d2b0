"""Compiled kernels that count what was there as of a contact. Caller: ``facts``.

Unsigned indices throughout: with signed ones every access pays for Python's negative indexing.
Counts are added up without branches where chance decides which way one would go: a wrong guess of
the processor costs as much as some twenty additions.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from signals.engine.kernels import STILL
from signals.engine.prefetch import prefetch

_ONE = np.uint32(1)
_WORD = np.uint32(5)  # marks stand in words of 32 bits: few enough to stay in the nearest cache
_BIT = np.uint32(31)
_NONE = np.uint32(0xFFFFFFFF)
_SHORT = np.uint32(64)  # so many values are compared one by one sooner than searched
_AHEAD = 16  # contacts between asking for one and coming to it


@nb.njit(cache=True, nogil=True, inline="always")
def _larger(indptr: Any, u: Any, v: Any) -> Any:  # pragma: no cover - compiled
    """That end which has more ties; the same for both directions of a pair."""
    d_u, d_v = indptr[u + _ONE] - indptr[u], indptr[v + _ONE] - indptr[v]
    return v if (d_u < d_v) | ((d_u == d_v) & (u < v)) else u


@nb.njit(cache=True, nogil=True)
def by_larger_end(indptr: Any, u: Any, v: Any, chunks: int) -> Any:  # pragma: no cover - compiled
    """Contacts by the end that has more ties.

    Gives for each account where its contacts begin (one entry more than accounts); the contacts'
    places, doubled, plus one where u is the larger end; their smaller ends; and where to cut the
    accounts into chunks of about equal work (one entry more than ``chunks``).
    """
    accounts = len(indptr) - 1
    place = np.zeros(accounts + 2, np.uint32)
    work = np.zeros(accounts + 1, np.int64)
    for e in range(len(u)):
        large = _larger(indptr, u[e], v[e])
        small = u[e] ^ v[e] ^ large
        place[large + np.uint32(2)] += _ONE
        work[large + _ONE] += 32 + np.int64(indptr[small + _ONE] - indptr[small])
    for i in range(accounts):
        place[i + 2] += place[i + 1]
        work[i + 1] += work[i]
    cuts = np.zeros(chunks + 1, np.int64)
    for chunk in range(1, chunks):
        cuts[chunk] = np.searchsorted(work, work[-1] * chunk // chunks)
    cuts[chunks] = accounts
    coded = np.empty(len(u), np.uint32)
    smaller = np.empty(len(u), np.uint32)
    for e in range(len(u)):
        large = _larger(indptr, u[e], v[e])
        at = place[large + _ONE]
        coded[at] = np.uint32(2 * e) + np.uint32(large == u[e])
        smaller[at] = u[e] ^ v[e] ^ large
        place[large + _ONE] = at + _ONE
    return place, coded, smaller, cuts


@nb.njit(cache=True, nogil=True)
def by_account(accounts: int, key: Any) -> Any:  # pragma: no cover - compiled
    """Places of the contacts in the order of an account of each, by a counting sort."""
    place = np.zeros(accounts + 1, np.uint32)
    for e in range(len(key)):
        place[key[e] + _ONE] += _ONE
    for i in range(accounts):
        place[i + 1] += place[i]
    order = np.empty(len(key), np.uint32)
    for e in range(len(key)):
        order[place[key[e]]] = e
        place[key[e]] += _ONE
    return order


@nb.njit(cache=True, nogil=True, inline="always")
def _below(values: Any, low: Any, high: Any, t: int) -> Any:  # pragma: no cover - compiled
    """How many of the sorted values[low:high] are below t."""
    first = low
    while high - first > _SHORT:
        middle = first + ((high - first) >> _ONE)
        if values[middle] < t:
            first = middle + _ONE
        else:
            high = middle
    count = np.int64(first - low)
    for j in range(first, high):
        count += values[j] < t
    return count


@nb.njit(cache=True, nogil=True)
def degree_kernel(  # pragma: no cover - compiled
    first: int, last: int, order: Any, account: Any, t: Any, index: Any, column: Any, facts: Any
) -> None:
    """Ties of an account of each contact at its time, for the contacts order[first:last].

    Quickest where ``order`` puts the contacts of one account together: its row is read once.
    ``facts`` takes the number in the contact's row at ``column``.
    """
    indptr, begun, ended_ptr, ended = index
    for position in range(first, last):
        ahead = order[min(position + _AHEAD, last - 1)]
        prefetch(t, ahead)
        prefetch(facts, ahead)
        e = order[position]
        i = account[e]
        begins = _below(begun, indptr[i], indptr[i + _ONE], t[e])
        ends = _below(ended, ended_ptr[i], ended_ptr[i + _ONE], t[e] + 1)
        facts[e, column] = begins - ends


@nb.njit(cache=True, nogil=True)
def facts_kernel(  # pragma: no cover - compiled
    first: int,
    last: int,
    index: Any,
    simple: bool,
    longest: int,
    contacts: Any,
    as_of: int,
    organic: int,
    facts: Any,
    first_mutual: Any,
) -> None:
    """Friends in common of the contacts whose larger ends are the accounts first … last−1.

    The larger end's neighbours are marked once; then the neighbours of each smaller end are probed,
    once for all contacts of the pair, in whichever direction. What comes next lies anywhere and is
    asked for ahead: without that a third of the time is waiting. ``contacts``: what
    ``by_larger_end`` gives, and the times. ``facts`` takes m, m* and m at the end side by
    side in each contact's row: contacts come in an order that is not their own.
    """
    indptr, neighbour, times = index
    group, coded, smaller, t = contacts
    offset = group[first]
    marked = np.zeros(((len(indptr) - 1) >> 5) + 1, np.uint32)  # is a neighbour of the larger end
    place = np.zeros(len(indptr) - 1, np.uint32)  # where its first half-tie stands
    latest = np.full(len(indptr) - 1, _NONE, np.uint32)  # contact with a smaller end
    before = np.empty(group[last] - offset, np.uint32)  # and the one before it
    pairs = np.empty(group[last] - offset, np.uint32)  # smaller ends, each once
    shared = np.zeros((2, longest + 1), np.uint32)  # friends in common: half-ties of both ends
    start = np.zeros(longest + 1, np.int64)  # since when both stand
    end = np.zeros(longest + 1, np.int64)
    made = np.zeros((2, longest + 1), np.int64)  # when the smaller end started its tie, the larger
    for large in range(first, last):
        if group[large] == group[large + 1]:
            continue
        low, high = indptr[large], indptr[large + 1]
        for j in range(high, low, -1):
            w = neighbour[j - 1]
            marked[w >> _WORD] |= _ONE << (w & _BIT)
            place[w] = j - 1
        count = np.uint32(0)
        for c in range(group[large], group[large + 1]):
            link = latest[smaller[c]]
            before[c - offset] = link
            latest[smaller[c]] = c
            pairs[count] = smaller[c]
            count += np.uint32(link == _NONE)
        for pair in range(count):
            small = pairs[pair]
            if pair + 1 < count:
                prefetch(neighbour, indptr[pairs[pair + 1]])
            link = latest[small]
            latest[small] = _NONE
            prefetch(t, coded[link] >> _ONE)
            prefetch(facts, coded[link] >> _ONE)
            prefetch(first_mutual, coded[link] >> _ONE)
            small_low, small_high = indptr[small], indptr[small + _ONE]
            found = np.uint32(0)
            for j in range(small_low, small_high):
                w = neighbour[j]
                prefetch(times, j)  # some of them are needed presently
                shared[0, found] = j
                found += (marked[w >> _WORD] >> (w & _BIT)) & _ONE
            m_final = 0
            mutual = STILL
            for i in range(found):
                q = shared[0, i]
                p = place[neighbour[q]]
                shared[1, i] = p
                since, until = max(times[p, 0], times[q, 0]), min(times[p, 1], times[q, 1])
                start[i], end[i] = since, until
                made[0, i], made[1, i] = times[q, 2], times[p, 2]
                m_final += (since < as_of) & (as_of < until)
                mutual = min(mutual, since if since < until else STILL)
            while link != _NONE:
                e, is_large = coded[link] >> _ONE, coded[link] & _ONE
                link = before[link - offset]
                at = t[e]
                m, m_star = 0, 0
                if simple:
                    for i in range(found):
                        m += (start[i] < at) & (at < end[i])
                    if m:
                        made_before = at - organic  # NEVER is before every time
                        for i in range(found):
                            stands = (start[i] < at) & (at < end[i])
                            m_star += stands & (made[is_large, i] < made_before)
                else:
                    m, m_star, m_final, mutual = _parallel(
                        (neighbour, times),
                        (high, small_high),
                        shared,
                        found,
                        is_large,
                        at,
                        as_of,
                        organic,
                    )
                facts[e, 0] = m
                facts[e, 1] = m_star
                facts[e, 2] = m_final
                first_mutual[e] = mutual
        for j in range(low, high):
            marked[neighbour[j] >> _WORD] = 0


@nb.njit(cache=True, nogil=True)
def _parallel(  # pragma: no cover - compiled
    index: Any,
    row_ends: Any,
    shared: Any,
    found: Any,
    is_large: Any,
    at: int,
    as_of: int,
    organic: int,
) -> Any:
    """m, m*, m at the end and the first shared start where accounts may have parallel ties."""
    neighbour, times = index
    large_high, small_high = row_ends
    m, m_star, m_final = 0, 0, 0
    mutual = STILL
    i = np.uint32(0)
    while i < found:
        q = shared[0, i]
        w = neighbour[q]
        stands, stands_last, by_itself = False, False, True
        while q < small_high and neighbour[q] == w:
            p = shared[1, i]
            while p < large_high and neighbour[p] == w:
                start, end = max(times[p, 0], times[q, 0]), min(times[p, 1], times[q, 1])
                if start < at < end:
                    stands = True
                    if times[p if is_large else q, 2] < at - organic:
                        by_itself = False
                stands_last |= start < as_of < end
                mutual = min(mutual, start if start < end else STILL)
                p += _ONE
            q += _ONE
        m += stands
        m_star += stands and not by_itself
        m_final += stands_last
        i += _ONE
        while i < found and neighbour[shared[0, i]] == w:
            i += _ONE
    return m, m_star, m_final, mutual
