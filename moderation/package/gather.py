"""Reading one frozen view of a case: the only part of a package that touches the database.

The view is of the moment of the case's last change, its version: what happened or was decided
later is not in it, so that the same state of a case always gives the same package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Q

from accounts.models import Account
from audit.models import Entry
from moderation.domain.referrals import ReferralState
from moderation.domain.vocabulary import REASON_LABELS, SEVERITY_LABELS, Severity
from moderation.domain.wording import STATE_WORDS, VERB_WORDS
from moderation.models import Case, PoliceHold, Referral
from moderation.package.trail import entries_of, trail_of
from moderation.package.view import (
    CaseView,
    ContactView,
    DecisionLine,
    EvidenceLine,
    Happening,
    Identity,
    Reporter,
    Sentence,
    Status,
)
from moderation.selectors import undo
from moderation.selectors.case import STRETCHES, Reason
from moderation.selectors.contacts import Contact, Step
from moderation.selectors.earlier_reports import reports_naming, reports_on
from moderation.selectors.people import band_on
from moderation.selectors.surroundings import around_case, ties_between
from signals.models import Assessment, EvidenceRow
from signals.networks import Kind, Link

_APPROVED: Final = frozenset(ReferralState) - {ReferralState.PREPARING}
_NUMBERS: Final = ("k", "n", "expected", "range", "llr")


def gather(case: Case) -> CaseView:
    """The view of ``case`` as it stands. Names of people must have been kept before.

    Without the trail's proof, which ``proven`` adds: a report needs none.
    """
    last = _change_to(case, case.version)
    entries = entries_of(case.reference, last.number)
    around = around_case(case)
    names = {key: person.name for key, person in around.people.items()}
    contacts = [seen for c in around.contacts if (seen := _until(c, last.at)) is not None]
    accounts = Account.objects.in_bulk([contact.person.key for contact in contacts])
    assessment = case.assessment
    flagged = case.account
    own_band = band_on(flagged, last.at)
    linked = [int(entry["account"]) for entry in assessment.summary.get("linked", ())]
    reported = reports_on(case, [flagged.pk, *linked], last.at)
    children = [c.person.key for c in contacts if _is_child_contacted(c)]
    named = reports_naming(case, children, last.at)
    return CaseView(
        reference=case.reference,
        status=status_of(case),
        version=case.version,
        as_of=last.at,
        state=STATE_WORDS[case.state],  # type: ignore[index]  # a StrEnum is found by its value
        kind=case.get_kind_display(),
        severity=case.severity,
        points=case.points,
        threshold_version=assessment.run.thresholds.version if assessment.run.thresholds else None,
        run=assessment.run_id,
        opened_at=case.opened_at,
        reporter=reporter(),
        account=_identity(flagged, own_band, reported.get(flagged.pk, ())),
        recorded_minor=own_band not in ("18_plus", "unknown"),
        contacts=tuple(
            _contact(c, accounts[c.person.key], last.at, named.get(c.person.key, ()))
            for c in contacts
        ),
        ties=_ties(contacts, names),
        sentences=tuple(_sentences(assessment, names)),
        decisions=tuple(_decisions(case, entries)),
        linked=_linked(linked, reported),
        held_since=_held_since(case, last.at),
        trail={},
    )


def proven(view: CaseView, case: Case) -> CaseView:
    """``view`` of ``case`` with the proof of its entries. Raises audit.checkpoints.BrokenTrail.

    Entries never change, so they need not be read with the rest.
    """
    last = _change_to(case, view.version)
    return replace(view, trail=trail_of(entries_of(view.reference, last.number)))


def reporter() -> Reporter:
    """Who reports, as the settings say."""
    return Reporter(
        platform=settings.PLATFORM_NAME,
        name=settings.REPORTER_NAME,
        email=settings.REPORTER_EMAIL,
        phone=settings.REPORTER_PHONE,
        legal_url=settings.REPORTER_LEGAL_URL,
        profile_url=settings.PLATFORM_PROFILE_URL,
    )


def _change_to(case: Case, version: int) -> Entry:
    """The entry that made this version of the case."""
    return Entry.objects.filter(
        target=f"case:{case.reference}", verb__startswith="case.", after__version=version
    ).latest("number")


def status_of(case: Case) -> Status:
    """Whether the referral of ``case`` is approved."""
    state = Referral.objects.filter(case=case).values_list("state", flat=True).first()
    return Status.APPROVED if state in _APPROVED else Status.DRAFT


def _until(contact: Contact, moment: datetime) -> Contact | None:
    """What had happened before ``moment``; None where nothing had, and no tie stands."""
    moments = [m for m in contact.moments if m.at < moment]
    if not moments and not contact.tied:
        return None
    return Contact(contact.person, moments, contact.tied, contact.befriended)


def _outcome(contact: Contact) -> str:
    """The last answer, and that it was not the first where a contact had been accepted before."""
    if not contact.accepted or contact.link is not Link.REFUSED:
        return contact.outcome
    if any(moment.step is Step.ACCEPTED for moment in contact.moments):
        return f"accepted, then {contact.outcome}"
    return f"{contact.outcome}; a friend tie is recorded"


def _is_child_contacted(contact: Contact) -> bool:
    return contact.person.kind is Kind.CHILD and contact.started_by_account


def _identity(account: Account, band: str, prior_reports: tuple[int, ...] = ()) -> Identity:
    return Identity(
        account_id=account.account_id,
        display_name=account.display_name,
        birth_date=account.birth_date,
        birth_year=account.birth_year,
        band=band,
        age_source=account.age_source,
        gender=account.gender,
        region=account.region,
        community=account.community,
        role=account.role,
        status=account.status,
        created_at=account.created_at,
        prior_reports=prior_reports,
    )


def _contact(
    contact: Contact, account: Account, as_of: datetime, prior_reports: tuple[int, ...]
) -> ContactView:
    person = contact.person
    band = band_on(account, contact.first_at or as_of)
    return ContactView(
        name=person.name,
        mark=person.mark,
        kind=person.kind,
        called=person.called,
        band=person.band,
        link=contact.link,
        contacted=contact.started_by_account,
        accepted=contact.accepted,
        tie=contact.tied,
        began_with=contact.began_with,
        outcome=_outcome(contact),
        identity=(
            _identity(account, band, prior_reports)
            if _is_child_contacted(contact)
            else Identity(account.account_id, band=band, age_source="")
        ),
        happenings=tuple(Happening(m.at, m.step.value, m.words) for m in contact.moments),
    )


def _ties(contacts: list[Contact], names: Mapping[int, str]) -> tuple[tuple[str, str], ...]:
    pairs = ties_between([contact.person.key for contact in contacts])
    return tuple(sorted((names[a], names[b]) for a, b in pairs))


def _sentences(assessment: Assessment, names: Mapping[int, str]) -> Iterable[Sentence]:
    rows: dict[str, list[EvidenceLine]] = defaultdict(list)
    stored = EvidenceRow.objects.filter(assessment=assessment).select_related("event")
    for row in stored.order_by("indicator", "at", "pk"):
        rows[row.indicator].append(
            EvidenceLine(
                event_id=row.event.event_id if row.event else "",
                about=names.get(row.target_id or 0, ""),
                at=row.at,
                counted=row.counted,
                facts=dict(sorted(row.facts.items())),
            )
        )
    for said in assessment.contributions:
        reason = Reason.of(said)
        yield Sentence(
            indicator=reason.indicator,
            name=reason.name,
            direction=said.get("direction") or "neutral",
            points=reason.points,
            text=reason.sentence,
            stretch=STRETCHES.get(said.get("stretch") or "", ""),
            numbers={name: said[name] for name in _NUMBERS if said.get(name) is not None},
            evidence=tuple(rows[reason.indicator]),
        )


def _decisions(case: Case, entries: list[Entry]) -> Iterable[DecisionLine]:
    """The decisions up to the last change, each with the role that its entry tells.

    What somebody took back is left out, with the taking back: those words are nobody's any longer.
    """
    roles = {entry.number: entry.role for entry in entries}
    newest_first = case.decisions.order_by("-case_version").filter(entry__in=list(roles))
    for decision in reversed(undo.standing(newest_first)):
        details: dict[str, Any] = dict(decision.details)
        if "severity" in details:
            details["severity"] = SEVERITY_LABELS[Severity(details["severity"])]
        yield DecisionLine(
            at=decision.at,
            verb=decision.verb,
            title=VERB_WORDS[decision.verb].capitalize(),  # type: ignore[index]  # a StrEnum
            by=f"staff {decision.by_id}",
            role=roles[decision.entry_id],
            reason=REASON_LABELS[decision.reason] if decision.reason else "",
            note=decision.note,
            details=details,
            points=decision.points,
            entry=decision.entry_id,
        )


def _linked(keys: list[int], reported: Mapping[int, tuple[int, ...]]) -> tuple[Identity, ...]:
    """The linked accounts by identifier, the name that they show and earlier reports, no more."""
    found = Account.objects.filter(pk__in=keys).values_list("account_id", "display_name", "pk")
    return tuple(
        Identity(account_id, name, prior_reports=reported.get(key, ()))
        for account_id, name, key in sorted(found)
    )


def _held_since(case: Case, until: datetime) -> datetime | None:
    """Since when a police hold had stood on the account at ``until``; None where none had."""
    set_before = PoliceHold.objects.filter(account=case.account_id, set_at__lt=until)
    standing = set_before.filter(Q(lifted_at=None) | Q(lifted_at__gte=until))
    return standing.values_list("set_at", flat=True).first()
