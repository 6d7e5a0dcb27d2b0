"""Age checks: asked for, sent signed, answered by hand or by an import, or taken back in time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from audit.actors import Actor
from audit.models import Entry
from moderation.errors import AgeAsked, CannotUndo, InvalidDecision, NoAgeCheck
from moderation.models import AgeCheck, Case, Delivery, Draft
from moderation.selectors.age_checks import why_not
from moderation.services import age_checks, claims, erasure, holds, outbox, undo, upkeep
from staff.errors import Refused
from staff.models import User
from tests.moderation import factories
from tests.moderation.sql import intruding, refused

pytestmark = pytest.mark.django_db

WORKER = Actor.system("worker")
SECRET = "whsec_" + "c2lnaHRsaW5lIHRlc3Qgc2VjcmV0IQ=="


class Platform:
    """The platform's own server: keeps what arrives, and answers with ``status``."""

    def __init__(self) -> None:
        self.status = 204
        self.requests: list[tuple[dict[str, str], bytes]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                platform.requests.append((dict(self.headers), body))
                self.send_response(platform.status)
                if platform.status == 302:
                    self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)


@pytest.fixture
def platform(settings: Any) -> Iterator[Platform]:
    """At the address in the settings, which is one inside the house on purpose."""
    made = Platform()
    made.thread.start()
    settings.WEBHOOK_URL = f"http://localhost:{made.server.server_port}/sightline"
    settings.WEBHOOK_SECRET, settings.WEBHOOK_INTERNAL = SECRET, True
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def _later(**time: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**time), tick=False)


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _undo(case: Case, who: User) -> Case:
    return undo.undo(actor=Actor.of_user(who), case_id=case.pk, version=case.version)


def _sent(case: Case, **later: float) -> Delivery:
    """The request after the worker's next round, ten minutes on."""
    with _later(**(later or {"minutes": 10})):
        outbox.deliver_due(actor=WORKER)
    return Delivery.objects.get(age_check__case=case)


def test_the_case_waits_and_the_request_leaves_when_it_can_no_longer_be_taken_back(
    moderator: User, platform: Platform
) -> None:
    account = factories.account(account_id="acct-9", display_name="Invented Name")
    case = factories.asked_for_age(moderator, account)
    assert (case.state, case.holder) == ("monitoring", None)
    outbox.deliver_due(actor=WORKER)
    assert platform.requests == [], "it can still be taken back"

    delivery = _sent(case)

    assert (delivery.state, delivery.attempts) == ("done", 1)
    ((_, body),) = platform.requests
    check = AgeCheck.objects.get()
    assert json.loads(body) == {
        "type": "age_check.requested",
        "timestamp": check.asked_at.isoformat(),
        "data": {
            "age_check": check.pk,
            "account_id": "acct-9",
            "answer_by": check.until.isoformat(),
        },
    }
    verbs = list(Entry.objects.filter(verb__startswith="age_check.").values_list("verb", flat=True))
    assert set(verbs) == {"age_check.ask", "age_check.send"}


def test_it_is_signed_and_keeps_its_number_on_each_attempt(
    moderator: User, platform: Platform
) -> None:
    case = factories.asked_for_age(moderator)
    platform.status = 500
    failed = _sent(case)
    assert (failed.state, failed.last_error) == (
        "waiting",
        "The platform answered with status 500.",
    )
    platform.status = 302
    assert "302" in _sent(case, minutes=20).last_error, "a redirect is not followed"
    platform.status = 204
    assert _sent(case, minutes=40).state == "done"
    headers = [_lower(sent) for sent, _ in platform.requests]
    assert {given["webhook-id"] for given in headers} == {
        f"age_check-requested:{AgeCheck.objects.get().pk}"
    }
    assert len({body for _, body in platform.requests}) == 1
    for given, (_, body) in zip(headers, platform.requests, strict=True):
        with time_machine.travel(int(given["webhook-timestamp"]), tick=False):
            assert Webhook(SECRET).verify(body.decode(), given)


def test_nobody_sends_it_while_it_can_still_be_taken_back(
    moderator: User, supervisor: User, platform: Platform
) -> None:
    case = factories.asked_for_age(moderator)
    delivery = Delivery.objects.get()
    with pytest.raises(Refused, match="can be taken back"):
        outbox.retry(actor=Actor.of_user(supervisor), delivery_id=delivery.pk)
    outbox.deliver_due(actor=WORKER)
    assert platform.requests == []
    platform.status = 500
    assert _sent(case).state == "waiting"
    with _later(minutes=11):
        outbox.retry(actor=Actor.of_user(supervisor), delivery_id=delivery.pk)


