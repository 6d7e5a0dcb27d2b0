"""Filing against a stub of NCMEC's server: whatever breaks, one report is filed, and only one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest

from moderation.cybertipline.client import Answered, Client, Code, CyberTiplineError, Unclear
from moderation.cybertipline.filing import UPLOADED, Filing, Progress
from moderation.cybertipline.report import cybertipline_xml
from tests.moderation.package.cybertip_stub import (
    PASSWORD,
    READER,
    SCHEMA,
    USER,
    Killed,
    Stub,
    Wire,
)
from tests.moderation.package.views import case_view

FILES = {
    "cybertipline.xml": cybertipline_xml(case_view(2, most=3)),
    "report.pdf": b"%PDF of a sort" * 50,
    "contacts.csv": b"a,b\r\n",
}
ADDRESS = "https://stub.example/ispws"


class Kept:
    """What would be in the delivery's row: all that survives a worker."""

    def __init__(self) -> None:
        self.progress: dict[str, Any] = {}

    def save(self, progress: Progress) -> None:
        self.progress = progress.as_json()


def _client(stub: Stub, plan: Any = lambda _number, _step: "", user: str = USER) -> Client:
    return Client(ADDRESS, user, PASSWORD, transport=Wire(stub, plan))


def _attempt(stub: Stub, kept: Kept, plan: Any = lambda _number, _step: "") -> int:
    progress = Progress.of_json(kept.progress)
    return Filing(_client(stub, plan), FILES, progress, kept.save).run()


def test_a_quiet_day() -> None:
    stub, kept = Stub(), Kept()
    number = _attempt(stub, kept)
    assert stub.asked == ["submit", "upload", "fileinfo", "upload", "fileinfo", "finish"]
    assert stub.filed == [number]
    report = stub.reports[number]
    assert report.xml == FILES["cybertipline.xml"]
    assert dict(report.files.values()) == {name: FILES[name] for name in UPLOADED}
    assert report.described == set(report.files)


STEPS = ["submit", "upload", "fileinfo", "upload", "fileinfo", "finish"]
FAULTS = ["cut", "timeout", "500", "garbage", "die"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
def test_each_break_at_each_step(at: int, fault: str, when: str) -> None:
    stub, kept = Stub(), Kept()
    with pytest.raises(Killed if fault == "die" else Unclear):
        _attempt(stub, kept, lambda number, _step: f"{fault}-{when}" if number == at else "")
    number = _attempt(stub, kept)
    assert stub.filed == [number]
    assert sorted(name for name, _ in stub.reports[number].files.values()) == sorted(UPLOADED)


def test_200_stories_of_broken_networks_dying_workers_and_long_nights() -> None:
    """By chance: breaks in a row, hours between attempts, errors that the server reports."""
    restarts = 0
    for seed in range(200):
        chance = Random(seed)
        stub, kept = Stub(), Kept()
        stub.expired_as = chance.choice((5001, 5101))
        for path in ("submit", "upload", "fileinfo", "finish", "retract"):
            codes = (1000, 1100, 1110, 1111, 1300)
            stub.failing[path] = [chance.choice(codes) for _ in range(chance.randint(0, 1))]

        def plan(_number: int, _step: str, chance: Random = chance) -> str:
            if chance.random() < 0.82:
                return ""
            return f"{chance.choice(FAULTS)}-{chance.choice(('before', 'after'))}"

        for _attempt_number in range(300):
            try:
                number = _attempt(stub, kept, plan)
            except (CyberTiplineError, Killed):
                stub.now += timedelta(minutes=chance.choice((1, 30, 70, 60 * 25)))
            else:
                break
        else:
            pytest.fail(f"story {seed} never ended")
        assert stub.filed == [number], seed
        files = stub.reports[number].files
        assert sorted(name for name, _ in files.values()) == sorted(UPLOADED), seed
        assert stub.reports[number].described == set(files), seed
        restarts += stub.asked.count("submit") > 1
    assert restarts > 50  # the stories are not all quiet


def test_a_worker_that_was_replaced_files_nothing_more() -> None:
    """It finds another token at its next step, and stops."""

    class Lost(Exception):
        pass

    for step in range(1, 14):
        stub, kept = Stub(), Kept()
        saves = 0

        def save(progress: Progress, step: int = step, kept: Kept = kept) -> None:
            nonlocal saves
            saves += 1
            if saves == step:
                raise Lost
            kept.save(progress)

        filing = Filing(_client(stub), FILES, Progress(), save)
        try:
            filing.run()
        except Lost:
            assert _attempt(stub, kept) in stub.filed
        assert len(stub.filed) == 1


def test_a_report_left_overnight_is_opened_anew() -> None:
    stub, kept = Stub(), Kept()
    with pytest.raises(Unclear):
        _attempt(stub, kept, lambda _number, step: "cut-before" if step == "finish" else "")
    opened = kept.progress["report_id"]
    stub.now += timedelta(hours=25)
    with pytest.raises(CyberTiplineError, match="another one is opened"):
        _attempt(stub, kept)
    number = _attempt(stub, kept)
    assert (stub.filed, number > opened) == ([number], True)


def test_files_keep_an_old_report_open_for_another_hour() -> None:
    stub = Stub()
    client = _client(stub)
    number = client.submit(FILES["cybertipline.xml"])
    stub.now += timedelta(hours=23, minutes=30)
    client.upload(number, "a.txt", b"a")
    stub.now += timedelta(minutes=59)
    assert len(client.finish(number)) == 1


def test_a_file_that_arrives_changed_is_not_filed() -> None:
    stub, kept = Stub(), Kept()
    honest = stub._upload

    def careless(kind: str, body: bytes) -> tuple[int, bytes]:
        status, answer = honest(kind, body)
        return status, answer.replace(b"<hash>", b"<hash>00")

    stub._upload = careless  # type: ignore[method-assign]  # the stub misbehaves
    with pytest.raises(CyberTiplineError, match="did not reach NCMEC as it was sent"):
        _attempt(stub, kept)
    stub._upload = honest  # type: ignore[method-assign]
    assert stub.filed == []
    assert _attempt(stub, kept) in stub.filed


@pytest.mark.parametrize("what", ["dripping", "endless"])
def test_an_answer_that_does_not_end_is_left(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the connection bounds each part of an answer, and not the whole."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def parts() -> Iterator[bytes]:
        for _ in range(100_000):
            now[0] += 1 if what == "dripping" else 0
            yield b"<" if what == "dripping" else b"x" * 65_536
        pytest.fail("it was read to the end")

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=parts()))
    client = Client(ADDRESS, USER, PASSWORD, transport=transport)
    with pytest.raises(Unclear, match=r"did not end within 60 s|longer than any"):
        client.finish(1)


