"""The outbox: asked for once, tried until it is there, given up on in plain sight."""

from __future__ import annotations

import hashlib
import signal
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from audit import verbs
from audit.actors import Actor
from audit.models import Entry
from moderation.cybertipline.client import HOSTS, Answered
from moderation.errors import OnItsWay
from moderation.models import Delivery, Referral, SealedPackage
from moderation.package.archive import pack
from moderation.selectors.outbox import under_way
from moderation.services import carriers, filing, outbox, referrals
from staff.errors import NotAllowed, Refused
from staff.models import User
from staff.services import deactivate
from tests.moderation import factories
from tests.moderation.package.cybertip_stub import PASSWORD, SCHEMA, USER, Stub, serve
from tests.moderation.package.file_and_die import file_and_die
from tests.moderation.package.test_filing import FILES
from tests.moderation.sql import refused
from tests.support.elsewhere import elsewhere

pytestmark = pytest.mark.django_db

WORKER = Actor.system("worker")
BY_HAND = {"destination": "nca", "receipt": "NCA-7"}


@pytest.fixture
def stub(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """NCMEC's server, at both addresses, with credentials that it knows."""
    settings.CYBERTIPLINE_USERNAME, settings.CYBERTIPLINE_PASSWORD = USER, PASSWORD
    settings.CYBERTIPLINE_HOST = "production"
    settings.REPORTER_EMAIL = "safety@example.com"
    server = Stub()
    with serve(server) as address:
        for host in HOSTS:
            monkeypatch.setitem(HOSTS, host, address)
        yield server


@pytest.fixture
def referral(moderator: User, supervisor: User) -> Referral:
    """Approved, with a package that is sealed already."""
    referral = factories.referred(moderator, supervisor).referral
    _seal(referral, FILES)
    return referral


def _seal(referral: Referral, files: dict[str, bytes]) -> None:
    data = pack(files)
    SealedPackage.objects.create(
        referral=referral,
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        sealed_at=timezone.now(),
    )


@pytest.fixture
def delivery(referral: Referral, supervisor: User, stub: Stub) -> Delivery:
    return filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk)


def _deliver(delivery: Delivery) -> Delivery:
    """One attempt, whatever the time of the next one."""
    Delivery.objects.filter(pk=delivery.pk, state="waiting").update(next_attempt_at=timezone.now())
    outbox.deliver(actor=WORKER, delivery_id=delivery.pk)
    return Delivery.objects.get(pk=delivery.pk)


def test_a_referral_is_filed_and_says_so(delivery: Delivery, stub: Stub) -> None:
    done = _deliver(delivery)
    assert (done.state, done.attempts, stub.filed) == ("done", 1, [int(done.receipt)])
    referral = Referral.objects.get(deliveries=done)
    assert (referral.state, referral.destination, referral.receipt) == (
        "sent",
        "ncmec",
        done.receipt,
    )
    assert Entry.objects.filter(verb="referral.send", actor="system:worker").count() == 1


def test_the_package_is_sealed_on_the_way_where_it_was_not(
    moderator: User, supervisor: User, stub: Stub
) -> None:
    account = factories.account()
    factories.event(account, factories.child())
    case = factories.referred(moderator, supervisor, account)
    delivery = filing.file(actor=Actor.of_user(supervisor), referral_id=case.referral.pk)
    number = int(_deliver(delivery).receipt)
    assert b"<report" in stub.reports[number].xml
    assert SealedPackage.objects.filter(referral=case.referral).exists()


def test_asking_twice_is_asking_once(
    delivery: Delivery, referral: Referral, supervisor2: User, stub: Stub
) -> None:
    again = filing.file(actor=Actor.of_user(supervisor2), referral_id=referral.pk)
    assert again.pk == delivery.pk
    _deliver(delivery)
    assert outbox.deliver(actor=WORKER, delivery_id=delivery.pk) is None
    assert filing.file(actor=Actor.of_user(supervisor2), referral_id=referral.pk).state == "done"
    assert len(stub.filed) == 1


