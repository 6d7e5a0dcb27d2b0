"""Writing down what nobody foresaw, so that work for other cases goes on."""

from __future__ import annotations

import logging
import traceback

logger = logging.getLogger(__name__)


def note(doing: str, error: Exception) -> str:
    """Log where ``error`` came from while ``doing``; the name of its kind, which may be shown.

    Its message stays out of the log and off the page: it may quote what was being worked on.
    """
    kind = type(error).__name__
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s ended in %s.\n%s", doing, kind, where)
    return kind
