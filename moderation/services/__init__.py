"""Everything that changes a case. Pages, API, tasks and commands call these and nothing else.

``SERVICES`` names every service; a test walks it and fails for one that leaves no audit entry.
"""

from moderation.services import claims, decisions, escalation, intake, reveals, upkeep

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
    intake.open_cases,
    reveals.reveal,
    reveals.conceal,
    upkeep.resume_monitored,
    upkeep.reprioritise,
)

__all__ = ["SERVICES", "claims", "decisions", "escalation", "intake", "reveals", "upkeep"]