def test_a_failure_is_seen_at_once_and_tried_again_later(delivery: Delivery, stub: Stub) -> None:
    stub.failing["submit"] = [1000]
    failed = _deliver(delivery)
    assert (failed.state, failed.attempts) == ("waiting", 1)
    assert failed.last_error == ("NCMEC answered 1000 to submit: server error, Request-ID stub-1.")
    wait = failed.next_attempt_at - timezone.now()
    assert timedelta(seconds=5) < wait <= timedelta(seconds=20)
    assert outbox.deliver(actor=WORKER, delivery_id=delivery.pk) is None  # not due
    assert _deliver(delivery).state == "done"
    assert len(stub.filed) == 1


def test_after_a_day_a_person_must_look_and_may_ask_again(
    delivery: Delivery, referral: Referral, supervisor2: User, stub: Stub
) -> None:
    stub.failing["submit"] = [1000] * 3
    Delivery.objects.update(attempts=27)
    for _ in range(3):
        failed = _deliver(delivery)
    assert (failed.state, failed.attempts) == ("dead", 30)
    assert "Tried 30 times" in failed.last_error
    assert Entry.objects.filter(verb="referral.undelivered").count() == 1
    assert outbox.deliver_due(actor=WORKER) == 0
    with pytest.raises(Refused, match="Look in the outbox"):
        filing.file(actor=Actor.of_user(supervisor2), referral_id=referral.pk)
    again = outbox.retry(actor=Actor.of_user(supervisor2), delivery_id=delivery.pk)
    assert (again.state, again.attempts, again.asked_by) == ("waiting", 0, supervisor2)
    assert outbox.deliver_due(actor=WORKER) == 1
    assert len(stub.filed) == 1
    with pytest.raises(Refused, match="delivered"):
        outbox.retry(actor=Actor.of_user(supervisor2), delivery_id=delivery.pk)


def test_wrong_credentials_are_not_tried_thirty_times(
    delivery: Delivery, settings: Any, stub: Stub
) -> None:
    settings.CYBERTIPLINE_PASSWORD = "wrong"
    failed = _deliver(delivery)
    assert (failed.state, failed.attempts) == ("dead", 1)
    assert "Check CYBERTIPLINE_USERNAME" in failed.last_error


def test_permission_and_state_are_asked_again(
    delivery: Delivery, referral: Referral, supervisor: User, supervisor2: User, stub: Stub
) -> None:
    deactivate(actor=Actor.system("command"), user_id=supervisor.pk)
    failed = _deliver(delivery)
    assert (failed.state, stub.asked) == ("dead", [])
    assert "may no longer do so" in failed.last_error
    outbox.retry(actor=Actor.of_user(supervisor2), delivery_id=delivery.pk)
    referrals.mark_sent(actor=WORKER, referral_id=referral.pk, **BY_HAND)
    failed = _deliver(delivery)
    assert (failed.state, stub.asked) == ("dead", [])
    assert "sent on another way" in failed.last_error


