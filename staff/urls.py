"""Addresses of this floor. allauth's pages are named one by one: there is no sign-up page."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.urls import path

from staff import single_sign_on as service
from staff.views import home, keys, people, preferences, single_sign_on

activate_totp = single_sign_on.confirmed_first(totp.activate_totp)
add_webauthn = single_sign_on.confirmed_first(webauthn.add_webauthn)

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", account.login, name="account_login"),
    path("sign-in/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("sign-in/no-access/", account.account_inactive, name="account_inactive"),
    path("sign-out/", account.logout, name="account_logout"),
    path("confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("confirm/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path(
        "confirm/security-key/",
        webauthn.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
    path("preferences/", preferences.preferences, name="preferences"),
    path("preferences/password/", account.password_change, name="account_change_password"),
    path("preferences/second-factor/", mfa.index, name="mfa_index"),
    path("preferences/second-factor/app/", activate_totp, name="mfa_activate_totp"),
    path("preferences/second-factor/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("preferences/second-factor/keys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("preferences/second-factor/keys/add/", add_webauthn, name="mfa_add_webauthn"),
    path(
        "preferences/second-factor/keys/<int:pk>/", webauthn.edit_webauthn, name="mfa_edit_webauthn"
    ),
    path(
        "preferences/second-factor/keys/<int:pk>/remove/",
        webauthn.remove_webauthn,
        name="mfa_remove_webauthn",
    ),
    path(
        "preferences/second-factor/recovery-codes/",
        recovery_codes.view_recovery_codes,
        name="mfa_view_recovery_codes",
    ),
    path(
        "preferences/second-factor/recovery-codes/new/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "preferences/second-factor/recovery-codes/download/",
        recovery_codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path("staff/", people.staff, name="staff"),
    path("staff/add/", people.add, name="staff_add"),
    path("staff/<int:pk>/", people.person, name="staff_person"),
    path("staff/<int:pk>/role/", people.change_role, name="staff_role"),
    path("staff/<int:pk>/password/", people.set_password, name="staff_password"),
    path("staff/<int:pk>/second-factor/", people.reset_second_factor, name="staff_second_factor"),
    path("staff/<int:pk>/deactivate/", people.deactivate, name="staff_deactivate"),
    path("staff/<int:pk>/reactivate/", people.reactivate, name="staff_reactivate"),
    path("keys/", keys.keys, name="keys"),
    path("keys/add/", keys.add, name="keys_add"),
    path("keys/<int:pk>/revoke/", keys.revoke, name="keys_revoke"),
]

# Of a sign-in service that the settings name; see ``staff.policy.single_sign_on``.
single_sign_on_patterns = [
    path("sign-in/single-sign-on/", single_sign_on.sign_in, name="single_sign_on"),
    path(
        "sign-in/single-sign-on/<slug:provider_id>/back/",
        openid_connect.callback,
        name="openid_connect_callback",
    ),
    path("confirm/single-sign-on/", single_sign_on.confirm, name="single_sign_on_confirm"),
]
if service.is_offered():
    urlpatterns += single_sign_on_patterns
