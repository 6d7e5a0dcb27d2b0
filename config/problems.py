"""API errors as RFC 9457 problem details."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into `application/problem+json`; None for what is no API error.

    Validation errors add `errors`: a list of `{"field", "message"}`, the field as a dotted path.
    """
    response = default_handler(error, context)
    if response is None:
        return None
    status = response.status_code
    title = _TITLES.get(status, "The request could not be carried out")
    problem: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if isinstance(error, exceptions.ValidationError):
        problem["errors"] = list(_flatten(error.detail))
    elif isinstance(response.data, dict) and "detail" in response.data:
        problem["detail"] = str(response.data["detail"])
    response.data = problem
    response.content_type = "application/problem+json"
    return response


_TITLES = {
    400: "The request is not valid",
    401: "A valid API key is needed",
    403: "The API key does not allow this",
    404: "Not found",
    405: "This method is not offered here",
    406: "This format is not offered",
    409: "The state has changed in the meantime",
    413: "The request is too large",
    415: "This content type is not taken",
    429: "Too many requests",
}


def _flatten(detail: Any, path: str = "") -> Any:
    if isinstance(detail, dict):
        for key, value in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _flatten(value, ".".join(filter(None, (path, own))))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from _flatten(value, f"{path}.{index}".lstrip(".") if nested else path)
    else:
        yield {"field": path, "message": str(detail)}
