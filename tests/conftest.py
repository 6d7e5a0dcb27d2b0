"""What every test may use: a real PostgreSQL database and the people who work with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from django.core.cache import cache
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

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
def _empty_cache() -> Iterator[None]:
    """Sign-in limits and other cached counts never pass from one test to the next."""
    yield
    cache.clear()
