"""All writes of this floor. Views, commands and tasks call these and nothing else."""

from staff.services.people import (
    change_own_password,
    change_preferences,
    change_role,
    create_staff,
    deactivate,
    reactivate,
    set_password,
)

__all__ = [
    "change_own_password",
    "change_preferences",
    "change_role",
    "create_staff",
    "deactivate",
    "reactivate",
    "set_password",
]