def test_nothing_is_handed_over_by_hand_while_it_is_on_its_way(
    delivery: Delivery, referral: Referral, supervisor: User
) -> None:
    by = Actor.of_user(supervisor)
    with pytest.raises(OnItsWay, match="Stop that first"):
        referrals.mark_sent(actor=by, referral_id=referral.pk, **BY_HAND)
    held = {"state": "sending", "token": uuid.uuid4(), "taken_until": timezone.now()}
    free = {"state": "waiting", "token": None, "taken_until": None}
    Delivery.objects.update(**held)
    with pytest.raises(OnItsWay, match="being sent"):
        referrals.mark_sent(actor=by, referral_id=referral.pk, **BY_HAND)
    with pytest.raises(OnItsWay, match="being sent"):
        referrals.stop_sending(actor=by, referral_id=referral.pk)
    Delivery.objects.update(**free)
    referrals.stop_sending(actor=by, referral_id=referral.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == ("dead", "A supervisor stopped it.")
    with pytest.raises(Refused, match="not on its way"):
        referrals.stop_sending(actor=by, referral_id=referral.pk)
    assert referrals.mark_sent(actor=by, referral_id=referral.pk, **BY_HAND).state == "sent"


def test_a_rehearsal_keeps_nobody_from_handing_it_over(
    referral: Referral, supervisor: User, settings: Any, stub: Stub
) -> None:
    settings.CYBERTIPLINE_HOST = "test"
    by = Actor.of_user(supervisor)
    filing.file(actor=by, referral_id=referral.pk)
    assert referrals.mark_sent(actor=by, referral_id=referral.pk, **BY_HAND).state == "sent"


def test_a_rehearsal_that_cannot_be_delivered_keeps_nobody_from_filing(
    referral: Referral, supervisor: User, settings: Any, stub: Stub
) -> None:
    settings.CYBERTIPLINE_HOST = "test"
    by = Actor.of_user(supervisor)
    stub.failing["submit"] = [1000]
    rehearsal = _deliver(filing.file(actor=by, referral_id=referral.pk))
    assert rehearsal.state == "waiting"
    settings.CYBERTIPLINE_HOST = "production"
    real = filing.file(actor=by, referral_id=referral.pk)
    assert real.pk != rehearsal.pk
    assert list(under_way(referral)) == [real]
    settings.CYBERTIPLINE_HOST = "test"
    assert _deliver(real).state == "done"
    assert Referral.objects.get().destination == "ncmec"
    assert _deliver(rehearsal).state == "dead"
    assert len(stub.filed) == 1


def test_a_clock_that_was_set_back_keeps_nothing_waiting(delivery: Delivery, stub: Stub) -> None:
    """What was tried this evening, by a clock that ran ahead, is tried again this morning."""
    stub.failing["submit"] = [1000]
    with time_machine.travel(timezone.now() + timedelta(hours=9), tick=False):
        assert outbox.deliver(actor=WORKER, delivery_id=delivery.pk) is not None
    assert Delivery.objects.get().state == "waiting"
    assert outbox.deliver_due(actor=WORKER) == 1
    assert Delivery.objects.get().state == "done"


def test_a_worker_that_died_before_the_clock_was_set_back_is_replaced(
    delivery: Delivery, stub: Stub
) -> None:
    evening = timezone.now() + timedelta(hours=9)
    Delivery.objects.update(
        state="sending",
        token=uuid.uuid4(),
        last_attempt_at=evening,
        taken_until=evening + outbox.HELD,
        attempts=1,
    )
    assert outbox.deliver_due(actor=WORKER) == 1
    assert (Delivery.objects.get().state, len(stub.filed)) == ("done", 1)


def test_no_rehearsal_is_asked_for_once_the_report_is_on_its_way(
    delivery: Delivery, supervisor: User, settings: Any
) -> None:
    settings.CYBERTIPLINE_HOST = "test"
    with pytest.raises(Refused, match="on its way"):
        filing.file(actor=Actor.of_user(supervisor), referral_id=delivery.referral_id or 0)


def test_every_kind_of_delivery_has_a_carrier_with_words_for_the_trail() -> None:
    for kind in Delivery.Kind:
        topic = carriers.carrier(kind).topic
        for verb in ("retry", "undelivered"):
            verbs.check(f"{topic}.{verb}")


def test_a_report_that_breaks_a_rule_never_leaves(
    moderator: User, supervisor: User, stub: Stub
) -> None:
    referral = factories.referred(moderator, supervisor).referral
    xml = FILES["cybertipline.xml"].replace(b"safety@example.com", b"safety")
    _seal(referral, FILES | {"cybertipline.xml": xml})
    failed = _deliver(filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk))
    assert (failed.state, stub.asked) == ("dead", [])
    assert "must be a well-formed email address" in failed.last_error


