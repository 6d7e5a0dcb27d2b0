"""Forms of this floor. The rules themselves are the services'; forms carry words and choices."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms

from staff.capabilities import Role
from staff.models import Density, Theme
from staff.scopes import SCOPE_MEANINGS
from staff.services.keys import DEFAULT_DAYS, LONGEST_DAYS

ROLE_MEANINGS = {
    Role.MODERATOR: "Moderator: reviews cases",
    Role.SUPERVISOR: "Supervisor: also decides escalations and referrals",
    Role.ADMIN: "Admin: imports, thresholds, staff and keys; decides no cases",
    Role.AUDITOR: "Auditor: reads, verifies and exports the audit trail",
}

RULES_IN_WORDS = (
    "At least 12 characters. Not like the name or the e-mail address, not a common password, "
    "not only digits."
)


def _required(sentence: str) -> dict[str, str]:
    return {"required": sentence}


class _PlainWords:
    """Replaces the labels of allauth's forms and drops their placeholders."""

    labels: dict[str, str] = {}
    hints: dict[str, str] = {}
    missing: dict[str, str] = {}
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.help_text = self.hints.get(name, "")
            if name in self.missing:
                field.error_messages["required"] = self.missing[name]
            field.widget.attrs.pop("placeholder", None)


class SignInForm(_PlainWords, LoginForm):  # type: ignore[misc]  # allauth has no types
    labels = {"login": "E-mail address", "password": "Password"}
    missing = {"login": "Enter your e-mail address.", "password": "Enter your password."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class OwnPasswordForm(_PlainWords, ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    labels = {
        "oldpassword": "Current password",
        "password1": "New password",
        "password2": "New password, once more",
    }
    hints = {"password1": RULES_IN_WORDS}
    missing = {
        "oldpassword": "Enter your current password.",
        "password1": "Enter a new password.",
        "password2": "Enter the new password once more.",
    }


class ConfirmPasswordForm(_PlainWords, ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    labels = {"password": "Your password"}
    missing = {"password": "Enter your password."}


class _CodeWords(_PlainWords):
    labels = {"code": "Code"}
    missing = {"code": "Enter the code."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.update(
            {"inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"}
        )


class CodeForm(_CodeWords, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    hints = {"code": "Six digits from your authenticator app, or one of your recovery codes."}


class ConfirmCodeForm(_CodeWords, ReauthenticateCodeForm):  # type: ignore[misc]  # allauth has no types
    hints = {"code": "Six digits from your authenticator app, or one of your recovery codes."}


class ActivateAppForm(_CodeWords, ActivateTOTPForm):  # type: ignore[misc]  # allauth has no types
    hints = {"code": "The six digits that the app shows now."}


class RoleField(forms.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        choices = [(role.value, meaning) for role, meaning in ROLE_MEANINGS.items()]
        super().__init__(
            choices=choices,
            widget=forms.RadioSelect,
            error_messages=_required("Choose a role."),
            **kwargs,
        )

    def clean(self, value: Any) -> Role:
        return Role(super().clean(value))


def password_field(label: str) -> forms.CharField:
    """A password chosen for another person."""
    return forms.CharField(
        label=label,
        help_text=RULES_IN_WORDS + " Hand it over in person; it can be changed after signing in.",
        strip=False,
        error_messages=_required("Enter a password."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class AddPersonForm(forms.Form):
    email = forms.CharField(
        label="E-mail address",
        max_length=254,
        error_messages=_required("Enter the e-mail address."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(
        label="Name", max_length=120, error_messages=_required("Enter the name.")
    )
    role = RoleField(label="Role")
    password = password_field(label="Password")


class RoleForm(forms.Form):
    role = RoleField(label="New role")


class PasswordForm(forms.Form):
    password = password_field(label="New password")


class PreferencesForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="As colleagues see it.",
        error_messages=_required("Enter your name."),
    )
    theme = forms.ChoiceField(label="Colours", choices=Theme.choices, widget=forms.RadioSelect)
    density = forms.ChoiceField(label="Lists", choices=Density.choices, widget=forms.RadioSelect)
    keyboard_shortcuts = forms.BooleanField(
        label="Keyboard shortcuts",
        required=False,
        help_text="Single keys such as j, k and c. Turn them off if you use speech input.",
    )


class AddKeyForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=80,
        help_text="The system that will use it, for example Platform.",
        error_messages=_required("Enter a name for the key."),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope.value, meaning) for scope, meaning in SCOPE_MEANINGS.items()],
        error_messages=_required("Choose at least one thing that the key may do."),
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(
        label="Works for, in days", min_value=1, max_value=LONGEST_DAYS, initial=DEFAULT_DAYS
    )