def test_an_address_that_is_gone_needs_a_person(moderator: User, platform: Platform) -> None:
    platform.status = 410
    given_up = _sent(factories.asked_for_age(moderator))
    assert (given_up.state, given_up.attempts) == ("dead", 1)
    assert "receives nothing any more" in given_up.last_error
    assert Entry.objects.filter(verb="age_check.undelivered").count() == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://127.0.0.1/x", "an internal address"),
        ("https://[::1]/x", "an internal address"),
        ("http://192.0.2.1/x", "must begin with https"),
    ],
)
def test_nothing_is_sent_into_the_house_by_mistake(
    moderator: User, settings: Any, url: str, says: str
) -> None:
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = url, SECRET
    given_up = _sent(factories.asked_for_age(moderator))
    assert given_up.state == "dead"
    assert says in given_up.last_error


@pytest.mark.parametrize("secret", ["", "whsec_x"])
def test_without_a_good_secret_it_says_which_setting_is_missing(
    moderator: User, platform: Platform, settings: Any, secret: str
) -> None:
    settings.WEBHOOK_SECRET = secret
    given_up = _sent(factories.asked_for_age(moderator))
    assert "SIGHTLINE_WEBHOOK_SECRET" in given_up.last_error
    assert platform.requests == []


def test_without_an_address_a_person_asks(moderator: User) -> None:
    case = factories.asked_for_age(moderator)
    assert not Delivery.objects.exists()
    assert AgeCheck.objects.get().case == case


@pytest.mark.parametrize(
    ("born", "answer"), [({}, "adult"), ({"birth_date": None, "age_band": "13_15"}, "minor")]
)
def test_an_import_answers_and_the_case_comes_back(
    moderator: User, born: dict[str, Any], answer: str
) -> None:
    case = factories.asked_for_age(moderator)
    assert age_checks.settle(actor=WORKER) == 0
    factories.verify_age(case, **born)
    assert age_checks.settle(actor=WORKER) == 1
    case.refresh_from_db()
    assert (case.state, case.monitor_until) == ("open", None)
    check = AgeCheck.objects.get()
    assert (check.answer, check.answered_by) == (answer, None)
    resumed = Entry.objects.get(verb="case.resume")
    assert resumed.reason == "the age check was answered"
    assert age_checks.settle(actor=WORKER) == 0


def test_a_verified_account_without_an_age_answers_nothing(moderator: User) -> None:
    case = factories.asked_for_age(moderator)
    factories.verify_age(case, birth_date=None, age_band="unknown")
    assert age_checks.settle(actor=WORKER) == 0
    assert AgeCheck.objects.get().answered_at is None


def _answer(case: Case, who: User, **given: Any) -> Case:
    words: dict[str, Any] = {"answer": "not_established", "note": "They wrote on Monday."}
    return age_checks.answer(actor=Actor.of_user(who), case_id=case.pk, **(words | given))


def test_anybody_on_cases_records_the_answer_by_hand(
    moderator: User, moderator2: User, platform: Platform
) -> None:
    case = factories.asked_for_age(moderator)
    with pytest.raises(InvalidDecision) as wrong:
        _answer(case, moderator2, answer="perhaps", note=" ")
    assert set(wrong.value.errors) == {"answer", "note"}
    assert _answer(case, moderator2).state == "open"
    check = AgeCheck.objects.get()
    assert (check.answer, check.answered_by) == ("not_established", moderator2)
    assert _sent(case).state == "withdrawn", "nobody needs to be asked any more"
    assert platform.requests == []
    with pytest.raises(NoAgeCheck):
        _answer(case, moderator2)


def test_an_answer_leaves_a_case_alone_that_went_on_without_it(
    moderator: User, moderator2: User
) -> None:
    case = factories.asked_for_age(moderator)
    with _later(days=15):
        upkeep.resume_monitored(actor=WORKER)
        dismissed = factories.dismiss(moderator2, Case.objects.get(pk=case.pk))
        assert _answer(dismissed, moderator).state == "dismissed"
    assert AgeCheck.objects.get().answer == "not_established"


def test_neither_twice_nor_where_the_age_is_known(moderator: User) -> None:
    known = factories.account(age_source="verified")
    with pytest.raises(AgeAsked, match="verified the recorded age already"):
        factories.asked_for_age(moderator, known)
    case = factories.asked_for_age(moderator)
    with _later(days=15):
        upkeep.resume_monitored(actor=WORKER)
        held = claims.claim(actor=Actor.of_user(moderator), case_id=case.pk)
        with pytest.raises(AgeAsked, match="waits for its answer"):
            age_checks.ask(
                actor=Actor.of_user(moderator),
                case_id=held.pk,
                version=held.version,
                until=timezone.localdate() + timedelta(days=1),
                note="Again.",
            )


