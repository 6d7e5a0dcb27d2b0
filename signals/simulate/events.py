"""The event log of a synthetic community, as columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signals.simulate.population import Ids

EVENT_TYPES: tuple[str, ...] = (
    "Offer",
    "Follow",
    "Create",
    "Accept",
    "Reject",
    "Ignore",
    "Undo",
    "Block",
    "Flag",
    "Remove",
)
TYPE_CODE: dict[str, int] = {name: code for code, name in enumerate(EVENT_TYPES)}
REFERRING = np.array([name in ("Accept", "Reject", "Ignore", "Undo") for name in EVENT_TYPES])
"""Types whose object is another event."""


class EventLog:
    """Events in the order they were thought of; :meth:`freeze` puts them in order of time."""

    def __init__(self) -> None:
        self.size = 0
        self._types: list[NDArray[np.int8]] = []
        self._actors: list[NDArray[np.int32]] = []
        self._objects: list[NDArray[np.int32]] = []
        self._times: list[Ids] = []

    def add(self, name: str, actor: ArrayLike, obj: ArrayLike, time: ArrayLike) -> Ids:
        """Append events and return their positions, by which later events may refer to them."""
        actors = np.asarray(actor, dtype=np.int32)
        self._types.append(np.full(actors.size, TYPE_CODE[name], dtype=np.int8))
        self._actors.append(actors)
        self._objects.append(np.asarray(obj, dtype=np.int32))
        self._times.append(np.asarray(time, dtype=np.int64))
        positions = np.arange(self.size, self.size + actors.size, dtype=np.int64)
        self.size += actors.size
        return positions

    def freeze(self) -> Events:
        """The finished log. An event never stands before the one it refers to."""
        times = np.concatenate([np.empty(0, dtype=np.int64), *self._times])
        position_bits = 32
        order = np.sort((times << position_bits) | np.arange(self.size, dtype=np.int64))
        order &= (1 << position_bits) - 1
        number = np.empty(self.size, dtype=np.int32)
        number[order] = np.arange(self.size, dtype=np.int32)
        types = np.concatenate([np.empty(0, dtype=np.int8), *self._types])[order]
        objects = np.concatenate([np.empty(0, dtype=np.int32), *self._objects])[order]
        refers = REFERRING[types]
        objects[refers] = number[objects[refers]]
        actors = np.concatenate([np.empty(0, dtype=np.int32), *self._actors])[order]
        return Events(types, actors, objects, times[order])


class Events:
    """Events in order of time. ``obj`` is an account, or the row of another event (earlier)."""

    def __init__(
        self,
        types: NDArray[np.int8],
        actor: NDArray[np.int32],
        obj: NDArray[np.int32],
        time: Ids,
    ) -> None:
        self.types = types
        self.actor = actor
        self.obj = obj
        self.time = time

    def __len__(self) -> int:
        return int(self.types.size)

    def of_type(self, name: str) -> NDArray[np.bool_]:
        """Which events are of that type."""
        chosen: NDArray[np.bool_] = self.types == TYPE_CODE[name]
        return chosen
