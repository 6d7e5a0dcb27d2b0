"""What the process behind ``elsewhere`` has loaded before it is asked for anything.

It opens no connection: processes are forked from it.
"""

from __future__ import annotations

import os

import django


def _load() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()

    import pyarrow as pa

    import accounts.imports.run  # noqa: F401 - to be loaded
    import moderation.services.outbox  # noqa: F401 - to be loaded
    import signals.runner  # noqa: F401 - to be loaded
    from signals.engine.run import run
    from signals.engine.tables import RawGraph
    from signals.spec import ThresholdSpec

    # A run loads its compiled kernels, and much else that waits until it is wanted.
    run(RawGraph(accounts=pa.table({"id": [1]})), ThresholdSpec())


_load()