def test_under_a_police_hold_nothing_is_asked_about_the_account(
    moderator: User, supervisor: User, platform: Platform
) -> None:
    asked, other = factories.asked_for_age(moderator), factories.held(moderator)
    assert not why_not(other.account, None)
    actor = Actor.of_user(supervisor)
    for case in (asked, other):
        holds.set_hold(actor=actor, case_id=case.pk, reason="Operation Heron.")
    assert "police hold" in why_not(other.account, None)
    with pytest.raises(AgeAsked, match="police hold"):
        age_checks.ask(
            actor=Actor.of_user(moderator),
            case_id=other.pk,
            version=other.version,
            until=timezone.localdate() + timedelta(days=1),
            note="The ties look like a child's.",
        )

    given_up = _sent(asked)
    assert (given_up.state, platform.requests) == ("dead", [])
    assert "police hold stands" in given_up.last_error
    with _later(minutes=15):
        again = outbox.retry(actor=actor, delivery_id=given_up.pk)
        outbox.deliver_due(actor=WORKER)
        assert Delivery.objects.get(pk=again.pk).state == "dead"
        holds.lift_hold(actor=actor, case_id=asked.pk, reason="Operation Heron ended.")
        outbox.retry(actor=actor, delivery_id=given_up.pk)
        outbox.deliver_due(actor=WORKER)
    assert len(platform.requests) == 1


def test_taken_back_before_it_left_it_never_leaves(
    moderator: User, supervisor: User, platform: Platform
) -> None:
    case = factories.asked_for_age(moderator)
    with _later(minutes=9):
        back = _undo(case, moderator)
    assert back.state == "in_review"
    assert Draft.objects.get().form == "age_check"
    assert AgeCheck.objects.get().withdrawn_at is not None
    assert Entry.objects.filter(verb="age_check.withdraw").count() == 1
    assert _sent(case).state == "withdrawn"
    assert platform.requests == []
    with pytest.raises(Refused, match="taken back before it left"):
        outbox.retry(actor=Actor.of_user(supervisor), delivery_id=Delivery.objects.get().pk)


@pytest.mark.parametrize(("status", "says"), [(204, "went to the platform"), (500, "may have")])
def test_what_left_or_may_have_left_is_not_taken_back(
    moderator: User, platform: Platform, status: int, says: str
) -> None:
    """A worker whose clock is ahead sends it within the ten minutes."""
    platform.status = status
    case = factories.asked_for_age(moderator)
    Delivery.objects.update(next_attempt_at=timezone.now())
    outbox.deliver_due(actor=WORKER)
    assert len(platform.requests) == 1
    with pytest.raises(CannotUndo, match=says):
        _undo(case, moderator)
    case.refresh_from_db()
    assert case.state == "monitoring"
    assert AgeCheck.objects.get().withdrawn_at is None


@pytest.mark.django_db(transaction=True)
def test_a_request_that_a_worker_is_just_taking_is_not_taken_back(
    moderator: User, platform: Platform
) -> None:
    case = factories.asked_for_age(moderator)
    refusals: list[str] = []

    def take_back() -> None:
        try:
            _undo(case, moderator)
        except CannotUndo as refusal:
            refusals.append(refusal.message)
        finally:
            connection.close()

    thread = threading.Thread(target=take_back)
    with intruding() as worker:
        worker.run(
            "UPDATE moderation_delivery SET state = 'sending', token = gen_random_uuid(),"
            " taken_until = now() + interval '5 minutes', last_attempt_at = now()"
        )
        thread.start()
        worker.wait_until_blocked()
    thread.join()
    assert len(refusals) == 1
    assert "it may have arrived" in refusals[0]
    assert AgeCheck.objects.get().withdrawn_at is None


def test_what_somebody_wrote_about_the_answer_goes_with_the_case(moderator: User) -> None:
    case = _answer(factories.asked_for_age(moderator), moderator)
    case = factories.dismiss(moderator, case)
    with _later(days=181):
        assert erasure.erase_case(actor=WORKER, case_id=case.pk)
    assert AgeCheck.objects.get().note == "(removed)"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM moderation_agecheck", "is refused"),
        ("UPDATE moderation_agecheck SET until = until + 1", "nothing else changes"),
        (
            "UPDATE moderation_agecheck SET answer = 'adult', answered_at = now()",
            "audit trail does not tell",
        ),
        ("UPDATE moderation_agecheck SET withdrawn_at = now()", "audit trail does not tell"),
        (
            (
                "INSERT INTO moderation_agecheck (case_id, account_id, decision_id, until,"
                " asked_by_id, asked_at) SELECT case_id, account_id + 1, decision_id, until,"
                " asked_by_id, now() FROM moderation_agecheck"
            ),
            "a decision of this person",
        ),
        ("UPDATE moderation_delivery SET age_check_id = NULL", "never changes"),
    ],
)
def test_sql_neither_invents_nor_answers_one(
    moderator: User, platform: Platform, statement: str, says: str
) -> None:
    factories.asked_for_age(moderator)
    with refused(says) as intruder:
        intruder.run(statement)
