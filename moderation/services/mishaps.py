"""Writing down what nobody foresaw, so that work for other cases goes on."""

from __future__ import annotations

import logging
import traceback

from staff.errors import Refused

logger = logging.getLogger(__name__)


def note(doing: str, error: Exception) -> str:
    """Log where ``error`` came from while ``doing``; the name of its kind, which may be shown.

    The message stays out, unless it is our own refusal: it may quote what was being worked on.
    """
    kind = type(error).__name__
    said = f" ({error.message})" if isinstance(error, Refused) else ""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s ended in %s%s.\n%s", doing, kind, said, where)
    return kind
