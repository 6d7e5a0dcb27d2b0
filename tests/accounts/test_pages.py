"""The import pages as a browser without script meets them, with the real import behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account, Event, ImportBatch
from accounts.tasks import import_batch
from accounts.uploads import accept_upload, discard_imported
from audit.actors import Actor
from audit.models import Entry
from staff.errors import NotAllowed
from staff.models import User

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = "account_id,birth_year\na1,1980\na2,2012\na3,20x2\n"
EVENTS = (
    "event_id,type,actor,object,published\n"
    "e1,Offer,a1,a2,2026-01-01T00:00:00Z\n"
    "e2,Accept,a2,e9,2026-01-02T00:00:00Z\n"
)


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def file(name: str, text: str | bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


def upload(client: Client, *files: SimpleUploadedFile, source: str = "Test export") -> ImportBatch:
    """Upload through the page and let the task do its work."""
    response = client.post(reverse("imports"), {"uploads": list(files), "source": source})
    assert response.status_code == 302, response.content.decode()
    batch = ImportBatch.objects.latest("pk")
    assert response.headers["Location"] == reverse("import_detail", args=[batch.pk])
    import_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def folders(settings: Settings) -> list[Path]:
    root = Path(settings.MEDIA_ROOT) / "uploads"
    return list(root.iterdir()) if root.exists() else []


def test_uploaded_files_come_in_and_what_was_wrong_is_shown(as_admin: Client) -> None:
    batch = upload(as_admin, file("events.csv", EVENTS), file("accounts.csv", ACCOUNTS))

    assert batch.state == ImportBatch.State.PARTIAL
    assert (batch.accepted_accounts, batch.accepted_events, batch.rejected) == (2, 2, 1)
    assert Account.objects.filter(provisional=False).count() == 2
    page = as_admin.get(reverse("import_detail", args=[batch.pk])).content.decode()
    assert "1 row was rejected" in page
    assert "20x2" in page
    assert "accounts.csv" in page
    assert "Test export" in page
    looked = Entry.objects.get(verb="personal.read")
    assert (looked.target, looked.after) == (f"import:{batch.pk}", {"fields": ["rejected_rows"]})
    assert looked.actor.startswith("staff:")
    listing = as_admin.get(reverse("imports")).content.decode()
    assert "Some rows wait for what they name" in listing
    assert "1 event name" in listing


def test_an_uploaded_file_is_gone_once_its_rows_are_in(
    as_admin: Client, settings: Settings, admin: User
) -> None:
    upload(as_admin, file("accounts.csv", ACCOUNTS))
    assert folders(settings) == []

    waiting = accept_upload(actor=Actor.of_user(admin), files=[file("events.csv", EVENTS)])
    assert discard_imported() == 0
    kept = folders(settings)
    assert [str(path) for path in kept] == [waiting.path]
    assert kept[0].stat().st_mode & 0o777 == 0o700


def test_a_name_never_becomes_a_path(as_admin: Client, settings: Settings) -> None:
    batch = upload(as_admin, file("../../accounts.csv", "account_id\nb1\n"))

    assert batch.state == ImportBatch.State.DONE
    assert Path(batch.path).parent == Path(settings.MEDIA_ROOT) / "uploads"


def test_the_same_files_twice_are_known_already(as_admin: Client) -> None:
    upload(as_admin, file("accounts.csv", "account_id\nb1\nb2\n"))
    second = upload(as_admin, file("accounts.csv", "account_id\nb1\nb2\n"))

    assert second.state == ImportBatch.State.DONE
    assert (second.accepted, second.duplicates) == (0, 2)


def test_rejected_rows_can_be_downloaded_corrected_and_imported(as_admin: Client) -> None:
    batch = upload(as_admin, file("accounts.csv", ACCOUNTS))

    response = as_admin.get(reverse("import_rejects", args=[batch.pk]))
    rejects = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]  # a file response
    assert rejects.startswith("file,line,field,value,reason")
    assert Entry.objects.filter(
        verb="import.download_rejects", target=f"import:{batch.pk}"
    ).exists()

    again = upload(as_admin, file("rejects.csv", rejects.replace("20x2", "2002")))
    assert (again.state, again.accepted_accounts) == (ImportBatch.State.DONE, 1)
    assert Account.objects.get(account_id="a3").birth_year == 2002


def test_there_is_nothing_to_download_where_nothing_was_rejected(as_admin: Client) -> None:
    batch = upload(as_admin, file("accounts.csv", "account_id\nb1\n"))

    answer = as_admin.get(reverse("import_rejects", args=[batch.pk]), follow=True)
    assert "There is no file of rejected rows" in answer.content.decode()
    assert not Entry.objects.filter(verb="import.download_rejects").exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "Choose at least one file."),
        ([("accounts.csv", "")], "A chosen file is empty"),
        (
            [("accounts.csv", "account_id\na\n"), ("ACCOUNTS.csv", "account_id\nb\n")],
            "chosen twice",
        ),
        ([("accounts.csv", "account_id\n" + "a" * 3000)], "is larger than 2.0"),
    ],
)
def test_an_upload_that_cannot_be_used_is_refused_beside_its_field(
    as_admin: Client, settings: Settings, files: list[tuple[str, str]], said: str
) -> None:
    settings.IMPORT_UPLOAD_MAX_BYTES = 2048

    response = as_admin.post(reverse("imports"), {"uploads": [file(*one) for one in files]})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not ImportBatch.objects.exists()
    assert folders(settings) == []


def test_a_file_that_is_nothing_of_the_kind_says_so(as_admin: Client) -> None:
    batch = upload(as_admin, file("holiday.csv", "where,when\nsea,July\n"))

    assert batch.state == ImportBatch.State.FAILED
    page = as_admin.get(reverse("import_detail", args=[batch.pk])).content.decode()
    assert "Nothing was imported" in page
    assert "holiday.csv" in page


def test_only_the_part_that_changes_is_sent_while_it_goes_on(as_admin: Client, admin: User) -> None:
    batch = accept_upload(actor=Actor.of_user(admin), files=[file("events.csv", EVENTS)])

    part = as_admin.get(
        reverse("import_detail", args=[batch.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part
    import_batch(batch.pk)
    part = as_admin.get(
        reverse("import_detail", args=[batch.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert "hx-trigger" not in part
    assert Event.objects.count() == 2


def test_the_list_costs_the_same_however_long_it_is(as_admin: Client, admin: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert as_admin.get(reverse("imports")).status_code == 200
        return len(queries)

    def make(number: int) -> None:
        ImportBatch.objects.bulk_create(
            ImportBatch(origin="upload", state="done", created_by=admin) for _ in range(number)
        )

    make(1)
    few = cost()
    make(30)
    assert cost() == few


def test_who_may_not_import_cannot_upload(
    client: Client, moderator: User, settings: Settings
) -> None:
    client.force_login(moderator)

    response = client.post(reverse("imports"), {"uploads": [file("accounts.csv", ACCOUNTS)]})

    assert response.status_code == 403
    with pytest.raises(NotAllowed):
        accept_upload(actor=Actor.of_user(moderator), files=[file("accounts.csv", ACCOUNTS)])
    assert not ImportBatch.objects.exists()
    assert folders(settings) == []
