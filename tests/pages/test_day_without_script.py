"""The whole day of each role with script off: real pages, their own forms, nothing else."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import ImportBatch
from accounts.tasks import import_batch
from audit.actors import Actor
from audit.models import Entry
from moderation.domain.transitions import State
from moderation.models import BulkJob, Case, Referral
from moderation.package.archive import unpack
from moderation.services import bulk_decisions, packages
from signals.models import Run, ThresholdSet
from signals.services import active_thresholds
from staff.models import ApiKey, User
from tests.conftest import PASSWORD
from tests.moderation import factories
from tests.pages import stories
from tests.pages.walking import Walker, sign_in, value_of

pytestmark = pytest.mark.django_db


def test_a_moderator_s_day(moderator: User, moderator2: User) -> None:
    first, second, third = stories.coach(children=4), stories.coach(), stories.coach()
    day = sign_in(moderator)
    assert day.heading == "Queue"

    # Finds a case, claims it from the list, reads it to the bottom
    day.enter("Severity", "high").press("Filter")
    day.follow("Clear the filters").press("Claim", within=f"case-{first.pk}")
    assert day.heading == first.reference
    day.follow("Show the rows")
    assert "friend request" in day.text.lower()
    day.follow("Show the table")
    assert "Child A, 13–15" in day.text
    day.enter("As it was at the end of", "2026-03-02").press("Show")
    assert "As it was at the end of 2 March 2026." in day.text
    day.follow("Show all of it")

    # Sees names with a reason, and hides them again
    assert "Name Of First" not in day.text
    day.tick("To check a recorded age", of="do-reveal")
    day.press("Reveal the names")
    assert "Name Of First" in day.text
    day.press("Hide the names")
    assert "Name Of First" not in day.follow("Show the table").text

    # Leaves a note, keeps a draft, decides, takes it back
    day.enter("Note", "Asked the club.", of="do-note").press("Save the note")
    assert "Asked the club." in day.text
    day.press("Extend")
    day.enter("Summary", "A class of children.", of="do-escalate")
    day.press("Keep as a draft", within="do-escalate")
    day.go(day.url)
    assert value_of(day.page.get_element_by_id("escalate_note")) == "A class of children."
    day.press("Dismiss", within="do-dismiss", status=422)
    assert "Choose the reason for the dismissal." in day.text
    _dismiss(day, "Family of the children").press("Dismiss", within="do-dismiss")
    first.refresh_from_db()
    assert first.state == State.DISMISSED
    day.go(f"/cases/{first.reference}/").press("Take it back")
    first.refresh_from_db()
    assert first.state == State.IN_REVIEW

    # Escalates and goes on to the next, skips that one, decides the rest together
    day.tick("Critical", of="do-escalate").enter("Summary", "A class of children.")
    day.enter("What do you ask for", "Refer it.").press("Escalate and next")
    assert day.heading in (second.reference, third.reference)
    day.press("Skip")
    assert "is left to others." in day.text
    day.press("Release")
    day.go("/queue/")
    day.tick(f"Choose {second.reference}").tick(f"Choose {third.reference}")
    day.press("Decide the ticked together")
    assert "All of them would be decided" in day.text
    day.tick("Monitor").enter("Note", "One team.").press("Decide 2 cases")
    bulk_decisions.run(BulkJob.objects.get().pk)
    assert "All have had their turn. 2 are" in day.follow("Look again").text
    assert set(Case.objects.values_list("state", flat=True)) == {
        State.ESCALATED, State.MONITORING,
    }  # fmt: skip

    # Looks after themselves, and goes home
    day.follow("Your shift").tick("Cases of critical").press("Save")
    day.follow("Preferences").tick("Dark").press("Save")
    day.follow("Help")
    assert "talk" in day.text
    day.follow("Your shift").press("End my shift")
    assert day.heading == "Your shift has ended"
    assert day.press("Sign out").heading


def test_a_supervisor_s_day(moderator: User, supervisor: User, supervisor2: User) -> None:
    referred, returned = factories.escalated(moderator), factories.escalated(moderator)
    own = factories.escalated(supervisor)
    day = sign_in(supervisor)
    assert day.heading == "Escalations"
    assert "You escalated it: another supervisor decides." in day.text

    day.follow(returned.reference).enter("Your question", "Which club?")
    day.press("Return", within="do-return")
    returned.refresh_from_db()
    assert returned.state == State.OPEN
    assert "Another supervisor must decide this" in day.go(f"/cases/{own.reference}/").text

    # Refers, after a wrong password too
    day.go("/escalations/").follow(referred.reference)
    day.enter("Why you refer it", "The pattern and the reports agree.").press("Continue")
    day.enter("Your password", "wrong").press("Refer to the police", status=422)
    day.enter("Your password", PASSWORD).press("Refer to the police")
    packages.seal_approved(actor=Actor.system("worker"))

    # Takes the package, fills in the portal's form, records what comes back
    day.go("/referrals/").follow(referred.reference).press("Download the package")
    assert "report.pdf" in unpack(b"".join(_content(day))).files
    day.go(f"/referrals/{referred.reference}/").follow("Fill in the NCA's form")
    day.tick("Priority 1").enter("Reference that", "NCA-2026-17").press("Record it as sent")
    day.enter("Their words", "Taken on.").press("Record it", within="step-acknowledge")
    day.tick("A child was safeguarded").enter("How you know", "Their letter.")
    day.press("Record it", within="step-outcome")
    referral = Referral.objects.get()
    assert (referral.state, referral.receipt) == ("acknowledged", "NCA-2026-17 (priority 1)")

    # Sets a hold, looks at the outbox, at exemptions and at second looks
    day.follow("Set a police hold").enter("Reason", "Asked by the police.").press("Set the hold")
    day.go(f"/cases/{referred.reference}/hold/").enter("Reason", "Closed.").press("Lift the hold")
    for address in ("/outbox/", "/exemptions/", "/second-looks/", "/queue/?view=decided"):
        day.go(address)


@pytest.mark.django_db(transaction=True)  # imports and runs have connections of their own
def test_an_admin_s_day(admin: User, admin2: User) -> None:
    active_thresholds()
    day = sign_in(admin)

    # Adds somebody, changes the role, takes the access away and gives it back
    day.go("/staff/").follow("Add a person")
    day.enter("Name", "New Person").enter("E-mail address", "new@team.example")
    day.tick("Moderator").enter("Password", PASSWORD).press("Add")
    day.go("/staff/").follow("New Person").tick("Auditor").press("Change role")
    day.press("Deactivate").press("Give access back")
    assert User.objects.get(email="new@team.example").role == "auditor"

    # Imports, and starts a run
    accounts = "account_id,birth_year\na1,1980\na2,2012\na3,20x2\n"
    day.go("/imports/").attach("Files", SimpleUploadedFile("accounts.csv", accounts.encode()))
    day.press("Upload and import")
    import_batch(ImportBatch.objects.get().pk)
    assert "1 row was rejected" in day.go(day.url).text
    day.follow("Download all")
    assert b"20x2" in b"".join(_content(day))
    day.go("/runs/").tick("Compute even if").press("Start")
    run = Run.objects.latest("pk")
    day.go(f"/runs/{run.pk}/").press("Cancel this run")
    run.refresh_from_db()
    assert run.state == "cancelled"

    # Proposes a threshold; another admin approves it
    day.go("/thresholds/").follow("Propose a change")
    day.enter("Open a case at", "190").enter("Why", "Fewer cases a day.")
    day.press("Propose this version")
    version = ThresholdSet.objects.latest("version")
    second = sign_in(admin2).go("/thresholds/").press(f"Approve version {version.version}")
    assert f"Version {version.version}, in force since" in second.text

    # Keys, limits of a shift, deadlines
    day.go("/keys/").follow("Make a key").enter("Name", "Platform").tick("Send accounts")
    day.press("Make the key")
    assert "Copy it now." in day.text
    day.follow("To the list of keys").follow("Revoke")
    assert "This cannot be undone" in day.text
    day.press("Revoke the key")
    assert ApiKey.objects.get().revoked_at is not None
    day.go("/care/").enter("Cases in a shift", "30").press("Set the limits")
    day.go("/deadlines/").enter("Why", "As agreed.").press("Set")
    assert "The deadlines are set" in day.text


def test_an_auditor_s_day(moderator: User, auditor: User) -> None:
    case = factories.escalated(moderator)
    day = sign_in(auditor)
    assert day.heading == "Audit trail"
    day.enter("About", f"case:{case.reference}").press("Search")
    assert "escalated the case" in day.text
    for form in ("CSV", "JSON lines", "With proof"):
        day.press(form)
        assert case.reference.encode() in b"".join(_content(day))
    day.go("/audit/").press("Verify now")
    day.follow("Public key")
    assert Entry.objects.filter(verb="audit.export").count() == 3


def _dismiss(day: Walker, reason: str) -> Walker:
    return day.tick(reason, of="do-dismiss").enter("Note", "Their uncle.", of="do-dismiss")


def _content(day: Walker) -> list[bytes]:
    """What was downloaded."""
    answer = day.response
    return list(answer) if answer.streaming else [answer.content]  # type: ignore[attr-defined]
