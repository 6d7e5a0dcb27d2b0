"""How states and verbs read in a sentence."""

from __future__ import annotations

from moderation.domain.referrals import ReferralState, ReferralVerb
from moderation.domain.transitions import State, Verb

STATE_WORDS: dict[State, str] = {
    State.OPEN: "open",
    State.IN_REVIEW: "in review",
    State.MONITORING: "being monitored",
    State.ESCALATED: "escalated",
    State.DISMISSED: "dismissed",
    State.REFERRED: "referred to the police",
}

VERB_WORDS: dict[Verb, str] = {
    Verb.CLAIM: "claimed",
    Verb.RELEASE: "released",
    Verb.DISMISS: "dismissed",
    Verb.MONITOR: "put under monitoring",
    Verb.ESCALATE: "escalated",
    Verb.REFER: "referred",
    Verb.RETURN: "returned",
    Verb.RESUME: "resumed",
    Verb.REOPEN: "reopened",
    Verb.UNDO: "taken back",
}

REFERRAL_STATE_WORDS: dict[ReferralState, str] = {
    ReferralState.PREPARING: "being prepared",
    ReferralState.APPROVED: "approved and not sent yet",
    ReferralState.SENT: "sent",
    ReferralState.ACKNOWLEDGED: "acknowledged",
    ReferralState.REJECTED: "rejected",
}

REFERRAL_VERB_WORDS: dict[ReferralVerb, str] = {
    ReferralVerb.APPROVE: "approved",
    ReferralVerb.SEND: "sent",
    ReferralVerb.ACKNOWLEDGE: "acknowledged",
    ReferralVerb.REJECT: "rejected",
}

AUDIT_PHRASES: dict[str, str] = {
    "case.open": "opened the case",
    "case.update": "brought newer evidence to the case",
    "case.claim": "claimed the case",
    "case.renew": "extended the hold on the case",
    "case.release": "released the case",
    "case.dismiss": "dismissed the case",
    "case.monitor": "put the case under monitoring",
    "case.escalate": "escalated the case",
    "case.refer": "referred the case to the police",
    "case.return": "returned the case with a question",
    "case.resume": "put the monitored case back into the queue",
    "case.reopen": "reopened the case on new evidence",
    "case.undo": "took back the decision on the case",
    "case.breach": "noticed that the case was not decided in time",
    "case.rebase": "measured the dismissed case by new thresholds",
    "care.go_on": "went on although a limit of the shift was reached",
    "care.end_shift": "ended the shift",
    "care.choose": "chose what to leave to others",
    "care.forget": "removed the records of shifts that were over long ago",
    "care.set_terms": "set the limits of a shift",
    "case.reveal": "revealed the names of the children of the case",
    "case.conceal": "hid the names of the children again",
    "case.erase": "removed the personal data of the case",
    "account.erase": "removed the personal data of the account",
    "case.note": "left a note on the case",
    "case.people": "kept the names by which the case calls people",
    "case.export": "exported the case's package",
    "case.seal": "sealed the package of the referral",
    "case.capacity": "let accounts wait because the capacity of the day was used up",
    "case.reprioritise": "brought the queue's order up to date",
    "age_check.ask": "asked the platform to make sure of the account's age",
    "age_check.send": "sent the request for an age check",
    "age_check.retry": "asked for the age check to be sent again",
    "age_check.undelivered": "could not send the request for an age check",
    "age_check.answer": "recorded the answer to the age check",
    "age_check.withdraw": "withdrew the request for an age check",
    "referral.ask": "asked for the referral to be sent",
    "referral.stop": "stopped sending the referral",
    "referral.retry": "asked for the referral to be sent again",
    "referral.rehearse": "filed the referral on the test host",
    "referral.undelivered": "could not send the referral",
    "referral.send": "sent the referral",
    "referral.acknowledge": "recorded that the police acknowledged the referral",
    "referral.reject": "recorded that the police rejected the referral",
    "referral.outcome": "recorded what became of the referral",
    "bulk.ask": "decided several cases together",
    "deadlines.set": "set the deadlines",
    "exemption.grant": "exempted the account",
    "exemption.revoke": "ended the exemption of the account",
    "second_look.start": "took a second look at a decision",
    "second_look.finish": "gave a second look at a decision",
    "hold.set": "set a police hold on the account",
    "hold.lift": "lifted the police hold on the account",
}
"""Every verb of this floor in the audit trail, completing "Sam Field …"."""
