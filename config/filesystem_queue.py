"""Kombu's filesystem transport with whole files only.

Kombu writes a message into its final name and readers rename it from under the writer, so a
reader can meet half a message; the exchange tables have the same gap. Here both appear at once,
complete, by a rename inside one folder's file system.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    def _put(  # type: ignore[override]  # kombu's own two base classes name it differently
        self, queue: str, payload: dict[str, Any], **_options: Any
    ) -> None:
        # Wall-clock time sorts the same way after a restart of the machine.
        name = f"{time.time_ns()}_{uuid.uuid4().hex}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for waiting in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = Path(self.processed_folder) / waiting.name
            try:
                waiting.rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            payload = loads(taken.read_text("utf-8"))
            taken.unlink()
            return payload
        raise Empty

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str
    ) -> None:
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue)
        table = self.get_table(exchange)
        if binding not in table:
            _write_whole(self.control_folder / f"{exchange}.exchange", dumps([binding, *table]))


class Transport(filesystem.Transport):
    Channel = Channel


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
