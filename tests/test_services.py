"""Every service below ``moderation``: in the audit trail, allowed to some and refused to others.

The services are found by their first argument, so a new one without a scenario fails here.
``tests/moderation/test_services.py`` does the same for the top floor.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from accounts import ingest, uploads
from accounts import services as imports
from audit import checkpoints, reads, rotation
from audit import services as trail
from audit.actors import Actor
from audit.models import Entry
from audit.selectors import Filters
from signals.errors import ThresholdsRefused
from signals.models import Run
from signals.services import runs, thresholds
from signals.services.defaults import active_thresholds
from signals.spec import ThresholdSpec
from staff.capabilities import Role
from staff.errors import NotAllowed
from staff.models import User
from staff.scopes import Scope
from staff.services import keys, people, second_factor, sessions
from tests.moderation import factories

PASSWORD = "another horse battery staple"
EVERYBODY = frozenset(Role)
ACTORS = [*Role, "outsider", "worker", "command", "beat", "web", "key"]
IMPORTERS = frozenset({Role.ADMIN, "worker", "command", "beat", "key"})
RUNNERS = frozenset({Role.ADMIN, "worker", "command", "beat"})

NOT_HERE = {
    "audit.services.record": "is the trail itself",
    "audit.services.record_all": "is the trail itself",
    "staff.trail.record": "is the trail, under the name that staff knows",
    "signals.hooks.run_done": "calls the services that are registered",
    "staff.services.single_sign_on.link_sign_on": "needs a sign-in service: test_single_sign_on",
    "signals.runner.execute": "computes a whole run: signals/test_runs",
    "signals.prompt.update.prompt_update": "needs a run to compare with: signals/test_prompt",
}
"""Functions that take an actor and are tried elsewhere, or are no services."""


@dataclass(frozen=True)
class Scenario:
    """``prepare(other)`` makes the call's arguments ready; ``other`` is somebody who works here.

    ``allowed``: roles and systems; None: it records what has happened, and asks nobody.
    ``recorded_as``: whose name the entry bears, where that is not the actor's.
    """

    service: Callable[..., Any]
    allowed: frozenset[str] | None
    prepare: Callable[[User], dict[str, Any]]
    recorded_as: str = ""


def _deactivated(other: User) -> dict[str, Any]:
    people.deactivate(actor=Actor.system("command"), user_id=other.pk)
    return {"user_id": other.pk}


def _with_a_factor(other: User) -> dict[str, Any]:
    Authenticator.objects.create(user=other, type=Authenticator.Type.TOTP, data={})
    return {"user_id": other.pk}


def _key(_other: User) -> dict[str, Any]:
    made = keys.create_api_key(actor=Actor.system("command"), name="Old", scopes=["graph:write"])
    return {"key_id": made.key.pk}


def _dead_import(_other: User) -> dict[str, Any]:
    factories.batch(state="running", finished_at=None)
    return {}


def _queued(_other: User) -> Run:
    return factories.run(state="queued", finished_at=None)


def _dead_run(_other: User) -> Run:
    return factories.run(state="running", finished_at=None)


def _with_a_dead_run(other: User) -> dict[str, Any]:
    _dead_run(other)
    return {}


def _other_spec() -> dict[str, Any]:
    spec = ThresholdSpec.from_dict(active_thresholds().spec).to_dict()
    return spec | {"open_at": spec["open_at"] + 5}


def _draft(_other: User) -> dict[str, Any]:
    author = User.objects.get(email="abe@team.example")
    draft = thresholds.propose_thresholds(
        actor=Actor.of_user(author), spec=_other_spec(), note="Fewer false alarms."
    )
    return {"version": draft.version}


def _of(other: User) -> dict[str, Any]:
    return {"user": other}


SCENARIOS = [
    Scenario(
        people.create_staff,
        frozenset({Role.ADMIN, "command"}),
        lambda _: {"email": "new@team.example", "role": Role.AUDITOR, "password": PASSWORD},
    ),
    Scenario(
        people.change_role,
        frozenset({Role.ADMIN, "command"}),
        lambda other: {"user_id": other.pk, "role": Role.AUDITOR},
    ),
    Scenario(
        people.deactivate,
        frozenset({Role.ADMIN, "command"}),
        lambda other: {"user_id": other.pk},
    ),
    Scenario(people.reactivate, frozenset({Role.ADMIN, "command"}), _deactivated),
    Scenario(
        people.set_password,
        frozenset({Role.ADMIN, "command"}),
        lambda other: {"user_id": other.pk, "password": PASSWORD},
    ),
    Scenario(people.change_own_password, EVERYBODY, lambda _: {"password": PASSWORD}),
    Scenario(
        people.change_preferences,
        EVERYBODY,
        lambda _: {
            "name": "Another name",
            "keyboard_shortcuts": False,
            "theme": "dark",
            "density": "compact",
        },
    ),
    Scenario(second_factor.record_factor_added, None, lambda other: {**_of(other), "kind": "totp"}),
    Scenario(
        second_factor.record_factor_removed, None, lambda other: {**_of(other), "kind": "totp"}
    ),
    Scenario(second_factor.reset_second_factor, frozenset({Role.ADMIN, "command"}), _with_a_factor),
    Scenario(sessions.record_sign_in, None, lambda other: {**_of(other), "methods": ["password"]}),
    Scenario(
        sessions.record_failed_sign_in,
        None,
        lambda _: {"email": "who@team.example", "step": "password"},
    ),
    Scenario(sessions.record_sign_out, None, _of),
    Scenario(sessions.record_session_end, None, lambda other: {**_of(other), "ending": "idle"}),
    Scenario(
        keys.create_api_key,
        frozenset({Role.ADMIN, "command"}),
        lambda _: {"name": "Platform", "scopes": [Scope.CASES_READ]},
    ),
    Scenario(keys.revoke_api_key, frozenset({Role.ADMIN, "command"}), _key),
    Scenario(
        imports.create_batch, IMPORTERS, lambda _: {"origin": "command", "path": "accounts.csv"}
    ),
    Scenario(imports.queue_import, IMPORTERS, lambda _: {"path": "accounts.csv"}),
    Scenario(imports.sweep_imports, IMPORTERS, _dead_import, recorded_as="system:command"),
    Scenario(imports.record_download, IMPORTERS, lambda _: {"batch": factories.batch()}),
    Scenario(imports.record_look, IMPORTERS, lambda _: {"batch": factories.batch()}),
    Scenario(
        uploads.accept_upload,
        IMPORTERS,
        lambda _: {"files": [SimpleUploadedFile("accounts.csv", b"account_id\na1\n")]},
    ),
    Scenario(
        ingest.ingest,
        IMPORTERS,
        lambda _: {"table": "accounts", "rows": [(0, {"account_id": "a"})]},
    ),
    Scenario(runs.start_run, RUNNERS, lambda _: {"trigger": "command", "full": True}),
    Scenario(runs.cancel_run, RUNNERS, lambda other: {"run_id": _queued(other).pk}),
    Scenario(runs.release_dead_runs, RUNNERS, _with_a_dead_run),
    Scenario(runs.put_back, None, lambda other: {"run_id": _dead_run(other).pk}),
    Scenario(
        runs.record_export,
        RUNNERS | {Role.SUPERVISOR},
        lambda _: {"run": factories.run(), "what": "scores", "rows": 7},
    ),
    Scenario(
        thresholds.propose_thresholds,
        frozenset({Role.ADMIN}),
        lambda _: {"spec": _other_spec(), "note": "Fewer false alarms."},
    ),
    Scenario(thresholds.approve_thresholds, frozenset({Role.ADMIN}), _draft),
    Scenario(thresholds.withdraw_thresholds, frozenset({Role.ADMIN}), _draft),
    Scenario(trail.verify, frozenset({Role.AUDITOR, "worker", "command", "beat"}), lambda _: {}),
    Scenario(
        trail.ask_verification,
        frozenset({Role.AUDITOR, "worker", "command", "beat"}),
        lambda _: {},
    ),
    Scenario(
        trail.export,
        frozenset({Role.AUDITOR, "command"}),
        lambda _: {"filters": Filters(), "kind": "csv"},
    ),
    Scenario(
        checkpoints.make_checkpoint,
        frozenset({Role.AUDITOR, "worker", "command", "beat"}),
        lambda _: {},
    ),
    Scenario(
        checkpoints.export_proof,
        frozenset({Role.AUDITOR, "command"}),
        lambda _: {"filters": Filters()},
    ),
    Scenario(reads.record_read, None, lambda _: {"target": "import:1", "fields": ["region"]}),
    Scenario(rotation.rotate_key, frozenset({Role.ADMIN, "command"}), lambda _: {}),
]


def _name(service: Callable[..., Any]) -> str:
    return f"{service.__module__}.{service.__name__}"


BY_NAME = {_name(scenario.service): scenario for scenario in SCENARIOS}
# The import has a connection of its own, which sees only what is committed.
COMMITTED = {"accounts.ingest.ingest"}
NAMES = [
    pytest.param(name, marks=pytest.mark.django_db(transaction=name in COMMITTED))
    for name in BY_NAME
]


@pytest.fixture(autouse=True)
def _home_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.SIGHTLINE_HOME, settings.KEYS_DIR = tmp_path, tmp_path / "keys"
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def actor(who: str, request: pytest.FixtureRequest) -> Actor:
    """Whoever is called ``who``: a role, somebody who has left, a system, or a platform's key."""
    if who == "key":
        made = keys.create_api_key(
            actor=Actor.system("command"), name="Every scope", scopes=list(Scope)
        )
        return Actor.of_key(made.key)
    if who in {*Role, "outsider"}:
        return Actor.of_user(request.getfixturevalue(str(who)))
    return Actor.system(who)  # type: ignore[arg-type]  # one of the systems


