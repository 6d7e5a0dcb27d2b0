"""What everybody may choose for himself."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from staff.errors import InvalidInput
from staff.forms import PreferencesForm
from staff.models import Density, Theme, User
from staff.selectors import has_second_factor
from staff.services import change_preferences
from staff.views.guard import actor_of, signed_in
from staff.views.outcome import show_errors


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def preferences(request: HttpRequest) -> HttpResponseBase:
    actor = actor_of(request)
    user = cast("User", actor.user)
    form = PreferencesForm(
        request.POST or None,
        initial={
            "name": user.name,
            "theme": user.theme,
            "density": user.density,
            "keyboard_shortcuts": user.keyboard_shortcuts,
        },
    )
    if form.is_valid():
        try:
            change_preferences(
                actor=actor,
                name=form.cleaned_data["name"],
                keyboard_shortcuts=form.cleaned_data["keyboard_shortcuts"],
                theme=Theme(form.cleaned_data["theme"]),
                density=Density(form.cleaned_data["density"]),
            )
        except InvalidInput as refusal:
            show_errors(form, refusal)
        else:
            messages.success(request, "Your preferences are saved.")
            return HttpResponseRedirect(reverse("preferences"))
    return render(
        request,
        "staff/preferences.html",
        {"form": form, "has_second_factor": has_second_factor(user)},
        status=422 if form.errors else 200,
    )