def test_the_test_host_is_a_rehearsal(
    referral: Referral, supervisor: User, settings: Any, stub: Stub
) -> None:
    settings.CYBERTIPLINE_HOST = "test"
    rehearsed = _deliver(filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk))
    referral.refresh_from_db()
    assert (rehearsed.state, referral.state) == ("done", "approved")
    settings.CYBERTIPLINE_HOST = "production"
    real = _deliver(filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk))
    referral.refresh_from_db()
    assert (real.state, referral.state) == ("done", "sent")


def test_nothing_is_asked_for_without_credentials_or_approval(
    referral: Referral, supervisor: User, settings: Any, stub: Stub
) -> None:
    settings.REPORTER_EMAIL = ""
    with pytest.raises(Refused, match="SIGHTLINE_REPORTER_EMAIL"):
        filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk)
    settings.REPORTER_EMAIL = "safety@example.com"
    referrals.mark_sent(
        actor=WORKER, referral_id=referral.pk, destination="download", receipt="by hand"
    )
    with pytest.raises(Refused, match="once only"):
        filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk)


@pytest.mark.parametrize("who", ["moderator", "admin", "auditor", "outsider"])
def test_supervisors_alone_ask_and_repeat(
    who: str, delivery: Delivery, referral: Referral, request: pytest.FixtureRequest
) -> None:
    actor = Actor.of_user(request.getfixturevalue(who))
    with pytest.raises(NotAllowed):
        filing.file(actor=actor, referral_id=referral.pk)
    with pytest.raises(NotAllowed):
        outbox.retry(actor=actor, delivery_id=delivery.pk)
    with pytest.raises(NotAllowed):
        outbox.deliver(actor=actor, delivery_id=delivery.pk)


def test_the_command_asks_and_fetches_the_schema(
    stub: Stub, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SCHEMAS_DIR = tmp_path / "schemas"
    call_command("cybertipline", fetch_schema=True)
    assert "answers: Remote User : usr123" in capsys.readouterr().out
    assert filing.schema_file().read_bytes() == SCHEMA
    settings.CYBERTIPLINE_PASSWORD = "wrong"
    with pytest.raises(CommandError, match="2000"):
        call_command("cybertipline")
    settings.CYBERTIPLINE_PASSWORD = ""
    with pytest.raises(CommandError, match="Set these first: CYBERTIPLINE_PASSWORD"):
        call_command("cybertipline")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((503, b"<html><body>Down for maintenance</body></html>"), "cannot be read .HTTP 503."),
        ((200, b"<reportResponse><responseCode>0</responseCode></reportResponse>"), "no schema"),
    ],
)
def test_what_is_no_schema_is_not_kept(
    answer: tuple[int, bytes], says: str, stub: Stub, settings: Any, tmp_path: Path
) -> None:
    settings.SCHEMAS_DIR = tmp_path
    usual = stub.answer
    stub.answer = lambda method, path, *more: (  # type: ignore[method-assign]
        answer if path.endswith("xsd") else usual(method, path, *more)
    )
    with pytest.raises(CommandError, match=says):
        call_command("cybertipline", fetch_schema=True)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_schema_is_named(
    delivery: Delivery, stub: Stub, settings: Any, tmp_path: Path
) -> None:
    settings.SCHEMAS_DIR = tmp_path
    filing.schema_file().write_bytes(b"<html>Service Unavailable")
    failed = _deliver(delivery)
    assert (failed.state, stub.asked) == ("dead", [])
    assert "is no schema. Fetch it again" in failed.last_error


