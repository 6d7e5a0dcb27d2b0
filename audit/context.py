"""What surrounds the current piece of work."""

from contextvars import ContextVar

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The web request's or task's id (up to 64 characters); entries carry it. Set by middleware."""
