"""The typed reader of environment variables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from config.env import Env, parse_database_address


def test_unset_and_empty_mean_the_default() -> None:
    env = Env({"EMPTY": "  "})
    for name in ("EMPTY", "UNSET"):
        assert env.text(name, "x") == "x"
        assert env.flag(name, default=True) is True
        assert env.number(name, 7) == 7
        assert env.words(name, ("a", "b")) == ["a", "b"]
        assert env.path(name, Path("/here")) == Path("/here")
        assert env.database(name) is None
        assert env.address(name, ("redis",)) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("off", False), ("False", False)],
)
def test_flags(value: str, expected: bool) -> None:
    assert Env({"X": value}).flag("X", default=not expected) is expected


def test_lists_drop_spaces_and_empty_items() -> None:
    assert Env({"X": " a.example , ,b.example,"}).words("X") == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (lambda env: env.flag("X", default=True), "X is 'maybe', but must be 1 or 0"),
        (lambda env: env.number("X", 1, at_most=9), "X is 'maybe', but must be a whole number"),
        (lambda env: env.choice("X", "a", ("a", "b")), "X is 'maybe', but must be one of a, b"),
        (lambda env: env.address("X", ("redis", "amqp")), "X must begin with one of redis://"),
        (lambda env: env.database("X"), "X is not usable: it must begin with postgresql://"),
    ],
)
def test_a_value_that_does_not_fit_is_named_in_one_sentence(
    read: Callable[[Env], object], sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        read(Env({"X": "maybe"}))


@pytest.mark.parametrize("value", ["0", "10", "-1", "5.0", "five"])
def test_numbers_outside_the_range_are_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="from 1 to 9"):
        Env({"X": value}).number("X", 5, at_least=1, at_most=9)


def test_a_whole_database_address() -> None:
    address = parse_database_address(
        "postgres://some%40one:p%2Fw%3A1@db.example:6432/sight%20line?sslmode=verify-full"
    )
    assert address.as_django() == {
        "NAME": "sight line",
        "USER": "some@one",
        "PASSWORD": "p/w:1",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "verify-full"},
    }


def test_a_database_behind_a_unix_socket() -> None:
    address = parse_database_address("postgresql://app@/sightline?host=/run/postgresql")
    assert (address.host, address.port, address.name) == ("/run/postgresql", "", "sightline")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("mysql://u:hunter2@h/d", "PostgreSQL only"),
        ("postgresql://u:hunter2@h/", "names no database"),
        ("postgresql://u:hunter2@h:port/d", "port is not a number"),
        ("postgresql://u:hunter2@h:99999/d", "port is not a number"),
    ],
)
def test_a_bad_database_address_says_why_without_the_password(value: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason) as caught:
        Env({"DATABASE_URL": value}).database("DATABASE_URL")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_but_never_crashes(value: str) -> None:
    env = Env({"X": value})
    with suppress(ImproperlyConfigured):
        env.database("X")
    with suppress(ImproperlyConfigured):
        env.number("X", 1)
