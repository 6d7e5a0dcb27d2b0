from staff.models.api_key import ApiKey
from staff.models.user import Density, Theme, User, UserManager

__all__ = ["ApiKey", "Density", "Theme", "User", "UserManager"]
