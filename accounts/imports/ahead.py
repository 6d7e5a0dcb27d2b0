"""Work one step ahead, in a second thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """``items``, the next of which is made while the caller works on one.

    What making an item raises is raised here, in its turn.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="import-reader") as thread:
        upcoming = thread.submit(next, iterator, _END)
        while (item := upcoming.result()) is not _END:
            upcoming = thread.submit(next, iterator, _END)
            yield item  # type: ignore[misc]  # _END apart, only items come out
