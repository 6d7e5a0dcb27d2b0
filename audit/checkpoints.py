"""Signed checkpoints of the trail, and proofs against them."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from audit import canonical, keys, merkle, notes, proofs
from audit.actors import Actor
from audit.models import Checkpoint, Entry
from audit.selectors import Filters, matching
from audit.services import TRAIL, lock, record
from staff.capabilities import Capability
from staff.errors import Refused

VERB: Final = "audit.checkpoint"

PROVEN_AT_ONCE: Final = 10_000
"""Entries that one exported proof holds at most: some 20 MB."""


class BrokenTrail(Exception):
    """Entries are missing, so no checkpoint can be made. ``verify_audit`` says which."""


def make_checkpoint(*, actor: Actor) -> Checkpoint | None:
    """Sign what the trail is now; the newest checkpoint when nothing has happened since.

    None while the trail is empty. Raises NotAllowed, BrokenTrail.
    """
    actor.require(Capability.VIEW_AUDIT)
    return _make(actor, up_to=0)


def proof_of(numbers: Collection[int]) -> dict[str, Any]:
    """Proof that the entries with these numbers stand in the trail, as ``audit.proofs`` says.

    Against the smallest checkpoint that covers them all, so the same entries always give the same
    proof. Where none does yet, one is made in the name of the system. Costs a read of the hashes
    between two checkpoints, at most of the whole trail. The caller answers for who may see it.
    Raises ValueError for numbers that the trail does not have, or none; BrokenTrail.
    """
    wanted = sorted(set(numbers))
    if not wanted:
        raise ValueError("A proof needs at least one entry.")
    entries = list(Entry.objects.filter(number__in=wanted).order_by("number"))
    if len(entries) != len(wanted):
        raise ValueError("Some of these entries are not in the trail.")
    checkpoint = Checkpoint.objects.filter(size__gte=wanted[-1]).order_by("size").first()
    if checkpoint is None:
        checkpoint = _make(Actor.system("worker"), up_to=wanted[-1])
    assert checkpoint is not None  # noqa: S101 - the entries that it covers are there
    tree = _tree_before(wanted[0], watched=[number - 1 for number in wanted])
    _grow(tree, checkpoint.size)
    if tree.root() != bytes(checkpoint.root):
        raise BrokenTrail(f"The checkpoint of {checkpoint.size} entries contradicts the entries.")
    paths = {index + 1: path for index, path in tree.paths().items()}
    return proofs.prove([content_of(entry) for entry in entries], checkpoint.note, paths)


def export_proof(*, actor: Actor, filters: Filters) -> str:
    """Proof of the entries that ``filters`` lets through, as JSON text. The export is an entry.

    Raises NotAllowed, BrokenTrail, and Refused where nothing matches or more than
    ``PROVEN_AT_ONCE`` entries do.
    """
    actor.require(Capability.EXPORT_AUDIT)
    numbers = list(
        matching(filters).order_by("number").values_list("number", flat=True)[: PROVEN_AT_ONCE + 1]
    )
    if not numbers:
        raise Refused("Nothing matches this search, so there is nothing to prove.")
    if len(numbers) > PROVEN_AT_ONCE:
        raise Refused(f"A proof holds {PROVEN_AT_ONCE:,} entries at most: narrow the search.")
    # Before the transaction: a checkpoint made on the way takes the lock of the trail, and nobody
    # could add an entry while the rest of the proof is computed.
    proof = proof_of(numbers)
    with transaction.atomic():
        record(
            actor=actor,
            verb="audit.export",
            target=TRAIL,
            after={"format": "proof", "filters": filters.for_trail(), "entries": len(numbers)},
        )
    return json.dumps(proof, ensure_ascii=False, indent=1) + "\n"


def latest() -> Checkpoint | None:
    """The newest checkpoint."""
    return Checkpoint.objects.order_by("-size").first()


def content_of(entry: Entry) -> canonical.Content:
    """What ``entry`` says, in the form whose bytes are hashed."""
    return canonical.Content(
        number=entry.number,
        at=canonical.timestamp(entry.at),
        actor=entry.actor,
        role=entry.role,
        verb=entry.verb,
        target=entry.target,
        before=entry.before,
        after=entry.after,
        reason=entry.reason,
        request_id=entry.request_id,
        previous_hash=bytes(entry.previous_hash),
    )


def _make(actor: Actor, up_to: int) -> Checkpoint | None:
    """The newest checkpoint, if it covers ``up_to`` and all that has happened, or a new one."""
    last = _last_number()
    tree = _tree_before(last + 1)
    _grow(tree, last)  # most of the work, before anybody has to wait for the lock
    with transaction.atomic():
        lock()
        last = _last_number()
        if not last:
            return None
        newest = latest()
        if newest is not None and newest.size >= up_to and _nothing_since(newest, last):
            return newest
        _grow(tree, last)
        head, first = (
            bytes(Entry.objects.values_list("hash", flat=True).get(number=number))
            for number in (last, 1)
        )
        now = timezone.now()
        statement = notes.Checkpoint(
            trail=notes.trail_name(first),
            size=last,
            root=tree.root(),
            at=canonical.timestamp(now),
            head=head,
        )
        key = keys.signing_key()
        made = Checkpoint.objects.create(
            size=last,
            at=now,
            root=statement.root,
            peaks=b"".join(tree.peaks),
            note=statement.signed(key),
        )
        record(
            actor=actor,
            verb=VERB,
            target=TRAIL,
            after={
                "size": last,
                "root": statement.root.hex(),
                "key": keys.key_id(key.public_key()),
            },
        )
    return made


def _nothing_since(newest: Checkpoint, last: int) -> bool:
    """Whether only the checkpoint's own entry came after it."""
    return newest.size >= last - 1


def _last_number() -> int:
    return Entry.objects.order_by("-number").values_list("number", flat=True).first() or 0


def _tree_before(number: int, watched: Collection[int] = ()) -> merkle.Tree:
    """The tree of the newest checkpoint that ends before entry ``number``, or an empty one."""
    kept = Checkpoint.objects.filter(size__lt=number).order_by("-size").first()
    if kept is None:
        return merkle.Tree(watched=watched)
    return merkle.Tree(kept.size, kept.peak_list, watched)


def _grow(tree: merkle.Tree, size: int) -> None:
    """Add the entries up to number ``size``, in constant memory."""
    hashes = (
        Entry.objects.filter(number__gt=tree.size, number__lte=size)
        .order_by("number")
        .values_list("number", "hash")
        .iterator(chunk_size=2_000)
    )
    for number, digest in hashes:
        if number != tree.size + 1:
            break
        tree.add(bytes(digest))
    if tree.size < size:
        raise BrokenTrail(f"Entry {tree.size + 1} is missing from the trail: run verify_audit.")
