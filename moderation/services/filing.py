"""Filing an approved referral with NCMEC: how the outbox carries a ``cybertipline`` delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from lxml import etree

from audit.actors import Actor
from audit.services import record
from moderation.cybertipline.breaches import breaches
from moderation.cybertipline.client import HOSTS, Answered, Client, Code, CyberTiplineError
from moderation.cybertipline.filing import Filing, Progress
from moderation.domain.referrals import Destination, ReferralState
from moderation.models import Delivery, Referral
from moderation.package.archive import unpack
from moderation.services import carriers, outbox, packages, referrals
from moderation.services.moves import target
from staff.capabilities import Capability
from staff.errors import Refused

_DESTINATIONS = {"production": Destination.NCMEC, "test": Destination.NCMEC_TEST}
_HOST_OF = {destination.value: host for host, destination in _DESTINATIONS.items()}

# What the same request will be answered with again, until somebody changes something.
_HOPELESS = {
    Code.AUTHENTICATION_REQUIRED: "Check CYBERTIPLINE_USERNAME and CYBERTIPLINE_PASSWORD.",
    Code.NOT_AUTHORISED: "Ask NCMEC what this account may do.",
    Code.NO_SUBMISSIONS: "Ask NCMEC to let this account submit reports.",
    Code.NO_UPDATES: "Ask NCMEC to let this account update reports.",
    Code.INVALID_REQUEST: "File by NCMEC's form and tell Sightline's maintainers.",
    Code.VALIDATION_FAILED: "Compare cybertipline.xml with NCMEC's rules.",
    Code.MALFORMED_XML: "Compare cybertipline.xml with NCMEC's schema.",
    Code.MALFORMED_FILE: "File by NCMEC's form and tell Sightline's maintainers.",
}


def destination() -> Destination:
    """Where a filing goes as the settings stand: NCMEC, or its test host."""
    return _DESTINATIONS[settings.CYBERTIPLINE_HOST]


def missing() -> list[str]:
    """What has to be set before anything can be filed, by name; nothing where all is there."""
    names = ("CYBERTIPLINE_USERNAME", "CYBERTIPLINE_PASSWORD", "REPORTER_EMAIL")
    shown = {"REPORTER_EMAIL": "SIGHTLINE_REPORTER_EMAIL"}
    return [shown.get(name, name) for name in names if not getattr(settings, name)]


def schema_file() -> Path:
    """Where NCMEC's schema lies once it is fetched."""
    folder: Path = settings.SCHEMAS_DIR
    return folder / "ncmec-cybertipline-report.xsd"


def file(*, actor: Actor, referral_id: int) -> Delivery:
    """Ask for a referral to be filed with NCMEC, at the host that is set.

    Raises NotAllowed, Refused or Referral.DoesNotExist.
    """
    actor.require(Capability.DECIDE_ESCALATIONS)
    if lacking := missing():
        raise Refused(f"Nothing can be filed with NCMEC before these are set: {_list(lacking)}.")
    return outbox.ask(
        actor=actor,
        referral_id=referral_id,
        kind=Delivery.Kind.CYBERTIPLINE,
        destination=destination(),
    )


def send(delivery: Delivery, save: carriers.Save) -> carriers.Arrived:
    """Carry a ``cybertipline`` delivery, for ``CARRIER``."""
    referral = _referral(delivery)
    if lacking := missing():
        raise carriers.GiveUp(f"These settings are missing: {_list(lacking)}.")
    to = delivery.payload["destination"]
    try:
        package = packages.seal(actor=Actor.system("worker"), case_id=referral.case_id)
    except Refused as refusal:
        raise carriers.GiveUp(refusal.message) from None
    files = unpack(package.data).files
    _check(files["cybertipline.xml"])
    with _client(_HOST_OF[to]) as client:
        filing = Filing(
            client,
            files,
            Progress.of_json(delivery.progress),
            lambda progress: save(progress.as_json()),
        )
        try:
            report_id = filing.run()
        except Answered as answer:
            if answer.code in _HOPELESS:
                raise carriers.GiveUp(f"{answer} {_HOPELESS[Code(answer.code)]}") from None
            raise carriers.TryAgain(str(answer)) from None
        except CyberTiplineError as error:
            raise carriers.TryAgain(str(error)) from None
    # What the test host has is a rehearsal: the referral still waits for the real one.
    return carriers.Arrived("" if to == Destination.NCMEC_TEST else to, str(report_id))


def obstacle(delivery: Delivery) -> str:
    """Why a referral may not be filed any more; "" where it may."""
    found = Referral.objects.filter(deliveries=delivery).values_list("state", flat=True)
    if found.get() != ReferralState.APPROVED:
        return "The referral is not approved any longer, or was sent on another way."
    return ""


def arrived(actor: Actor, delivery: Delivery, arrived: carriers.Arrived) -> str:
    """Let the referral know that it was sent; a remark where that does not fit any more."""
    referral = _referral(delivery)
    if not arrived.destination:
        record(
            actor=actor,
            verb="referral.rehearse",
            target=target(referral.case),
            after={"delivery": delivery.pk, "receipt": arrived.receipt},
        )
        return ""
    try:
        referrals.mark_sent(
            actor=actor,
            referral_id=referral.pk,
            destination=arrived.destination,
            receipt=arrived.receipt,
        )
    except Refused as refusal:
        return f"It has arrived, although somebody recorded it otherwise. {refusal.message}"
    return ""


CARRIER = carriers.Carrier(
    send=send,
    obstacle=obstacle,
    arrived=arrived,
    topic="referral",
    needs=Capability.DECIDE_ESCALATIONS,
)


def _referral(delivery: Delivery) -> Referral:
    if delivery.referral is None:
        raise ValueError("This delivery carries no referral.")
    return delivery.referral


def _client(host: str) -> Client:
    return Client(HOSTS[host], settings.CYBERTIPLINE_USERNAME, settings.CYBERTIPLINE_PASSWORD)


def _check(xml: bytes) -> None:
    """What NCMEC would refuse is not sent at all. Raises GiveUp."""
    root: Any = etree.fromstring(xml)
    found = breaches(root, datetime.now(UTC))
    if schema_file().exists():
        found += _held_against_schema(root)
    if found:
        raise carriers.GiveUp(f"cybertipline.xml would be refused: {found[0][:300]}")


def _held_against_schema(root: Any) -> list[str]:
    """What breaks NCMEC's own schema. Raises GiveUp where the kept file is none."""
    try:
        schema = etree.XMLSchema(etree.parse(schema_file()))
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError):
        raise carriers.GiveUp(
            f"{schema_file().name} is no schema. Fetch it again: "
            "manage.py cybertipline --fetch-schema."
        ) from None
    schema.validate(root)
    # Not the message, which quotes the value.
    return [f"line {e.line}: {e.path} breaks {e.type_name}" for e in schema.error_log]


def _list(names: list[str]) -> str:
    return ", ".join(names)
