"""NCMEC's reporting API as its documentation describes it, in memory: every answer, every expiry.

``Stub.answer`` is the server; ``Wire`` carries requests of httpx to it and breaks on demand;
``serve`` puts it behind a real socket.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from lxml import etree

from moderation.cybertipline.breaches import breaches

_REPOSITORY = Path(__file__).resolve().parents[3]
USER, PASSWORD = "usr123", "pswd123"
SCHEMA = (
    b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    b'<xs:element name="report"/></xs:schema>'
)
READER = "reader"
"""May ask for the status, and neither submit nor update."""


@dataclass
class Report:
    """One report on the server. ``state``: open, finished or retracted."""

    xml: bytes
    opened: datetime
    modified: datetime
    state: str = "open"
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    described: set[str] = field(default_factory=set)


class Stub:
    """The server. ``now`` is its clock; ``failing`` answers a path with a code, so often."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.reports: dict[int, Report] = {}
        self.asked: list[str] = []
        self.failing: dict[str, list[int]] = {}
        # An expired report is "deleted" in one place of the documentation, "retracted" in another
        self.expired_as = 5001
        self._expired: set[int] = set()
        self._next = 4_564_654

    @property
    def filed(self) -> list[int]:
        """What counts: the finished reports."""
        return [number for number, report in self.reports.items() if report.state == "finished"]

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """HTTP status and body."""
        step = path.rstrip("/").rpartition("/")[2]
        self.asked.append(step)
        user = self._user(headers.get("authorization", ""))
        if user is None:
            return 401, _response(2000, "Authentication required")
        if self.failing.get(step):
            return 500, _response(self.failing[step].pop(0), "as the test wants it")
        steps: dict[tuple[str, str], Callable[..., tuple[int, bytes]]] = {
            ("GET", "status"): lambda *_: (
                200,
                _response(0, f"Remote User : {user}, Remote Ip : 192.0.2.7"),
            ),
            ("GET", "xsd"): lambda *_: (200, SCHEMA),
            ("POST", "submit"): self._submit,
            ("POST", "upload"): self._upload,
            ("POST", "fileinfo"): self._describe,
            ("POST", "finish"): self._finish,
            ("POST", "retract"): self._retract,
        }
        handle = steps.get((method, step))
        if handle is None:
            return 404, _response(1210, "Resource not found")
        if user == READER and method == "POST":
            code = 3100 if step == "submit" else 3300
            return 403, _response(code, "User does not have authorization")
        return handle(headers.get("content-type", ""), body)

    def _user(self, authorization: str) -> str | None:
        kind, _, coded = authorization.partition(" ")
        if kind != "Basic":
            return None
        name, _, password = base64.b64decode(coded).decode().partition(":")
        return name if name in (USER, READER) and password == PASSWORD else None

    def _submit(self, kind: str, body: bytes) -> tuple[int, bytes]:
        try:
            root = etree.fromstring(body)
        except etree.XMLSyntaxError:
            return 400, _response(4110, "Malformed XML submittal")
        if root.tag != "report" or not kind.startswith("text/xml"):
            return 400, _response(4000, "Invalid request")
        if found := _invalid(root) or breaches(root, self.now):
            return 400, _response(4100, f"Validation failed: {found[0]}")
        number, self._next = self._next, self._next + 1
        self.reports[number] = Report(body, self.now, self.now)
        return 200, _response(0, "Success", reportId=number)

    def _upload(self, kind: str, body: bytes) -> tuple[int, bytes]:
        parts = _form(kind, body)
        if "id" not in parts:
            return 400, _response(4000, "Invalid request")
        if "file" not in parts or not parts["file"][0]:
            return 400, _response(4200, "Malformed file submittal")
        number, report, refusal = self._open(parts["id"][1].decode())
        if report is None:
            return refusal
        name, data = parts["file"]
        file_id = hashlib.sha256(f"{number}{len(report.files)}".encode()).hexdigest()[:32]
        report.files[file_id] = (name, data)
        report.modified = self.now
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return 200, _response(0, "Success", reportId=number, fileId=file_id, hash=md5)

    def _describe(self, _kind: str, body: bytes) -> tuple[int, bytes]:
        try:
            root = etree.fromstring(body)
        except etree.XMLSyntaxError:
            return 400, _response(4110, "Malformed XML submittal")
        number, report, refusal = self._open(root.findtext("reportId"))
        if report is None:
            return refusal
        file_id = root.findtext("fileId")
        if file_id not in report.files:
            return 404, _response(5002, "File does not exist")
        if file_id in report.described:
            return 400, _response(4000, "Details may be submitted once for a file")
        if found := _invalid(root) or breaches(root, self.now):
            return 400, _response(4100, f"Validation failed: {found[0]}")
        report.described.add(file_id)
        report.modified = self.now
        return 200, _response(0, "Success", reportId=number)

    def _finish(self, kind: str, body: bytes) -> tuple[int, bytes]:
        number, report, refusal = self._open(_form(kind, body).get("id", ("", b""))[1].decode())
        if report is None:
            return refusal
        report.state = "finished"
        files = "".join(f"<fileId>{file_id}</fileId>" for file_id in report.files)
        return 200, (
            f"<reportDoneResponse><responseCode>0</responseCode><reportId>{number}</reportId>"
            f"<files>{files}</files></reportDoneResponse>"
        ).encode()

    def _retract(self, kind: str, body: bytes) -> tuple[int, bytes]:
        number, report, refusal = self._open(_form(kind, body).get("id", ("", b""))[1].decode())
        if report is None:
            return refusal
        report.state = "retracted"
        return 200, _response(0, "Success", reportId=number)

    def _open(self, said: str) -> tuple[int, Report | None, tuple[int, bytes]]:
        """The report, if it may still be changed; else the answer that says why not."""
        self._expire()
        number = int(said) if said.isdigit() else 0
        report = self.reports.get(number)
        if number in self._expired and self.expired_as == 5101:
            return number, None, (400, _response(5101, "Report already retracted"))
        if report is None:
            return number, None, (404, _response(5001, "Report does not exist"))
        if report.state == "retracted":
            return number, None, (400, _response(5101, "Report already retracted"))
        if report.state == "finished":
            return number, None, (400, _response(5102, "Report already finished"))
        return number, report, (200, b"")

    def _expire(self) -> None:
        """Unfinished: deleted 24 h after opening or 1 h after the last file, what is later."""
        for number, report in list(self.reports.items()):
            ends = max(report.opened + timedelta(hours=24), report.modified + timedelta(hours=1))
            if report.state == "open" and self.now >= ends:
                self._expired.add(number)
                del self.reports[number]


