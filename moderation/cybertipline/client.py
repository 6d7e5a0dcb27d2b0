"""Talking to the CyberTipline's reporting API: one method for each of its endpoints.

After "CyberTipline Reporting API Technical Documentation", 11 June 2025. A report is opened by
``submit``, may get files, and counts only once it is finished; NCMEC deletes what is not finished
24 hours after it was opened, or 1 hour after its last file, whichever is later.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Any, Final, Self

import httpx
from lxml import etree

HOSTS: Final = {
    "production": "https://report.cybertip.org/ispws",
    "test": "https://exttest.cybertip.org/ispws",
}

_SECONDS: Final = 60.0
_LONGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer. The longest one documented is the schema, of some hundred thousand."""

_REQUEST: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_RULE: Final = re.compile(r"\bcvc-[a-z0-9.-]+[a-z0-9]")
_LINE: Final = re.compile(r"\bline(?:Number)?\W{1,3}(\d{1,6})\b", re.IGNORECASE)
_XML: Final = {"Content-Type": "text/xml; charset=utf-8"}


class Code(IntEnum):
    """The documented answers."""

    SUCCESS = 0
    SERVER_ERROR = 1000
    SAVE_FAILED = 1100
    UPLOAD_FAILED = 1110
    FILE_UPLOAD_FAILED = 1111
    NOT_FOUND = 1210
    UPDATE_FAILED = 1300
    AUTHENTICATION_REQUIRED = 2000
    NOT_AUTHORISED = 3000
    NO_SUBMISSIONS = 3100
    NO_UPDATES = 3300
    INVALID_REQUEST = 4000
    VALIDATION_FAILED = 4100
    MALFORMED_XML = 4110
    MALFORMED_FILE = 4200
    NO_SUCH_REPORT = 5001
    NO_SUCH_FILE = 5002
    RETRACTED = 5101
    FINISHED = 5102


class CyberTiplineError(Exception):
    """Something did not work. The message names no person and may be shown and logged."""


class Unclear(CyberTiplineError):
    """No answer, or none that can be read: what was asked may have been done or not."""


class Answered(CyberTiplineError):
    """The server answered with an error. ``code`` may be one that is not documented.

    Of NCMEC's description only the rule of the schema and the line stay: it may quote the report.
    ``request`` is the number by which NCMEC finds the request in its own logs.
    """

    def __init__(self, code: int, description: str, step: str, request: str = "") -> None:
        self.code = code
        known = {code.value: code.name.lower().replace("_", " ") for code in Code}
        said = [known.get(code, "a code that its documentation does not have")]
        said += _RULE.findall(description)[:1]
        said += [f"line {line}" for line in _LINE.findall(description)[:1]]
        said += [f"Request-ID {request}"] if _REQUEST.fullmatch(request) else []
        super().__init__(f"NCMEC answered {code} to {step}: {', '.join(said)}.")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that has arrived; ``md5`` is the server's hash of it, in hexadecimal."""

    file_id: str
    md5: str


class Client:
    """A connection to one host. Every method raises Unclear or Answered."""

    def __init__(
        self,
        address: str,
        username: str,
        password: str,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            auth=httpx.BasicAuth(username, password), timeout=_SECONDS, transport=transport
        )
        self._address = address.rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def status(self) -> str:
        """That the host can be reached with these credentials; what it says about them."""
        return self._answer("GET", "status").findtext("responseDescription") or ""

    def schema(self) -> bytes:
        """The schema that reports must hold against, once it is known to be one."""
        answer = self._send("GET", "xsd")
        try:
            etree.XMLSchema(etree.fromstring(answer.body, _parser()))
        except (etree.XMLSyntaxError, etree.XMLSchemaParseError):
            self._read(answer, "xsd")  # which is how NCMEC says what went wrong
            raise Unclear("NCMEC's answer to xsd is no schema.") from None
        return answer.body

    def submit(self, report: bytes) -> int:
        """Open a report; its id."""
        answer = self._answer("POST", "submit", content=report, headers=_XML)
        return self._number(answer, "submit")

    def upload(self, report_id: int, name: str, data: bytes) -> Uploaded:
        """Add a file to an open report."""
        answer = self._answer(
            "POST",
            "upload",
            data={"id": str(report_id)},
            files={"file": (name, data, "application/octet-stream")},
        )
        file_id = answer.findtext("fileId")
        if not file_id:
            raise Unclear("NCMEC accepted a file without giving it an id.")
        return Uploaded(file_id, (answer.findtext("hash") or "").lower())

    def describe(self, details: bytes) -> None:
        """Say more about a file, once: a ``fileDetails`` document."""
        self._answer("POST", "fileinfo", content=details, headers=_XML)

    def finish(self, report_id: int) -> list[str]:
        """File an open report for good; the ids of its files. It cannot be taken back."""
        answer = self._answer("POST", "finish", data={"id": str(report_id)})
        return [file.text or "" for file in answer.iterfind("files/fileId")]

    def retract(self, report_id: int) -> None:
        """Take back a report that is not finished."""
        self._answer("POST", "retract", data={"id": str(report_id)})

    def _answer(self, method: str, step: str, **sent: Any) -> Any:
        """The root of the answer, where that says success."""
        return self._read(self._send(method, step, **sent), step)

    @staticmethod
    def _read(answer: _Answer, step: str) -> Any:
        try:
            root = etree.fromstring(answer.body, _parser())
            code = int(root.findtext("responseCode") or "")
        except (etree.XMLSyntaxError, ValueError):
            if answer.status == httpx.codes.UNAUTHORIZED:
                raise Answered(Code.AUTHENTICATION_REQUIRED, "HTTP 401", step) from None
            raise Unclear(
                f"NCMEC's answer to {step} cannot be read (HTTP {answer.status})."
            ) from None
        if code != Code.SUCCESS:
            raise Answered(code, root.findtext("responseDescription") or "", step, answer.request)
        return root

    def _send(self, method: str, step: str, **sent: Any) -> _Answer:
        with (
            _unclear(step),
            self._http.stream(method, f"{self._address}/{step}", **sent) as response,
        ):
            body = _whole(response, step)
            return _Answer(response.status_code, response.headers.get("request-id", ""), body)

    @staticmethod
    def _number(answer: Any, step: str) -> int:
        try:
            return int(answer.findtext("reportId") or "")
        except ValueError:
            raise Unclear(f"NCMEC's answer to {step} names no report.") from None


@dataclass(frozen=True, slots=True)
class _Answer:
    """HTTP status, NCMEC's number of the request ("" where it gave none), and the body."""

    status: int
    request: str
    body: bytes


@contextmanager
def _unclear(step: str) -> Iterator[None]:
    """What goes wrong with the connection during ``step``, as Unclear."""
    try:
        yield
    except httpx.TimeoutException:
        raise Unclear(f"NCMEC did not answer to {step} within {_SECONDS:.0f} s.") from None
    except httpx.RequestError as error:
        raise Unclear(
            f"The connection to NCMEC failed at {step} ({type(error).__name__})."
        ) from None


def _whole(response: httpx.Response, step: str) -> bytes:
    """The body, of which the time-outs of httpx bound each part alone. Raises Unclear."""
    ends = time.monotonic() + _SECONDS
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > _LONGEST:
            raise Unclear(f"NCMEC's answer to {step} is longer than any that is documented.")
        if time.monotonic() > ends:
            raise Unclear(f"NCMEC's answer to {step} did not end within {_SECONDS:.0f} s.")
    return b"".join(parts)


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True)
