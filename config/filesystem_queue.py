"""Kombu's filesystem transport with whole files only.

Kombu writes a message into its final name and readers rename it from under the writer, so a
reader can meet half a message; the exchange tables have the same gap. Here both appear at once,
complete, by a rename inside one folder's file system.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **_kwargs: Any) -> None:
        # Wall-clock time sorts the same way after a restart of the machine.
        name = f"{time.time_ns()}_{uuid.uuid4().hex}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, dumps(payload))

    def _get(self, queue: str) -> Any:
        ending = f".{queue}.msg"
        folder, taken_folder = Path(self.data_folder_in), Path(self.processed_folder)
        for name in sorted(n for n in os.listdir(folder) if n.endswith(ending)):
            taken = taken_folder / name
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            payload = loads(taken.read_text("utf-8"))
            taken.unlink()
            return payload
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        table = self.get_table(exchange)
        if binding not in table:
            _write_whole(self._exchange_file(exchange), dumps([binding, *table]))


class Transport(filesystem.Transport):
    Channel = Channel


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
