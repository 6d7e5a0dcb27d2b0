"""Who reaches which page of this floor. The tests walk it against every route."""

from __future__ import annotations

from typing import Final

from staff.capabilities import Role

PUBLIC: Final = "public"
"""Stands for a page that needs no sign-in."""

KEYS: Final = "keys"
"""Stands for an endpoint that API keys open, and no session does."""

EVERYBODY: Final = frozenset(Role)
_ADMINS: Final = frozenset({Role.ADMIN})

urls_policy: Final[dict[str, frozenset[Role] | str]] = {
    "home": EVERYBODY,
    "account_login": PUBLIC,
    "mfa_authenticate": PUBLIC,  # half signed in: it leads back to the sign-in page otherwise
    "account_inactive": PUBLIC,
    "account_logout": PUBLIC,
    "account_reauthenticate": EVERYBODY,
    "mfa_reauthenticate": EVERYBODY,
    "mfa_reauthenticate_webauthn": EVERYBODY,
    "preferences": EVERYBODY,
    "account_change_password": EVERYBODY,
    "mfa_index": EVERYBODY,
    "mfa_activate_totp": EVERYBODY,
    "mfa_deactivate_totp": EVERYBODY,
    "mfa_list_webauthn": EVERYBODY,
    "mfa_add_webauthn": EVERYBODY,
    "mfa_edit_webauthn": EVERYBODY,
    "mfa_remove_webauthn": EVERYBODY,
    "mfa_view_recovery_codes": EVERYBODY,
    "mfa_generate_recovery_codes": EVERYBODY,
    "mfa_download_recovery_codes": EVERYBODY,
    "staff": _ADMINS,
    "staff_add": _ADMINS,
    "staff_person": _ADMINS,
    "staff_role": _ADMINS,
    "staff_password": _ADMINS,
    "staff_second_factor": _ADMINS,
    "staff_deactivate": _ADMINS,
    "staff_reactivate": _ADMINS,
    "keys": _ADMINS,
    "keys_add": _ADMINS,
    "keys_revoke": _ADMINS,
}
"""Name of the route to the roles that it is for, or ``PUBLIC``."""

single_sign_on: Final[dict[str, frozenset[Role] | str]] = {
    "single_sign_on": PUBLIC,
    "openid_connect_callback": PUBLIC,
    "single_sign_on_confirm": EVERYBODY,
}
"""The same for the routes that are there only when the settings name a sign-in service."""