@cache
def _schema() -> Any:
    """NCMEC's schema, where it lies beside this repository."""
    folder = os.environ.get("SIGHTLINE_SCHEMAS") or _REPOSITORY.parent / "shared" / "data"
    file = Path(folder) / "ncmec-cybertipline-report.xsd"
    return etree.XMLSchema(etree.parse(file)) if file.exists() else None


def _invalid(root: Any) -> list[str]:
    schema = _schema()
    if schema is None or schema.validate(root):
        return []
    return [f"cvc-schema: {error.message}, line {error.line}" for error in schema.error_log]


def _response(code: int, description: str, **more: Any) -> bytes:
    root = etree.Element("reportResponse")
    for name, value in {
        "responseCode": code, "responseDescription": description, **more,
    }.items():  # fmt: skip
        etree.SubElement(root, name).text = str(value)
    return bytes(etree.tostring(root))


def _form(kind: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """The fields of a form: name to file name and content."""
    if not kind.startswith("multipart/form-data"):
        return {name: ("", values[0].encode()) for name, values in parse_qs(body.decode()).items()}
    boundary = b"--" + kind.partition("boundary=")[2].strip('"').encode()
    found: dict[str, tuple[str, bytes]] = {}
    for part in body.split(boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        names = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        found[names["name"]] = (names.get("filename", ""), content.removesuffix(b"\r\n"))
    return found


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


Plan = Callable[[int, str], str]
"""Request number and step to what happens: "", or "cut", "timeout", "500", "garbage" or "die",
each with "-before" or "-after" the server did its part."""


class Wire(httpx.BaseTransport):
    """Carries requests to a stub, and breaks as its plan says."""

    def __init__(self, stub: Stub, plan: Plan = lambda _number, _step: "") -> None:
        self.stub = stub
        self.plan = plan
        self.count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        fault, _, when = self.plan(self.count, request.url.path.rpartition("/")[2]).partition("-")
        if when == "before":
            return self._break(fault)
        status, body = self.stub.answer(
            request.method, request.url.path, request.headers, request.read()
        )
        return self._break(fault) if fault else httpx.Response(status, content=body)

    def _break(self, fault: str) -> httpx.Response:
        match fault:
            case "cut":
                raise httpx.RemoteProtocolError("peer closed connection")
            case "timeout":
                raise httpx.ReadTimeout("no answer")
            case "500":
                return httpx.Response(500, content=b"<html>Internal Server Error</html>")
            case "garbage":
                return httpx.Response(200, content=b"<reportResponse><responseCode>")
        raise Killed


@contextmanager
def serve(stub: Stub) -> Iterator[str]:
    """The stub behind a real socket; its address."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = stub.answer(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Request-ID", f"stub-{len(stub.asked)}")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: Any) -> None:
            """Says nothing."""

    for verb in ("GET", "POST"):
        setattr(Handler, f"do_{verb}", Handler._handle)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ispws"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
