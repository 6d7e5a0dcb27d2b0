"""Packages of real cases: gathered, built, sealed, exported by command and checked offline."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import CommandError, call_command
from lxml import etree

from accounts.models import Account, Event, Tie
from audit import keys
from audit.actors import Actor
from audit.models import Entry
from moderation.models import Case, Pseudonym, Referral, SealedPackage
from moderation.package import gather
from moderation.package.archive import pack, unpack
from moderation.package.keys import PACKAGES
from moderation.package.nca import groups
from moderation.package.verify import NotGenuine, load_key, verify
from moderation.package.view import Status
from moderation.selectors.completeness import tip_of
from moderation.selectors.surroundings import around_case
from moderation.services import escalation, intake, packages, pseudonyms, undo
from staff.errors import NotAllowed
from staff.models import User
from tests.moderation import factories
from tests.moderation.factories import NOON
from tests.moderation.sql import intruding, refused

pytestmark = pytest.mark.django_db

COMMAND = Actor.system("command")
WORKER = Actor.system("worker")


@pytest.fixture
def flagged() -> Account:
    """An adult who wrote to three children: one accepted, one refused, one did not answer."""
    account = factories.account(display_name="Sunny", region="GB", community="club-3")
    girls = [
        factories.child(12 + n, display_name=f"Girl number {n}", region="GB") for n in range(3)
    ]
    offers = [
        factories.event(account, girl, NOON + timedelta(days=n)) for n, girl in enumerate(girls)
    ]
    factories.accept(offers[0], NOON + timedelta(hours=5))
    Event.objects.create(
        event_id="no",
        type="Reject",
        actor=girls[1],
        ref=offers[1],
        reference=offers[1].event_id,
        published=NOON + timedelta(days=2),
        batch=offers[1].batch,
    )
    friend = factories.account(display_name="Grown friend")
    Tie.objects.create(a=account, b=friend, kind="friend", batch_id=0)
    return account


def _files(package: packages.Package) -> dict[str, bytes]:
    return unpack(package.data).files


def _export(case: Case) -> packages.Package:
    return packages.export(actor=COMMAND, case_id=case.pk)


@pytest.mark.django_db(transaction=True)
def test_a_package_is_of_one_moment_whatever_an_import_brings_meanwhile(
    flagged: Account, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = factories.escalated(moderator, flagged)
    pseudonyms.keep(actor=COMMAND, case_id=case.pk)

    def meanwhile(seen: Case) -> Any:
        found = around_case(seen)
        with intruding() as importing:
            importing.run(
                "UPDATE accounts_account SET birth_date = '1980-01-01', display_name = 'Grown up'"
                " WHERE display_name LIKE 'Girl number %%'"
            )
        return found

    monkeypatch.setattr(gather, "around_case", meanwhile)
    contacts = json.loads(_files(_export(case))["evidence.json"])["contacts"]
    girls = [contact["account"] for contact in contacts if contact["kind"] == "child"]
    assert sorted(girl["display_name"] for girl in girls) == [f"Girl number {n}" for n in range(3)]
    assert not any(girl["birth_date"] == "1980-01-01" for girl in girls)


def test_a_draft_says_so_in_every_file(flagged: Account, moderator: User) -> None:
    case = factories.escalated(moderator, flagged)
    package = _export(case)
    files = _files(package)
    assert (package.status, package.name) == (Status.DRAFT, f"{case.reference}-DRAFT.zip")
    assert list(files) == [
        "report.pdf", "cybertipline.xml", "evidence.json", "contacts.csv", "audit.json",
        "manifest.json", "manifest.sig",
    ]  # fmt: skip
    for name in ("cybertipline.xml", "evidence.json", "contacts.csv", "audit.json"):
        assert b"DRAFT" in files[name], name
    assert json.loads(files["manifest.json"])["status"] == "DRAFT"


def test_an_approved_package_is_sealed_and_says_draft_nowhere(
    flagged: Account, moderator: User, supervisor: User
) -> None:
    case = factories.referred(moderator, supervisor, flagged)
    package = _export(case)
    files = _files(package)
    assert package.status is Status.APPROVED
    assert not [name for name, data in files.items() if b"DRAFT" in data]
    sealed = SealedPackage.objects.get()
    assert (bytes(sealed.data), sealed.sha256) == (package.data, package.sha256)


def test_one_state_gives_one_package_whatever_happens_around_it(
    flagged: Account, moderator: User
) -> None:
    case = factories.escalated(moderator, flagged)
    first = _export(case)
    factories.event(flagged, factories.child())  # of the past, but imported later
    _export(factories.case())
    assert _export(case).data != first.data  # a draft follows what is known
    Event.objects.order_by("pk").last().delete()  # type: ignore[union-attr]  # there is one
    assert _export(case).data == first.data


def test_what_is_imported_after_the_approval_changes_nothing(
    flagged: Account, moderator: User, supervisor: User
) -> None:
    case = factories.referred(moderator, supervisor, flagged)
    assert packages.seal_approved(actor=WORKER) == 1
    assert packages.seal_approved(actor=WORKER) == 0
    sealed = bytes(SealedPackage.objects.get().data)
    factories.event(flagged, factories.child())
    assert _export(case).data == sealed


@pytest.mark.parametrize("later", ["Block", "Flag", "Remove"])
def test_a_child_who_accepted_stays_a_victim_whatever_it_did_later(
    later: str, flagged: Account, moderator: User
) -> None:
    girl = Account.objects.get(display_name="Girl number 0")
    factories.event(girl, flagged, NOON + timedelta(days=4), type=later)
    case = factories.escalated(moderator, flagged)
    files = _files(_export(case))
    report = etree.fromstring(files["cybertipline.xml"])
    assert [e.findtext("espIdentifier") for e in report.findall("victim")] == [girl.account_id]
    assert len(report.findall("intendedRecipient")) == 2
    assert "of whom 1 accepted" in report.findtext("additionalInfo")
    evidence = json.loads(files["evidence.json"])
    fields = dict(groups(evidence, {})[-1].fields)
    assert fields["How many accepted"] == "1"
    assert evidence["contacts"][0]["outcome"].startswith("accepted, then ")
    assert tip_of(case).accepted == 1


def test_a_later_decision_is_not_in_an_earlier_state(flagged: Account, moderator: User) -> None:
    case = factories.escalated(moderator, flagged)
    view = json.loads(_files(_export(case))["evidence.json"])
    assert [line["verb"] for line in view["decisions"]] == ["escalate"]
    assert view["case"]["version"] == case.version


def test_an_escalation_that_was_taken_back_goes_to_nobody(
    flagged: Account, moderator: User, supervisor: User
) -> None:
    first = factories.escalated(moderator, flagged, summary="Written about the wrong account.")
    by = Actor.of_user(moderator)
    held = undo.undo(actor=by, case_id=first.pk, version=first.version)
    assert tip_of(held).summary == ""
    case = escalation.escalate(
        actor=by, case_id=held.pk, version=held.version, severity="high", note="Three girls.",
        ask="Refer?",
    )  # fmt: skip
    case = escalation.refer(
        actor=Actor.of_user(supervisor), case_id=case.pk, version=case.version, note="Agreed."
    )
    files = _files(_export(case))
    decisions = json.loads(files["evidence.json"])["decisions"]
    assert [line["verb"] for line in decisions] == ["escalate", "refer"]
    assert b"Three girls." in files["cybertipline.xml"]
    for name in ("cybertipline.xml", "evidence.json", "audit.json"):
        assert b"wrong account" not in files[name], name


def test_names_stand_only_where_a_child_was_contacted(flagged: Account, moderator: User) -> None:
    case = factories.escalated(moderator, flagged)
    files = _files(_export(case))
    evidence = json.loads(files["evidence.json"])
    named = [c["name"] for c in evidence["contacts"] if "display_name" in c["account"]]
    assert named == ["Child A", "Child B", "Child C"]
    assert b"Grown friend" not in b"".join(files.values())


def test_decisions_name_nobody_by_name(flagged: Account, moderator: User) -> None:
    files = _files(_export(factories.escalated(moderator, flagged)))
    assert moderator.name.encode() not in files["evidence.json"] + files["cybertipline.xml"]
    said = json.loads(files["evidence.json"])["decisions"][0]
    assert (said["by"], said["role"]) == (f"staff {moderator.pk}", "moderator")


def test_cells_cannot_be_formulas(moderator: User) -> None:
    account = factories.account()
    factories.event(account, factories.child(display_name="=HYPERLINK(1)", account_id="@x"))
    files = _files(_export(factories.escalated(moderator, account)))
    (row,) = csv.DictReader(io.StringIO(files["contacts.csv"].decode("utf-8-sig")))
    assert (row["display_name"], row["account_id"]) == ("'=HYPERLINK(1)", "'@x")


def test_letters_stay_whatever_is_imported_or_corrected(flagged: Account, moderator: User) -> None:
    case = factories.escalated(moderator, flagged)
    pseudonyms.keep(actor=WORKER, case_id=case.pk)
    before = {key: person.name for key, person in around_case(case).people.items()}
    factories.event(flagged, factories.child(), NOON - timedelta(days=9))
    second = Account.objects.get(display_name="Girl number 1")
    second.birth_date = second.birth_date.replace(year=1980)  # type: ignore[union-attr]  # a child's
    second.save()
    after = {key: person.name for key, person in around_case(case).people.items()}
    assert before.items() <= after.items()
    assert sorted(set(after.values()) - set(before.values())) == ["Child D"]
    assert pseudonyms.keep(actor=WORKER, case_id=case.pk) == 1
    assert pseudonyms.keep(actor=WORKER, case_id=case.pk) == 0


def test_the_sweep_keeps_the_names_of_cases_that_have_none(flagged: Account) -> None:
    case = factories.case(flagged)
    assert pseudonyms.keep_new(actor=WORKER) == 1
    assert pseudonyms.keep_new(actor=WORKER) == 0
    marks = Pseudonym.objects.filter(case=case, kind="child").values_list("mark", flat=True)
    assert sorted(marks) == ["A", "B", "C"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE moderation_pseudonym SET mark = 'Z'",
        "DELETE FROM moderation_pseudonym",
        "UPDATE moderation_sealedpackage SET data = 'x'::bytea",
        "UPDATE moderation_sealedpackage SET sha256 = repeat('0', 64)",
        "UPDATE moderation_sealedpackage SET data = ''::bytea",
        "DELETE FROM moderation_sealedpackage",
    ],
)
@pytest.mark.django_db(transaction=True)
def test_sql_changes_no_kept_name_and_no_sealed_package(
    statement: str, flagged: Account, moderator: User, supervisor: User
) -> None:
    _export(factories.referred(moderator, supervisor, flagged))
    with refused("is refused|Package refused") as intruder:
        intruder.run(statement)


def test_an_export_is_an_entry_that_names_nobody(flagged: Account, moderator: User) -> None:
    case = factories.escalated(moderator, flagged)
    package = _export(case)
    entry = Entry.objects.filter(verb="case.export").get()
    assert (entry.target, entry.actor) == (f"case:{case.reference}", "system:command")
    assert entry.after == {
        "status": "DRAFT",
        "sha256": package.sha256,
        "size": len(package.data),
    }


@pytest.mark.parametrize(
    ("who", "may"),
    [("supervisor", True), ("moderator", False), ("admin", False), ("auditor", False)],
)
def test_supervisors_alone_may_export(
    who: str, may: bool, flagged: Account, moderator2: User, request: pytest.FixtureRequest
) -> None:
    case = factories.escalated(moderator2, flagged)
    actor = Actor.of_user(request.getfixturevalue(who))
    if may:
        assert packages.export(actor=actor, case_id=case.pk).data
    else:
        with pytest.raises(NotAllowed):
            packages.export(actor=actor, case_id=case.pk)


def test_an_erased_package_is_gone_and_says_when(
    flagged: Account, moderator: User, supervisor: User
) -> None:
    case = factories.referred(moderator, supervisor, flagged)
    _export(case)
    SealedPackage.objects.update(data=b"", erased_at=NOON)
    with pytest.raises(packages.PackageErased, match="2 March 2026"):
        _export(case)


def test_only_an_approved_referral_is_sealed(flagged: Account, moderator: User) -> None:
    case = factories.escalated(moderator, flagged)
    with pytest.raises(packages.NotApproved):
        packages.seal(actor=WORKER, case_id=case.pk)
    assert not SealedPackage.objects.exists()
    assert not Referral.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_a_broken_trail_cannot_prove_is_refused_in_words(
    moderator: User, superuser_connection: psycopg2.extensions.connection
) -> None:
    case = factories.escalated(moderator)
    with superuser_connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM audit_entry WHERE number = 1")
    with pytest.raises(packages.NotBuilt, match=r"Entry 1 is missing from the trail: run verify"):
        _export(case)


# --- The commands, and checking -----------------------------------------------------------------


def test_the_commands_write_and_verify(
    flagged: Account, moderator: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = factories.escalated(moderator, flagged)
    file = tmp_path / "p.zip"
    call_command("export_package", case.reference.lower(), file)
    assert file.stat().st_mode & 0o777 == 0o600
    call_command("verify_package", file)
    said = capsys.readouterr().out
    assert "is genuine: 7 files" in said
    assert "entries of the audit trail are proven" in said
    with pytest.raises(CommandError, match="There is no case SL-2020-000001"):
        call_command("export_package", "SL-2020-000001", file)
    with pytest.raises(CommandError, match="no folder"):
        call_command("export_package", case.reference, tmp_path / "none" / "p.zip")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_package", tmp_path / "none.zip")


def test_a_byte_flipped_in_any_of_200_places_is_found(flagged: Account, moderator: User) -> None:
    data = _export(factories.escalated(moderator, flagged)).data
    key = keys.public_key(PACKAGES)
    assert verify(data, key).size == len(data)
    chance = random.Random(11)
    # The last kilobyte is the zip's own list, which programs that unpack it hardly look at.
    places = chance.sample(range(len(data)), 150) + chance.sample(
        range(len(data) - 1000, len(data)), 50
    )
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        with pytest.raises(NotGenuine):
            verify(bytes(changed), key)


def test_what_is_wrong_is_named(flagged: Account, moderator: User) -> None:
    data = _export(factories.escalated(moderator, flagged)).data
    key = keys.public_key(PACKAGES)
    start, end = unpack(data).places["evidence.json"]
    inside = data.index(b'"contacts"', start, end)
    changed = data[:inside] + b'"kontacts"' + data[inside + 10 :]
    with pytest.raises(NotGenuine, match=r"evidence\.json"):
        verify(changed, key)
    with pytest.raises(NotGenuine):
        verify(data + b"\0", key)
    with pytest.raises(NotGenuine):
        verify(data[:-1], key)
    with pytest.raises(NotGenuine, match="was not signed with the key"):
        verify(data, keys.public_key())


def test_what_an_archive_calls_its_files_reaches_no_terminal_as_it_is() -> None:
    key = keys.signing_key(PACKAGES).public_key()
    evil = "\x1b[2J\x1b]0;all is well\x07.json"
    for data in (
        pack({"manifest.json": b"{}", evil: b""}),
        pack({"manifest.json": b"{}", evil: b"x"}).replace(b"x", b"y", 1),
        _twice(evil),
    ):
        with pytest.raises(NotGenuine) as refusal:
            verify(data, key)
        assert str(refusal.value).isprintable()


def _twice(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(name, b"")
    return out.getvalue()


def test_a_package_is_checked_on_a_machine_with_nothing_but_the_key(
    flagged: Account, moderator: User, tmp_path: Path
) -> None:
    """Another process, without settings, whose import of Django fails."""
    package = _export(factories.escalated(moderator, flagged))
    file, pem, trail = (tmp_path / name for name in ("p.zip", "key.pem", "audit.pem"))
    file.write_bytes(package.data)
    pem.write_text(keys.public_pem(keys.public_key(PACKAGES)))
    trail.write_text(keys.public_pem(keys.public_key()))
    (tmp_path / "django.py").write_text("raise ImportError('there is no Django here')")

    def check(*files: Path) -> subprocess.CompletedProcess[str]:
        repository = str(Path(__file__).resolve().parents[3])
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{repository}"}
        command = [sys.executable, "-P", "-m", "moderation.package.verify", *map(str, files)]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    held = check(file, pem, trail)
    assert (held.returncode, held.stderr) == (0, "")
    assert "is genuine" in held.stdout
    file.write_bytes(package.data[:5000] + b"x" + package.data[5001:])
    changed = check(file, pem)
    assert changed.returncode == 1
    assert "report.pdf, " in changed.stderr
    assert check(file).returncode == 2


def test_a_package_from_elsewhere_is_checked_with_the_keys_that_came_with_it(
    flagged: Account,
    moderator: User,
    tmp_path: Path,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a machine that has a trail of its own, whose key says nothing about this package."""
    file, pem, trail = (tmp_path / name for name in ("p.zip", "key.pem", "audit.pem"))
    file.write_bytes(_export(factories.escalated(moderator, flagged)).data)
    pem.write_text(keys.public_pem(keys.public_key(PACKAGES)))
    trail.write_text(keys.public_pem(keys.public_key()))
    settings.KEYS_DIR = tmp_path / "elsewhere"
    keys.signing_key()
    call_command("verify_package", file, key=pem)
    assert "is genuine" in capsys.readouterr().out
    call_command("verify_package", file, key=pem, trail_key=[trail])
    assert "entries of the audit trail are proven" in capsys.readouterr().out
    own = settings.KEYS_DIR / keys.PUBLIC_FILE
    with pytest.raises(CommandError, match=r"audit\.json proves nothing"):
        call_command("verify_package", file, key=pem, trail_key=[own])


