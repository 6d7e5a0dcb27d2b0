"""Reading in many queries what must be of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_moment() -> Iterator[None]:
    """Let all that the block reads be of one moment, whatever others commit meanwhile.

    The block writes nothing. Within somebody else's transaction it reads as that does: the
    isolation of a transaction is settled by its first query.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
