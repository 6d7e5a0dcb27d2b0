"""What every page's template may use."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.functional import SimpleLazyObject

# No inline code, no evaluated attributes, nothing of a page with children's data kept in the
# browser's storage; a conflict (409) or a form with errors (422) is shown like any answer.
HTMX_CONFIG = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "allowScriptTags": False,
        "selfRequestsOnly": True,
        "historyRestoreAsHxRequest": False,
        "historyCacheSize": 0,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "409|422", "swap": True},
            {"code": "[45]..", "swap": False, "error": True},
        ],
    }
)


def page(request: HttpRequest) -> dict[str, Any]:
    """What every page's template may use.

    `htmx_config`: for `<meta name="htmx-config" content="{{ htmx_config }}">` in the head;
    `single_sign_on_name`: what people call their sign-in service, empty where none is set;
    `csrf_token`: masked anew for each answer, as Django does, but once: a case has a dozen forms,
    and the same token in each also compresses.
    """
    name = settings.OIDC_NAME if settings.OIDC_CLIENT_ID else ""
    return {
        "htmx_config": HTMX_CONFIG,
        "single_sign_on_name": name,
        "csrf_token": SimpleLazyObject(lambda: get_token(request)),
    }
