"""Adding members of staff and changing what they may do."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from staff import trail
from staff.actors import Actor
from staff.capabilities import Capability, Role
from staff.errors import InvalidInput, NotAllowed, Refused
from staff.models import Density, Theme, User


@transaction.atomic
def create_staff(*, actor: Actor, email: str, role: Role, password: str, name: str = "") -> User:
    """Add an active member of staff. Without ``name`` the part before the @ stands in.

    Raises NotAllowed; InvalidInput with the fields ``email``, ``name``, ``role``, ``password``;
    Refused when the address is taken (nobody is ever changed by adding).
    """
    actor.require(Capability.MANAGE_STAFF)
    email = email.strip().lower()
    name = " ".join(name.split()) or email.partition("@")[0]
    user = User(email=email, name=name, role=role)
    _check(user, password)
    if User.objects.filter(email__iexact=email).exists():
        raise Refused(f"There is already a member of staff with the address {email}.")
    user.set_password(password)
    user.save()
    trail.record(
        actor=actor,
        verb="staff.create",
        target=target_of(user),
        after={"name": user.name, "role": user.role},
    )
    return user


@transaction.atomic
def change_role(*, actor: Actor, user_id: int, role: Role) -> User:
    """Give a member of staff another role; it counts from the person's next click.

    Raises NotAllowed; Refused for one's own role, for the last active admin, or when the role is
    already held; InvalidInput for an unknown role; User.DoesNotExist.
    """
    actor.require(Capability.MANAGE_STAFF)
    user = _locked(user_id)
    if role not in set(Role):
        raise InvalidInput({"role": _unknown_role(role)})
    if _is_self(actor, user):
        raise Refused("You cannot change your own role; another admin can.")
    if user.role == role:
        raise Refused(f"{user.name} already has the role {role}.")
    _keep_an_admin(user)
    before, user.role = user.role, role
    user.save(update_fields=["role"])
    trail.record(
        actor=actor,
        verb="staff.change_role",
        target=target_of(user),
        before={"role": before},
        after={"role": user.role},
    )
    return user


@transaction.atomic
def deactivate(*, actor: Actor, user_id: int) -> User:
    """Take a person's access away at once: open sessions end, what the person did stays.

    Raises NotAllowed; Refused for oneself, the last active admin, or a person without access;
    User.DoesNotExist.
    """
    actor.require(Capability.MANAGE_STAFF)
    user = _locked(user_id)
    if _is_self(actor, user):
        raise Refused("You cannot deactivate yourself; another admin can.")
    if not user.is_active:
        raise Refused(f"{user.name} is already deactivated.")
    _keep_an_admin(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    trail.record(
        actor=actor,
        verb="staff.deactivate",
        target=target_of(user),
        before={"active": True},
        after={"active": False},
    )
    return user


@transaction.atomic
def reactivate(*, actor: Actor, user_id: int) -> User:
    """Give a deactivated person access again, with the role held before.

    Raises NotAllowed; Refused when the person has access; User.DoesNotExist.
    """
    actor.require(Capability.MANAGE_STAFF)
    user = _locked(user_id)
    if user.is_active:
        raise Refused(f"{user.name} is already active.")
    user.is_active = True
    user.save(update_fields=["is_active"])
    trail.record(
        actor=actor,
        verb="staff.reactivate",
        target=target_of(user),
        before={"active": False},
        after={"active": True},
    )
    return user


@transaction.atomic
def set_password(*, actor: Actor, user_id: int, password: str) -> User:
    """Set another person's password; that person's sessions end.

    Raises NotAllowed; InvalidInput with the field ``password``; Refused for one's own (the
    preferences page asks for the old one first); User.DoesNotExist.
    """
    actor.require(Capability.MANAGE_STAFF)
    user = _locked(user_id)
    if _is_self(actor, user):
        raise Refused("Change your own password on the preferences page.")
    _check(user, password)
    return _store_password(actor, user, password)


@transaction.atomic
def change_own_password(*, actor: Actor, password: str) -> User:
    """Set the actor's own password. The caller has checked the old one or the session's proof.

    Raises NotAllowed unless the actor is an active person; InvalidInput.
    """
    user = _locked(_person(actor).pk)
    _check(user, password)
    return _store_password(actor, user, password)


@transaction.atomic
def change_preferences(
    *, actor: Actor, name: str, keyboard_shortcuts: bool, theme: Theme, density: Density
) -> User:
    """Change what the actor may choose for himself. Nothing is recorded when nothing changes.

    Raises NotAllowed unless the actor is an active person; InvalidInput.
    """
    user = _locked(_person(actor).pk)
    new = {
        "name": " ".join(name.split()),
        "keyboard_shortcuts": keyboard_shortcuts,
        "theme": theme,
        "density": density,
    }
    changed = {key: value for key, value in new.items() if getattr(user, key) != value}
    if not changed:
        return user
    before = {key: getattr(user, key) for key in changed}
    for key, value in changed.items():
        setattr(user, key, value)
    _check(user)
    user.save(update_fields=list(changed))
    trail.record(
        actor=actor,
        verb="staff.change_preferences",
        target=target_of(user),
        before=before,
        after=changed,
    )
    return user


def target_of(user: User) -> str:
    """How entries name ``user`` as the one acted upon."""
    return f"staff:{user.pk}"


def _person(actor: Actor) -> User:
    if actor.user is None or not actor.user.is_active:
        raise NotAllowed(f"{actor.label} is no active member of staff.")
    return actor.user


def _is_self(actor: Actor, user: User) -> bool:
    return actor.user is not None and actor.user.pk == user.pk


def _locked(user_id: int) -> User:
    """The person, locked together with every active admin.

    All in one order: of two admins who remove each other at once, one finds himself the last. Their
    keys stay free: whatever they are just doing refers to them, and has the trail that this needs.
    """
    rows = User.objects.select_for_update(no_key=True).order_by("pk")
    people = {
        user.pk: user for user in rows.filter(Q(pk=user_id) | Q(role=Role.ADMIN, is_active=True))
    }
    if user_id not in people:
        raise User.DoesNotExist(f"There is no member of staff with the number {user_id}.")
    return people[user_id]


def _keep_an_admin(user: User) -> None:
    if user.role != Role.ADMIN or not user.is_active:
        return
    if not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk).exists():
        raise Refused(f"{user.name} is the last active admin; make another person admin first.")


def _store_password(actor: Actor, user: User, password: str) -> User:
    user.set_password(password)
    user.save(update_fields=["password"])
    trail.record(actor=actor, verb="staff.set_password", target=target_of(user))
    return user


def _check(user: User, password: str | None = None) -> None:
    errors: dict[str, str] = {}
    try:
        validate_email(user.email)
    except ValidationError:
        errors["email"] = f"{user.email!r} is not an e-mail address."
    if len(user.email) > 254:
        errors["email"] = "The e-mail address is longer than 254 characters."
    if not user.name or len(user.name) > 120 or not user.name.isprintable():
        errors["name"] = "The name must have 1 to 120 printable characters."
    if user.role not in set(Role):
        errors["role"] = _unknown_role(user.role)
    if user.theme not in Theme.values:
        errors["theme"] = f"{user.theme!r} is no theme."
    if user.density not in Density.values:
        errors["density"] = f"{user.density!r} is no density."
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            errors["password"] = " ".join(error.messages)
    if errors:
        raise InvalidInput(errors)


def _unknown_role(role: str) -> str:
    return f"{role!r} is no role: choose one of {', '.join(Role)}."
