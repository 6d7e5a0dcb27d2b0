"""Signed statements of what the whole trail was. Written only by ``audit.checkpoints``."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Checkpoint(models.Model):
    """What entries 1 to ``size`` were, signed (``audit.notes``), at the moment of entry ``size``+1.

    That entry, ``audit.checkpoint``, repeats size and root, so a checkpoint that is taken away is
    missed. ``peaks`` are those of ``audit.merkle``, 32 bytes each, the largest subtree first: the
    next checkpoint and proofs go on from there.
    """

    size = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    root = models.BinaryField(max_length=32)
    peaks = models.BinaryField(max_length=2048)
    note = models.TextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-size"]

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries"

    @property
    def peak_list(self) -> list[bytes]:
        data = bytes(self.peaks)
        return [data[start : start + 32] for start in range(0, len(data), 32)]