def test_what_stays_of_a_refusal_quotes_nothing_of_the_report(
    delivery: Delivery, stub: Stub, settings: Any, tmp_path: Path
) -> None:
    settings.SCHEMAS_DIR = tmp_path
    filing.schema_file().write_bytes(
        SCHEMA.replace(b'name="report"', b'name="report" type="xs:integer"')
    )
    failed = _deliver(delivery)
    assert (failed.state, stub.asked) == ("dead", [])
    assert "line 2: /report breaks SCHEMAV_CVC" in failed.last_error
    long = "cvc-datatype-valid.1.2.1: 'Lena Invented' is no 'date', line 14"
    answer = str(Answered(4100, long, "submit"))
    assert answer == (
        "NCMEC answered 4100 to submit: validation failed, cvc-datatype-valid.1.2.1, line 14."
    )
    assert "documentation does not have" in str(Answered(9999, "Lena Invented", "submit"))


def test_what_nobody_foresaw_is_seen_at_once_and_keeps_nothing_else_back(
    moderator: User, supervisor: User, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    rows = []
    for files in (FILES | {"cybertipline.xml": b"<report>Lena's"}, FILES):
        referral = factories.referred(moderator, supervisor).referral
        _seal(referral, files)
        rows.append(filing.file(actor=Actor.of_user(supervisor), referral_id=referral.pk))
    assert outbox.deliver_due(actor=WORKER) == 2
    for row in rows:
        row.refresh_from_db()
    assert [row.state for row in rows] == ["waiting", "done"]
    assert "Something unexpected went wrong (XMLSyntaxError)" in rows[0].last_error
    assert "in _check" in caplog.text
    assert "Lena" not in caplog.text + rows[0].last_error


# --- Workers that die, and workers side by side ---------------------------------------------------


def _silent_for(delivery: Delivery, time: timedelta) -> None:
    Delivery.objects.filter(pk=delivery.pk, state="sending").update(
        taken_until=timezone.now() + outbox.HELD - time
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("nth", "when"), [(1, "after"), (2, "after"), (6, "after")])
def test_a_worker_killed_with_kill_9_is_replaced(
    nth: int, when: str, delivery: Delivery, stub: Stub
) -> None:
    ended = elsewhere(file_and_die, delivery.pk, HOSTS["production"], nth, when)
    assert ended.status == -signal.SIGKILL
    assert Delivery.objects.get().state == "sending"
    assert outbox.deliver_due(actor=WORKER) == 0  # it may only be slow
    _silent_for(delivery, outbox.HELD)
    assert outbox.deliver_due(actor=WORKER) == 1
    after = Delivery.objects.get()
    assert (after.state, after.attempts) == ("done", 2)
    assert stub.filed == [int(after.receipt)]
    names = sorted(name for name, _ in stub.reports[int(after.receipt)].files.values())
    assert names == ["contacts.csv", "report.pdf"]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_file_once(delivery: Delivery, stub: Stub) -> None:
    found: list[Any] = []

    def work() -> None:
        found.append(outbox.deliver(actor=WORKER, delivery_id=delivery.pk))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in found) == 1
    assert len(stub.filed) == 1


def test_a_worker_that_wakes_up_late_writes_nothing(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch, stub: Stub
) -> None:
    """Its delivery was taken over and carried to the end while it slept in the middle."""
    usual = filing.CARRIER

    def sleepy(row: Delivery, save: carriers.Save) -> carriers.Arrived:
        monkeypatch.setitem(carriers._carriers, "cybertipline", usual)
        _silent_for(delivery, outbox.HELD)
        outbox.deliver(actor=WORKER, delivery_id=delivery.pk)
        return usual.send(row, save)

    monkeypatch.setitem(carriers._carriers, "cybertipline", replace(usual, send=sleepy))
    assert outbox.deliver(actor=WORKER, delivery_id=delivery.pk) is None
    assert len(stub.filed) == 1
    assert Delivery.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM moderation_delivery",
        "UPDATE moderation_delivery SET key = 'another'",
        "UPDATE moderation_delivery SET state = 'done', finished_at = now()",
        "UPDATE moderation_delivery SET payload = '{}'",
    ],
)
def test_sql_neither_removes_nor_redirects_nor_forges(statement: str, delivery: Delivery) -> None:
    with refused("is refused|Delivery refused") as intruder:
        intruder.run(statement)
