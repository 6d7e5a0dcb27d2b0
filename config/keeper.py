"""Stops the embedded database when its last user is gone: `python -m config.keeper HOME LOCK`.

Started by `config.embedded`, which hands over the open lock file LOCK (a descriptor number). The
keeper waits for the exclusive lock on the users' file; every process that uses the server holds
the shared one, and the kernel drops it when the process ends, also after `kill -9`.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from config.embedded import EmbeddedServer
from config.embedded_programs import EmbeddedError


def keep(home: Path, keeper_lock: int) -> None:
    """Wait until nobody uses the server under `home`, then stop it."""
    server = EmbeddedServer(home)
    os.pwrite(keeper_lock, f"{os.getpid()}\n".encode(), 0)
    users = os.open(server.folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def stop_now(_signal: int, _frame: FrameType | None) -> None:
        # The machine shuts down: users lose their connection, the data stays whole.
        server.stop()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop_now)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fcntl.flock(users, fcntl.LOCK_EX)
    try:
        server.stop()
    finally:
        # In this order: whoever waits for the users' lock must find no keeper and start its own.
        os.close(keeper_lock)
        os.close(users)


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]), int(sys.argv[2]))
    except (EmbeddedError, FileNotFoundError) as error:
        # Without its folder (`make reset`) there is nothing left to keep.
        sys.exit(str(error))
