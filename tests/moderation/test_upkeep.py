"""Sweeps: dates that come, time that passes, and the schedule that runs them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.models import Entry
from config.celery import app, collect_schedule
from moderation import tasks
from moderation.services import upkeep
from staff.models import User
from tests.moderation import factories
from tests.moderation.scenarios import let_lapse, set_column

pytestmark = pytest.mark.django_db

SYSTEM = Actor.system("worker")


def test_a_monitored_case_comes_back_on_its_date_and_not_before(moderator: User) -> None:
    reached, ahead = factories.monitored(moderator), factories.monitored(moderator)
    set_column(reached, "monitor_until", timezone.localdate())
    set_column(ahead, "monitor_until", timezone.localdate() + timedelta(days=1))
    assert upkeep.resume_monitored(actor=SYSTEM) == 1
    assert upkeep.resume_monitored(actor=SYSTEM) == 0
    reached.refresh_from_db()
    ahead.refresh_from_db()
    assert (reached.state, reached.monitor_until) == ("open", None)
    assert reached.due_at - reached.waiting_since == timedelta(hours=72)
    assert ahead.state == "monitoring"


def test_the_time_waited_moves_a_case_up_without_touching_anything_else(moderator: User) -> None:
    waiting, fresh = factories.case(), factories.case()
    monitored = factories.monitored(moderator)
    for case in (waiting, monitored):
        set_column(case, "waiting_since", factories.ago(hours=36))
        set_column(case, "due_at", factories.ago(hours=-36))
    assert upkeep.reprioritise(actor=SYSTEM) == 1
    assert upkeep.reprioritise(actor=SYSTEM) == 0
    waiting.refresh_from_db()
    assert waiting.priority_factors["waiting"] == 40.0
    assert waiting.priority == fresh.priority + 40.0
    assert waiting.version == 1
    entry = Entry.objects.get(verb="case.reprioritise")
    assert (entry.target, entry.after) == ("queue:cases", {"cases": 1})


def test_overdue_cases_go_on_rising_to_a_limit() -> None:
    case = factories.case()
    set_column(case, "waiting_since", factories.ago(days=30))
    set_column(case, "due_at", factories.ago(days=27))
    upkeep.reprioritise(actor=SYSTEM)
    case.refresh_from_db()
    assert case.priority_factors["waiting"] == 240.0


def test_the_sweeps_are_scheduled_under_names_that_the_worker_knows(moderator: User) -> None:
    assert tasks.SCHEDULE.keys() <= collect_schedule().keys()
    lapsed, reached = factories.held(moderator), factories.monitored(moderator)
    let_lapse(lapsed)
    set_column(reached, "monitor_until", timezone.localdate())
    set_column(reached, "waiting_since", factories.ago(hours=50))
    done = {name: app.tasks[name].apply().get() for name in tasks.SCHEDULE}
    nothing = dict.fromkeys(tasks.SCHEDULE, 0)
    assert done == nothing | {"moderation.expire_leases": 1, "moderation.resume_monitored": 1}
