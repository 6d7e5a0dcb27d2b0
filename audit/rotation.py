"""Replacing the key that signs the trail."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import transaction

from audit import keys
from audit.actors import Actor
from audit.services import TRAIL, lock, record
from audit.signers import OFFER
from staff.capabilities import Capability
from staff.errors import Refused


def rotate_key(*, actor: Actor, successor: Ed25519PublicKey | None = None) -> str:
    """Hand the trail over to a new key and return the new key's id.

    The present key signs an entry that names its successor; from the successor's first entry on,
    verification takes nothing else. Without ``successor`` the key is made and put in place of the
    present one, which running processes notice. With it, which is needed where
    ``AUDIT_SIGNING_KEY`` gives the key, only the hand-over is recorded: set the variable to the
    successor's private key afterwards, in every process at once. Safe to repeat after a crash.

    Raises NotAllowed, Refused.
    """
    actor.require(Capability.MANAGE_KEYS)
    given = bool(settings.AUDIT_SIGNING_KEY)
    if given != (successor is not None):
        raise Refused(
            "AUDIT_SIGNING_KEY gives the key, so the successor's public key must be named."
            if given
            else "The key lies in a file: its successor is made, not named."
        )
    present = keys.public_key()
    new = successor or keys.next_key().public_key()
    if keys.key_id(new) == keys.key_id(present):
        raise Refused("The successor is the key that signs already.")
    keys.retire(present)
    with transaction.atomic():
        lock()
        record(
            actor=actor,
            verb=OFFER,
            target=TRAIL,
            before={"key": keys.key_id(present)},
            after={"key": keys.key_id(new), "public_key": new.public_bytes_raw().hex()},
        )
    # After the commit: a key must not sign before the trail has named it. Until then the present
    # key still may, so a crash in between costs nothing.
    if successor is None:
        keys.promote_next()
    return keys.key_id(new)
