"""Webhooks go to the address in the settings, and never into the house by another name."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from moderation.services import webhooks
from moderation.services.carriers import GiveUp, TryAgain

SECRET = "whsec_" + "c2lnaHRsaW5lIHRlc3Qgc2VjcmV0IQ=="


def _post() -> None:
    webhooks.post(message="age_check:1", body={"a": 1})


def _resolving_to(*addresses: str) -> Any:
    """A name service that knows these addresses for every name."""

    def look_up(_host: str, port: int, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    return look_up


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.0.0.1",), ("127.0.0.1",), ("169.254.169.254",), ("100.64.0.1",), ("0.0.0.0",),
        ("::1",), ("fe80::1",), ("fd00::1",), ("::",),
        ("224.0.0.1",), ("ff0e::1",),  # to many machines at once
        ("::ffff:10.0.0.1",), ("::ffff:169.254.169.254",),  # IPv4 written as IPv6
        ("64:ff9b::a00:1",), ("64:ff9b::7f00:1",),  # translated by a gateway
        ("2002:a00:1::",), ("2002:7f00:1::1",),  # tunnelled
        ("93.184.215.14", "10.0.0.1"),  # one good address among others
    ],
)  # fmt: skip
def test_no_name_leads_into_the_house(
    addresses: tuple[str, ...], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_URL = "https://platform.example/hook"
    settings.WEBHOOK_SECRET = SECRET
    monkeypatch.setattr(socket, "getaddrinfo", _resolving_to(*addresses))
    with pytest.raises(GiveUp, match="an internal address"):
        _post()


@pytest.mark.parametrize(
    "url",
    [
        "https://platform.example@127.0.0.1/x",  # the part before the @ is a name of somebody
        "https://platform.example:443@[::1]/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:7f00:1]/x",
    ],
)
def test_no_way_of_writing_it_leads_into_the_house(url: str, settings: Any) -> None:
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = url, SECRET
    with pytest.raises(GiveUp, match="an internal address"):
        _post()


@pytest.mark.parametrize("url", ["https://[::1/x", "https://a:b:c/x", "https://x:99999999/y"])
def test_what_is_no_address_is_said_to_be_none(url: str, settings: Any) -> None:
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = url, SECRET
    with pytest.raises((GiveUp, TryAgain), match=r"no address that can be read|looked up"):
        _post()


@contextmanager
def _server(answer: Any, family: int = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[int]:
    """Takes connections and lets ``answer`` write to each; the port."""
    with socket.create_server((host, 0), family=family) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    taken, _ = listener.accept()
                except TimeoutError:
                    continue
                with taken:
                    taken.settimeout(2)
                    taken.recv(65_536)
                    answer(taken, ended)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def test_an_answer_that_never_ends_keeps_no_worker(settings: Any) -> None:
    def endless(taken: socket.socket, ended: threading.Event) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
        while not ended.wait(0.05):
            try:
                taken.sendall(b"x")
            except OSError:
                return

    settings.WEBHOOK_SECRET, settings.WEBHOOK_INTERNAL = SECRET, True
    with _server(endless) as port:
        settings.WEBHOOK_URL = f"http://127.0.0.1:{port}/hook"
        begun = time.monotonic()
        _post()
    assert time.monotonic() - begun < 5


def test_an_address_of_ipv6_is_reached(settings: Any) -> None:
    seen: list[bytes] = []

    def fine(taken: socket.socket, _ended: threading.Event) -> None:
        seen.append(b"")
        taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    settings.WEBHOOK_SECRET, settings.WEBHOOK_INTERNAL = SECRET, True
    try:
        with _server(fine, socket.AF_INET6, "::1") as port:
            settings.WEBHOOK_URL = f"http://[::1]:{port}/hook"
            _post()
    except OSError as error:
        pytest.skip(f"This machine has no IPv6: {error}.")
    assert len(seen) == 1