class _Spoilt(Stub):
    """Does what it is asked, and answers one ``step`` with something else, once."""

    def __init__(self, step: str, body: bytes) -> None:
        super().__init__()
        self.spoilt = {step: body}

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        status, said = super().answer(method, path, headers, body)
        return status, self.spoilt.pop(path.rpartition("/")[2], said)


@pytest.mark.parametrize("step", sorted(set(STEPS)))
def test_whatever_the_answer_holds_it_is_unclear_and_no_crash(step: str) -> None:
    bodies = [
        b"", b"\0", b"<", b"<a/>", b"<reportResponse/>", b"{}", b"\xff\xfe<\0", b"0",
        b"<reportResponse><responseCode>zero</responseCode></reportResponse>",
        b"<reportResponse><responseCode>0.0</responseCode></reportResponse>",
        b"<reportResponse><responseCode/></reportResponse>",
        b'<?xml version="1.0" encoding="UTF-7"?><reportResponse/>',
        b'<?xml version="1.0" encoding="no-such"?><reportResponse/>',
        b'<!DOCTYPE r [<!ENTITY a "0"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;</r>',
        b"<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r/>",
        b"<r>" * 5000, b"<html><body>Sign in to the hotel's network</body></html>",
        "<reportResponse><responseCode>0\u0301</responseCode></reportResponse>".encode(),
        *(Random(seed).randbytes(200) for seed in range(40)),
    ]  # fmt: skip
    for body in bodies:
        stub, kept = _Spoilt(step, body), Kept()
        with pytest.raises(Unclear):
            _attempt(stub, kept)
        number = _attempt(stub, kept)
        assert stub.filed == [number], body


def test_ncmec_can_find_the_request_that_it_refused() -> None:
    said = {"Request-ID": "0f3a-77", "Content-Type": "text/xml"}
    refusal = b"<reportResponse><responseCode>1000</responseCode></reportResponse>"

    def client(headers: dict[str, str]) -> Client:
        wire = httpx.MockTransport(lambda _: httpx.Response(500, headers=headers, content=refusal))
        return Client(ADDRESS, USER, PASSWORD, transport=wire)

    with pytest.raises(Answered, match=r"1000 to status: server error, Request-ID 0f3a-77\."):
        client(said).status()
    with pytest.raises(Answered, match=r"server error\."):
        client(said | {"Request-ID": "<Lena Invented>"}).status()


# --- Every documented answer --------------------------------------------------------------------


def _code(call: Any) -> int:
    with pytest.raises(Answered) as answered:
        call()
    return answered.value.code


def test_every_documented_code_comes_through() -> None:
    stub = Stub()
    client = _client(stub)
    assert client.status() == "Remote User : usr123, Remote Ip : 192.0.2.7"
    assert client.schema() == SCHEMA
    number = client.submit(FILES["cybertipline.xml"])
    seen: set[int] = {Code.SUCCESS}
    seen.add(_code(lambda: Client(ADDRESS, "x", "y", transport=Wire(stub)).status()))
    reader = _client(stub, user=READER)
    seen.add(_code(lambda: reader.submit(FILES["cybertipline.xml"])))
    seen.add(_code(lambda: reader.finish(number)))
    seen.add(_code(lambda: client.submit(b"<report>")))
    seen.add(_code(lambda: client.submit(b"<other/>")))
    seen.add(
        _code(lambda: client.submit(b"<report><reporter><reportingPerson/></reporter></report>"))
    )
    seen.add(_code(lambda: client.upload(number, "", b"a")))
    seen.add(_code(lambda: client.upload(1, "a", b"a")))
    details = f"<fileDetails><reportId>{number}</reportId><fileId>none</fileId></fileDetails>"
    seen.add(_code(lambda: client.describe(details.encode())))
    seen.add(_code(lambda: client._answer("GET", "nothing")))
    gone = client.submit(FILES["cybertipline.xml"])
    client.retract(gone)
    seen.add(_code(lambda: client.retract(gone)))
    client.finish(number)
    seen.add(_code(lambda: client.finish(number)))
    for code in (1000, 1100, 1110, 1111, 1300, 3000):
        stub.failing["status"] = [code]
        seen.add(_code(client.status))
    assert seen == set(Code)
