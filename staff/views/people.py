"""The staff page: who works here, in which role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from staff import services
from staff.actors import Actor
from staff.capabilities import Capability, Role
from staff.errors import InvalidInput, Refused
from staff.forms import AddPersonForm, PasswordForm, RoleForm
from staff.models import User
from staff.selectors import everybody
from staff.views.guard import actor_of, require
from staff.views.outcome import show_errors

manages_staff = require(Capability.MANAGE_STAFF)


@require_safe
@manages_staff
def staff(request: HttpRequest) -> HttpResponseBase:
    return render(request, "staff/staff.html", {"people": everybody()})


@require_http_methods(["GET", "HEAD", "POST"])
@manages_staff
def add(request: HttpRequest) -> HttpResponseBase:
    form = AddPersonForm(request.POST or None, initial={"role": Role.MODERATOR})
    if form.is_valid():
        try:
            user = services.create_staff(actor=actor_of(request), **form.cleaned_data)
        except InvalidInput as refusal:
            show_errors(form, refusal)
        except Refused as refusal:
            form.add_error("email", refusal.message)
        else:
            messages.success(request, f"{user.name} can now sign in.")
            return HttpResponseRedirect(reverse("staff"))
    return render(request, "staff/add.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@manages_staff
def person(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, pk)


@require_POST
@manages_staff
def change_role(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, role_form=form)
    return _do(
        request,
        pk,
        lambda actor: services.change_role(actor=actor, user_id=pk, role=form.cleaned_data["role"]),
        "{name} now has the role {role}.",
    )


@require_POST
@manages_staff
def set_password(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = PasswordForm(request.POST)
    if form.is_valid():
        try:
            return _do(
                request,
                pk,
                lambda actor: services.set_password(
                    actor=actor, user_id=pk, password=form.cleaned_data["password"]
                ),
                "The password of {name} is changed; open sessions have ended.",
            )
        except InvalidInput as refusal:
            show_errors(form, refusal)
    return _page(request, pk, password_form=form)


@require_POST
@manages_staff
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _do(
        request,
        pk,
        lambda actor: services.reset_second_factor(actor=actor, user_id=pk),
        "The second factors of {name} are removed.",
    )


@require_POST
@manages_staff
def deactivate(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _do(
        request,
        pk,
        lambda actor: services.deactivate(actor=actor, user_id=pk),
        "{name} no longer has access.",
    )


@require_POST
@manages_staff
def reactivate(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _do(
        request,
        pk,
        lambda actor: services.reactivate(actor=actor, user_id=pk),
        "{name} has access again.",
    )


def _do(
    request: HttpRequest, pk: int, service: Callable[[Actor], User], done: str
) -> HttpResponseBase:
    """Call the service and say on the person's page what came of it."""
    try:
        user = service(actor_of(request))
    except User.DoesNotExist:
        raise Http404 from None
    except InvalidInput:
        raise
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, done.format(name=user.name, role=user.role))
    return HttpResponseRedirect(reverse("staff_person", args=[pk]))


def _page(request: HttpRequest, pk: int, **bound: forms.Form) -> HttpResponse:
    someone = get_object_or_404(everybody(), pk=pk)
    invalid = next((form for form in bound.values() if form.errors), None)
    context: dict[str, Any] = {
        "person": someone,
        "is_self": someone.pk == request.user.pk,
        "role_form": RoleForm(initial={"role": someone.role}),
        "password_form": PasswordForm(),
        "form": invalid,
        **bound,
    }
    return render(request, "staff/person.html", context, status=422 if invalid else 200)
