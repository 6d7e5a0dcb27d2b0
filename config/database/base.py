from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from config.embedded import EmbeddedServer
from config.embedded_programs import EmbeddedError


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects as Django does; with `EMBEDDED_HOME` set, makes sure first that the server runs.

    So a command that never asks the database starts none, and a connection that is opened again
    after the server died finds it running again.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        home: Path | None = self.settings_dict.get("EMBEDDED_HOME")
        if home is not None:
            try:
                EmbeddedServer.at(home).ensure_running()
            except EmbeddedError as error:
                raise OperationalError(str(error)) from error
        return super().get_new_connection(conn_params)
