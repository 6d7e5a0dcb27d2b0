"""All writes of this floor. Views, commands and tasks call these and nothing else."""

from staff.services.keys import NewKey, create_api_key, note_use, revoke_api_key
from staff.services.people import (
    change_own_password,
    change_preferences,
    change_role,
    create_staff,
    deactivate,
    reactivate,
    set_password,
)
from staff.services.second_factor import (
    record_factor_added,
    record_factor_removed,
    reset_second_factor,
)
from staff.services.sessions import (
    record_failed_sign_in,
    record_session_end,
    record_sign_in,
    record_sign_out,
)
from staff.services.single_sign_on import link_sign_on

__all__ = [
    "NewKey",
    "change_own_password",
    "change_preferences",
    "change_role",
    "create_api_key",
    "create_staff",
    "deactivate",
    "link_sign_on",
    "note_use",
    "reactivate",
    "record_factor_added",
    "record_factor_removed",
    "record_failed_sign_in",
    "record_session_end",
    "record_sign_in",
    "record_sign_out",
    "reset_second_factor",
    "revoke_api_key",
    "set_password",
]