def test_every_function_that_takes_an_actor_has_a_scenario() -> None:
    found = set()
    for floor in ("staff", "audit", "accounts", "signals"):
        package = import_module(floor)
        for module in pkgutil.walk_packages(package.__path__, f"{floor}."):
            if {"migrations", "simulate"} & set(module.name.split(".")):
                continue
            for name, function in inspect.getmembers(
                import_module(module.name), inspect.isfunction
            ):
                ours = function.__module__ == module.name and not name.startswith("_")
                if ours and "actor" in inspect.signature(function).parameters:
                    found.add(_name(function))
    assert found == BY_NAME.keys() | NOT_HERE.keys()


@pytest.mark.parametrize("who", ACTORS)
@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_an_entry_or_is_refused(
    name: str, who: str, actor: Actor, moderator2: User, admin2: User
) -> None:
    scenario = BY_NAME[name]
    arguments = scenario.prepare(moderator2)
    before = Entry.objects.count()

    if scenario.allowed is not None and who not in scenario.allowed:
        with pytest.raises((NotAllowed, ThresholdsRefused)):
            scenario.service(actor=actor, **arguments)
        assert Entry.objects.count() == before
        return

    scenario.service(actor=actor, **arguments)
    written = Entry.objects.filter(number__gt=before)
    names = {entry.actor for entry in written}
    assert (scenario.recorded_as or actor.label) in names
    # what follows from it, such as a run after an import, is done by Sightline itself
    assert all(name.startswith("system:") for name in names - {actor.label})
