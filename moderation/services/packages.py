"""Handing out the package of a case, and keeping the one that is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from typst import TypstError

from audit import keys
from audit.actors import Actor
from audit.checkpoints import BrokenTrail
from audit.services import record
from moderation.domain.referrals import ReferralState
from moderation.models import Case, Referral, SealedPackage
from moderation.package.build import build
from moderation.package.gather import gather, proven, status_of
from moderation.package.keys import PACKAGES
from moderation.package.view import Status
from moderation.services import mishaps, pseudonyms
from moderation.services.moves import background, lock, target
from moderation.services.one_moment import one_moment
from staff.capabilities import Capability
from staff.errors import NotAllowed, Refused


@dataclass(frozen=True, slots=True)
class Package:
    """A package to hand out. ``name`` is a file name without anybody's name in it."""

    name: str
    status: Status
    data: bytes
    sha256: str


class NotApproved(Refused):
    """Two people have not yet decided on the referral."""


class PackageErased(Refused):
    """The package's retention has ended: its bytes are gone."""


class NotBuilt(Refused):
    """The package cannot be made as things are. The message says what to look at."""


def export(*, actor: Actor, case_id: int) -> Package:
    """The package of a case as it would be sent: a DRAFT until its referral is approved.

    It names children, so supervisors alone may have it, and whoever may run commands; the export is
    an entry. Raises NotAllowed, PackageErased, NotBuilt or Case.DoesNotExist.
    """
    _authorise(actor)
    package = _package(actor, case_id)
    with transaction.atomic():
        case = lock(case_id)
        record(
            actor=actor,
            verb="case.export",
            target=target(case),
            after={
                "status": package.status,
                "sha256": package.sha256,
                "size": len(package.data),
            },
        )
    return package


def seal_approved(*, actor: Actor) -> int:
    """Seal the packages of approved referrals that have none yet; how many were sealed, 50 at most.

    Only Sightline itself does this, every minute: what is imported later must not change what two
    people approved. One that cannot be sealed is logged, keeps no other back, and is tried again;
    its referral's page says so after some minutes. Raises NotAllowed.
    """
    background(actor)
    waiting = Referral.objects.filter(package=None).exclude(state=ReferralState.PREPARING)
    sealed = 0
    for case_id in list(waiting.order_by("pk").values_list("case_id", flat=True)):
        try:
            _package(actor, case_id)
        except Exception as error:  # noqa: BLE001 - the others are sealed all the same
            mishaps.note(f"Sealing the package of case {case_id}", error)
            continue
        sealed += 1
        if sealed == 50:
            break
    return sealed


def seal(*, actor: Actor, case_id: int) -> Package:
    """The sealed package of an approved referral, which is sealed now where it was not yet.

    Only Sightline itself asks for it, to send it. Raises NotAllowed, PackageErased, NotApproved or
    NotBuilt.
    """
    background(actor)
    package = _package(actor, case_id)
    if package.status is not Status.APPROVED:
        raise NotApproved("The referral is not approved, so there is nothing to send.")
    return package


def _authorise(actor: Actor) -> None:
    if actor.label != "system:command" and not actor.can(Capability.DECIDE_ESCALATIONS):
        raise NotAllowed(f"{actor.label} may not export the package of a case.")


def _package(actor: Actor, case_id: int) -> Package:
    """The sealed package where there is one, a sealed one where there should be, else a draft.

    A package takes a second to make, so nothing is locked meanwhile; where the case moves on in
    that second, what was made is thrown away.
    """
    while True:
        case = Case.objects.select_related("account", "assessment__run__thresholds").get(pk=case_id)
        kept = _kept(case)
        if kept is not None:
            return kept
        pseudonyms.keep(actor=actor, case_id=case_id)
        try:
            with one_moment():
                view = gather(case)
            # Afterwards: the proof may need a checkpoint, which is written.
            view = proven(view, case)
            data = build(view, keys.signing_key(PACKAGES))
        except BrokenTrail as broken:
            raise NotBuilt(f"The package of {case.reference} cannot be proven. {broken}") from None
        except TypstError as error:
            mishaps.note(f"Laying out the report of {case.reference}", error)
            raise NotBuilt(
                f"The report of {case.reference} cannot be laid out; the log says where it ended."
            ) from None
        package = _named(case, view.status, data)
        with transaction.atomic():
            unchanged = lock(case_id).version == view.version and status_of(case) is view.status
            if unchanged and package.status is Status.APPROVED and _kept(case) is None:
                _seal(actor, case, package)
        if unchanged:
            return _kept(case) or package


def _kept(case: Case) -> Package | None:
    """The package that was sealed before. Raises PackageErased."""
    kept = SealedPackage.objects.filter(referral__case=case).first()
    if kept is None:
        return None
    if kept.erased_at is not None:
        raise PackageErased(
            f"The package of {case.reference} was removed on {kept.erased_at:%-d %B %Y}, when its "
            "retention ended."
        )
    return _named(case, Status.APPROVED, bytes(kept.data))


def _seal(actor: Actor, case: Case, package: Package) -> None:
    SealedPackage.objects.create(
        referral=case.referral,
        data=package.data,
        sha256=package.sha256,
        size=len(package.data),
        sealed_at=timezone.now(),
    )
    record(
        actor=actor,
        verb="case.seal",
        target=target(case),
        after={"sha256": package.sha256, "size": len(package.data)},
    )


def _named(case: Case, status: Status, data: bytes) -> Package:
    suffix = "-DRAFT" if status is Status.DRAFT else ""
    name = f"{case.reference}{suffix}.zip"
    return Package(name, status, data, hashlib.sha256(data).hexdigest())