@pytest.mark.parametrize(
    "kind", [ec.generate_private_key(ec.SECP256R1()), X25519PrivateKey.generate()]
)
def test_a_key_of_another_kind_is_refused_in_words(kind: Any) -> None:
    pem = kind.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(NotGenuine, match="holds no Ed25519 public key"):
        load_key(pem)


MAKERS: dict[str, Callable[[User, Account], Case]] = {
    "open": lambda _by, of: factories.case(of),
    "in review": factories.held,
    "dismissed": factories.dismissed,
    "being monitored": factories.monitored,
    "escalated": factories.escalated,
}


@pytest.mark.parametrize("state", MAKERS)
def test_a_case_in_any_state_can_be_packaged(state: str, flagged: Account, moderator: User) -> None:
    package = _export(MAKERS[state](moderator, flagged))
    assert package.status is Status.DRAFT
    assert json.loads(_files(package)["evidence.json"])["case"]["state"] == state
    assert verify(package.data, keys.public_key(PACKAGES), keys.known_keys()).proven


def test_a_newer_assessment_makes_a_newer_package(flagged: Account, moderator: User) -> None:
    """A run that brings more evidence to a live case changes its version, and so the package."""
    case = factories.case(flagged)
    first = _export(case)
    found = factories.assessment(flagged, points=200.0)
    intake.open_cases(found.run, WORKER)
    case.refresh_from_db()
    second = _export(case)
    assert json.loads(_files(second)["evidence.json"])["case"]["points"] == 200.0
    assert first.data != second.data
