"""The queue of files that carries tasks when there is no broker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue

from config.filesystem_queue import Channel

TAKE_ALL = """
import sys
from pathlib import Path
from tests.config.test_filesystem_queue import take_all
print(*take_all(Path(sys.argv[1])), flush=True)
"""


def connect(folder: Path) -> Connection:
    for name in ("messages", "control", "taken"):
        (folder / name).mkdir(exist_ok=True)
    return Connection(
        "filesystem://",
        transport="config.filesystem_queue:Transport",
        transport_options={
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "processed_folder": str(folder / "taken"),
        },
    )


def queue_of(folder: Path) -> Queue:
    # One queue a folder: kombu remembers for the whole process which queues it has declared.
    return Queue(folder.name, Exchange(folder.name), routing_key=folder.name)


def put(folder: Path, *numbers: int) -> None:
    queue = queue_of(folder)
    with connect(folder) as connection, connection.Producer(serializer="json") as producer:
        for number in numbers:
            producer.publish(
                {"number": number},
                exchange=queue.exchange,
                routing_key=queue.routing_key,
                declare=[queue],
            )


def take_all(folder: Path) -> list[int]:
    taken = []
    with connect(folder) as connection, connection.channel() as channel:
        bound = queue_of(folder)(channel)
        bound.declare()
        while (message := bound.get()) is not None:
            taken.append(message.payload["number"])
            message.ack()
    return taken


def test_messages_come_out_in_the_order_they_went_in(tmp_path: Path) -> None:
    put(tmp_path, *range(50))
    assert take_all(tmp_path) == list(range(50))
    assert take_all(tmp_path) == []


def test_each_message_is_taken_once_by_readers_at_once(tmp_path: Path) -> None:
    put(tmp_path, *range(300))
    command = [sys.executable, "-c", TAKE_ALL, str(tmp_path)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    taken = [int(word) for reader in readers for word in reader.communicate()[0].split()]
    assert all(reader.returncode == 0 for reader in readers)
    assert sorted(taken) == list(range(300))


def test_a_message_not_yet_whole_is_not_seen(tmp_path: Path) -> None:
    put(tmp_path, 1)
    (tmp_path / "messages" / ".half.tmp").write_text("{")
    assert take_all(tmp_path) == [1]
    with connect(tmp_path) as connection, connection.channel() as channel:
        assert isinstance(channel, Channel)
        with pytest.raises(Empty):
            channel._get(tmp_path.name)
