"""What every test may use: a real PostgreSQL database and the people who work with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.core.cache import cache
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from staff.actors import Actor
from staff.capabilities import Role
from staff.models import User
from staff.services import create_staff, deactivate
from tests.support.databases import connect_as, test_database

# Examples that need the database vary in speed: no deadline. "ci" always tries the same ones.
hypothesis_settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "ci", parent=hypothesis_settings.get_profile("default"), derandomize=True, print_blob=True
)
hypothesis_settings.register_profile(
    "thorough", parent=hypothesis_settings.get_profile("default"), max_examples=1000
)
hypothesis_settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default")
)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist nobody asks
def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as cores: tests wait for browsers, servers and each other."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


LONGEST = (
    "config/test_demo.py",
    "moderation/test_life.py",
    "signals/engine/test_spark.py",
    "signals/engine/test_run.py",
    "browser/test_axe.py",
    "browser/test_axe_states.py",
    "signals/test_crashes.py",
    "signals/test_evaluate.py",
    "moderation/test_services.py",
    "signals/test_database_killed.py",
    "signals/test_commands.py",
    "bench/test_bench.py",
    "accounts/test_crashes.py",
    "accounts/test_limits.py",
)
"""Files that take longest, begun first: so no process works alone at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Several processes share the tests file by file: what a file computes is computed once."""
    if config.getoption("numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    order = {here / name: place for place, name in enumerate(LONGEST)}
    assert all(path.is_file() for path in order), "LONGEST names a file that is gone"
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A database of this process's own, used as the application's role."""
    with django_db_blocker.unblock(), test_database():
        yield


@pytest.fixture
def owner_connection(transactional_db: None) -> Iterator[psycopg2.extensions.connection]:
    """A connection as the owner of the tables, in autocommit mode."""
    with closing(connect_as("owner")) as connection:
        yield connection


@pytest.fixture
def superuser_connection(transactional_db: None) -> Iterator[psycopg2.extensions.connection]:
    """A connection as the server's superuser, in autocommit mode: for tests that tamper."""
    with closing(connect_as("superuser")) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _leave_nothing_behind() -> Iterator[None]:
    """Sign-in limits and the audit trail's witness never pass from one test to the next."""
    yield
    cache.clear()
    shutil.rmtree(settings.SIGHTLINE_HOME / "audit", ignore_errors=True)


PASSWORD = "correct horse battery staple"
"""Of every person that the fixtures below make."""


def _person(email: str, role: Role, name: str) -> User:
    return create_staff(
        actor=Actor.system("command"), email=email, role=role, password=PASSWORD, name=name
    )


@pytest.fixture
def moderator(db: None) -> User:
    return _person("mo@team.example", Role.MODERATOR, "Mo Reyes")


@pytest.fixture
def moderator2(db: None) -> User:
    return _person("max@team.example", Role.MODERATOR, "Max Okafor")


@pytest.fixture
def supervisor(db: None) -> User:
    return _person("sam@team.example", Role.SUPERVISOR, "Sam Field")


@pytest.fixture
def supervisor2(db: None) -> User:
    return _person("sue@team.example", Role.SUPERVISOR, "Sue Lindqvist")


@pytest.fixture
def admin(db: None) -> User:
    return _person("ada@team.example", Role.ADMIN, "Ada Marsh")


@pytest.fixture
def admin2(db: None) -> User:
    return _person("abe@team.example", Role.ADMIN, "Abe Tan")


@pytest.fixture
def auditor(db: None) -> User:
    return _person("odd@team.example", Role.AUDITOR, "Odd Berg")


@pytest.fixture
def outsider(admin: User) -> User:
    """Somebody who worked here once: the account is deactivated, an open session is not trusted."""
    person = _person("out@team.example", Role.MODERATOR, "Olga Frost")
    return deactivate(actor=Actor.of_user(admin), user_id=person.pk)
