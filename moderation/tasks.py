"""Sweeps. Each calls one service and may run twice at once without harm."""

from __future__ import annotations

from celery import shared_task

from audit.actors import Actor
from moderation.services import (
    age_checks,
    bulk_decisions,
    care,
    claims,
    drafts,
    outbox,
    packages,
    pseudonyms,
    retention,
    terms,
    upkeep,
)

# Seconds between two runs.
SCHEDULE = {
    "moderation.expire_leases": 60,
    "moderation.resume_monitored": 60 * 60,
    "moderation.reprioritise": 10 * 60,
    "moderation.record_breaches": 5 * 60,
    "moderation.sweep_bulk": 2 * 60,
    "moderation.deliver_due": 30,
    "moderation.settle_age_checks": 60,
    "moderation.keep_pseudonyms": 60,
    "moderation.seal_packages": 60,
    "moderation.end_retention": 24 * 60 * 60,
    "moderation.forget_drafts": 24 * 60 * 60,
    "moderation.forget_shifts": 24 * 60 * 60,
}


@shared_task(name="moderation.expire_leases")
def expire_leases() -> int:
    """Put cases whose hold has lapsed back into the queue."""
    return claims.expire_leases(actor=Actor.system("worker"))


@shared_task(name="moderation.resume_monitored")
def resume_monitored() -> int:
    """Put monitored cases whose date has come back into the queue."""
    return upkeep.resume_monitored(actor=Actor.system("worker"))


@shared_task(name="moderation.reprioritise")
def reprioritise() -> int:
    """Bring the order of the queue up to date."""
    return upkeep.reprioritise(actor=Actor.system("worker"))


@shared_task(name="moderation.forget_drafts")
def forget_drafts() -> int:
    """Remove drafts that were left alone for a month."""
    return drafts.sweep(actor=Actor.system("worker"))


@shared_task(name="moderation.forget_shifts")
def forget_shifts() -> int:
    """Remove the records of shifts that were over long ago."""
    return care.forget_shifts(actor=Actor.system("worker"))


@shared_task(name="moderation.record_breaches")
def record_breaches() -> int:
    """Record deadlines that have passed."""
    return terms.record_breaches(actor=Actor.system("worker"))


@shared_task(name="moderation.settle_age_checks")
def settle_age_checks() -> int:
    """Record the answers to age checks that imports have brought."""
    return age_checks.settle(actor=Actor.system("worker"))


@shared_task(name="moderation.keep_pseudonyms")
def keep_pseudonyms() -> int:
    """Keep the names by which new cases call the people around their accounts."""
    return pseudonyms.keep_new(actor=Actor.system("worker"))


@shared_task(name="moderation.seal_packages")
def seal_packages() -> int:
    """Seal the packages of referrals that were approved since."""
    return packages.seal_approved(actor=Actor.system("worker"))


@shared_task(name="moderation.deliver")
def deliver(delivery_id: int) -> bool:
    """Try one delivery that is due; whether it was tried."""
    found = outbox.deliver(actor=Actor.system("worker"), delivery_id=delivery_id)
    return found is not None


@shared_task(name="moderation.deliver_due")
def deliver_due() -> int:
    """Try every delivery that is due, also those whose worker died."""
    return outbox.deliver_due(actor=Actor.system("worker"))


@shared_task(name="moderation.end_retention")
def end_retention() -> int:
    """Remove the personal data of cases that have been over for long enough."""
    return retention.sweep(actor=Actor.system("worker"))


@shared_task(name=bulk_decisions.RUN, soft_time_limit=600, time_limit=660)
def run_bulk(job_id: int) -> None:
    """Take one person's decision on several cases. Safe to run twice."""
    bulk_decisions.run(job_id)


@shared_task(name="moderation.sweep_bulk")
def sweep_bulk() -> int:
    """Go on with jobs whose worker died."""
    return bulk_decisions.sweep()
