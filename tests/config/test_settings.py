"""The settings as a whole: what a command says when the environment is wrong."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

PRODUCTION = {
    "DATABASE_URL": "postgresql://app:pw@db.invalid/sightline",
    "DATABASE_OWNER_URL": "postgresql://owner:pw@db.invalid/sightline",
    "SIGHTLINE_SECRET_KEY": "k" * 50,
    "SIGHTLINE_ALLOWED_HOSTS": "sightline.example",
}


def manage(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` as a person would: nothing set but PATH, a home, and what is given."""
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        env={"PATH": os.environ["PATH"], "SIGHTLINE_HOME": str(home), **environment},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def setting(home: Path, name: str, **environment: str) -> str:
    code = f"from config import settings; print(settings.{name})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "SIGHTLINE_HOME": str(home), **environment},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SIGHTLINE_DEBUG": "perhaps"}, "SIGHTLINE_DEBUG is 'perhaps'"),
        ({"DATABASE_URL": "sqlite:///x"}, "DATABASE_URL is not usable"),
        ({"DATABASE_OWNER_URL": "postgresql://o@h/d"}, "so DATABASE_URL must be set too"),
        ({"CELERY_BROKER_URL": "localhost"}, "CELERY_BROKER_URL must begin with"),
        (PRODUCTION | {"SIGHTLINE_SECRET_KEY": ""}, "SIGHTLINE_SECRET_KEY must be set"),
        (PRODUCTION | {"SIGHTLINE_SECRET_KEY": "short"}, "SIGHTLINE_SECRET_KEY is too short"),
        (PRODUCTION | {"SIGHTLINE_ALLOWED_HOSTS": ""}, "SIGHTLINE_ALLOWED_HOSTS must list"),
    ],
)
def test_a_wrong_environment_is_one_sentence(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    done = manage(tmp_path, "check", **environment)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    nowhere = PRODUCTION | {"DATABASE_URL": f"postgresql://app@/d?host={tmp_path}"}
    done = manage(tmp_path, "verify_audit", **nowhere)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    first = setting(home, "SECRET_KEY")
    assert len(first) > 50
    assert setting(home, "SECRET_KEY") == first
    assert stat.S_IMODE((home / "secret-key").stat().st_mode) == 0o600
    assert home.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH) == 0


def test_production_wants_a_second_factor_and_safe_cookies(tmp_path: Path) -> None:
    for name in ("SECOND_FACTOR_REQUIRED", "SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT"):
        assert setting(tmp_path, name, **PRODUCTION) == "True"
        assert setting(tmp_path, name) == "False"


def test_two_roles_are_not_warned_about_and_one_is(tmp_path: Path) -> None:
    assert "sightline.W001" not in manage(tmp_path, "check", **PRODUCTION).stderr
    one = PRODUCTION | {"DATABASE_OWNER_URL": ""}
    done = manage(tmp_path, "check", **one)
    assert done.returncode == 0
    assert "sightline.W001" in done.stderr


def test_sign_in_limits_rest_on_a_cache_that_remembers(tmp_path: Path) -> None:
    # On a dummy cache, allauth's limits would do nothing.
    assert "filebased" in setting(tmp_path, "CACHES")
    assert "RedisCache" in setting(tmp_path, "CACHES", CELERY_BROKER_URL="redis://localhost/0")


def test_the_readme_names_every_variable() -> None:
    source = (settings.BASE_DIR / "config" / "settings.py").read_text("utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source)) - {"SIGHTLINE_DATABASE_ROLE"}
    readme = (settings.BASE_DIR / "README.md").read_text("utf-8")
    assert len(read) > 20
    assert {name for name in read if f"`{name}`" not in readme} == set()


def test_forms_may_come_from_the_address_that_people_use(tmp_path: Path) -> None:
    public = PRODUCTION | {"SIGHTLINE_PUBLIC_URL": "https://sightline.example/"}
    assert setting(tmp_path, "CSRF_TRUSTED_ORIGINS", **public) == "['https://sightline.example']"
    assert setting(tmp_path, "CSRF_TRUSTED_ORIGINS", **PRODUCTION) == "[]"
    public["SIGHTLINE_TRUSTED_ORIGINS"] = "https://other.example"
    assert setting(tmp_path, "CSRF_TRUSTED_ORIGINS", **public) == "['https://other.example']"


def test_the_readme_lists_every_variable() -> None:
    floors = ("config", "staff", "audit", "accounts", "signals", "moderation")
    code = [
        file.read_text("utf-8")
        for floor in floors
        for file in (settings.BASE_DIR / floor).rglob("*.py")
    ]
    read = {
        name
        for text in code
        for name in re.findall(r'\b(?:env\.\w+|environ\.get)\(\s*"([A-Z_]+)"', text)
    } - {"JAVA_HOME"}  # Java's own
    readme = (settings.BASE_DIR / "README.md").read_text("utf-8")
    assert {"SIGHTLINE_HOME", "CELERY_BROKER_URL", "SIGNALS_MEMORY"} <= read
    assert sorted(name for name in read if f"`{name}`" not in readme) == []
