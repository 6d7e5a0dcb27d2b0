"""Every address, with those of a sign-in service."""

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as usual
from staff.urls import single_sign_on_patterns

urlpatterns = [*usual, *single_sign_on_patterns]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
