"""`create_staff` and `create_api_key` as somebody at a shell uses them."""

from __future__ import annotations

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from staff.models import ApiKey, User

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery staple"


def create_staff(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: bytes = f"{GOOD}\n".encode()
) -> str:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), "utf-8"))
    out = io.StringIO()
    call_command("create_staff", *arguments, stdout=out)
    return out.getvalue()


def test_a_person_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    out = create_staff(
        monkeypatch, "--email", "sam@team.example", "--role", "supervisor", "--name", "Sam Field"
    )
    assert out == "Sam Field (sam@team.example) can now sign in as supervisor.\n"
    user = User.objects.get()
    assert user.check_password(GOOD)
    assert Entry.objects.get().actor == "system:command"


@pytest.mark.parametrize("typed", [GOOD.encode(), f"{GOOD}\r\n".encode(), f"{GOOD}\nx\n".encode()])
def test_the_first_line_is_the_password(monkeypatch: pytest.MonkeyPatch, typed: bytes) -> None:
    create_staff(monkeypatch, "--email", "a@team.example", "--role", "admin", typed=typed)
    assert User.objects.get().check_password(GOOD)


def test_spaces_belong_to_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = b"  two spaces around it  \n"
    create_staff(monkeypatch, "--email", "a@team.example", "--role", "admin", typed=typed)
    assert User.objects.get().check_password("  two spaces around it  ")


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["--email", "a@team.example", "--role", "admin"], b"", "no password on standard input"),
        (["--email", "a@team.example", "--role", "admin"], b"\n", "no password on standard input"),
        (["--email", "a@team.example", "--role", "admin"], b"short\n", "too short"),
        (["--email", "a@team.example", "--role", "admin"], b"\xff\xfe" * 20, "not UTF-8"),
        (["--email", "a@team.example", "--role", "admin"], b"x" * 10_000, "longer than 4096"),
        (["--email", "nobody", "--role", "admin"], GOOD.encode(), "not an e-mail address"),
        (["--email", "a@team.example", "--role", "king"], GOOD.encode(), "no role: choose one of"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], typed: bytes, words: str
) -> None:
    with pytest.raises(CommandError, match=words) as refusal:
        create_staff(monkeypatch, *arguments, typed=typed)
    assert "\n" not in str(refusal.value)
    assert not User.objects.exists()


def test_an_existing_person_is_not_changed(monkeypatch: pytest.MonkeyPatch, admin: User) -> None:
    with pytest.raises(CommandError, match="already a member of staff"):
        create_staff(monkeypatch, "--email", admin.email, "--role", "moderator")
    admin.refresh_from_db()
    assert admin.role == "admin"


def test_a_key_is_printed_alone_and_once() -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "create_api_key",
        "--name",
        "Platform",
        "--scope",
        "graph:write",
        "advice:read",
        "--scope",
        "cases:read",
        stdout=out,
        stderr=err,
    )
    assert out.getvalue().startswith("slk_")
    assert out.getvalue().count("\n") == 1
    assert "not shown again" in err.getvalue()
    assert ApiKey.objects.get().scopes == ["advice:read", "cases:read", "graph:write"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "P", "--scope", "everything"],
        ["--name", " ", "--scope", "graph:write"],
        ["--name", "P", "--scope", "graph:write", "--days", "9999"],
    ],
)
def test_a_key_that_cannot_be_made(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", *arguments)
    assert not ApiKey.objects.exists()
