"""Everything that changes a case. Pages, API, tasks and commands call these and nothing else.

``SERVICES`` names every service; a test walks it and fails for one that leaves no audit entry.
"""

from moderation.services import (
    claims,
    decisions,
    escalation,
    holds,
    intake,
    packages,
    pseudonyms,
    referrals,
    reveals,
    terms,
    undo,
    upkeep,
)

SERVICES = (
    claims.claim,
    claims.claim_next,
    claims.renew,
    claims.release,
    claims.expire_leases,
    decisions.dismiss,
    decisions.monitor,
    decisions.add_note,
    escalation.escalate,
    escalation.refer,
    escalation.send_back,
    escalation.dismiss,
    holds.set_hold,
    holds.lift_hold,
    intake.open_cases,
    packages.export,
    packages.seal,
    packages.seal_approved,
    pseudonyms.keep,
    pseudonyms.keep_new,
    referrals.mark_sent,
    referrals.acknowledge,
    referrals.reject,
    referrals.record_outcome,
    reveals.reveal,
    reveals.conceal,
    terms.set_terms,
    terms.record_breaches,
    undo.undo,
    upkeep.resume_monitored,
    upkeep.reprioritise,
)

__all__ = [
    "SERVICES",
    "claims",
    "decisions",
    "escalation",
    "holds",
    "intake",
    "packages",
    "pseudonyms",
    "referrals",
    "reveals",
    "terms",
    "undo",
    "upkeep",
]
