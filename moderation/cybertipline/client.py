"""Talking to the CyberTipline's reporting API: one method for each of its endpoints.

After "CyberTipline Reporting API Technical Documentation", 11 June 2025. A report is opened by
``submit``, may get files, and counts only once it is finished; NCMEC deletes what is not finished
24 hours after it was opened, or 1 hour after its last file, whichever is later.
"""

from __future__ import annotations

import re
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
    """

    def __init__(self, code: int, description: str, step: str) -> None:
        self.code = code
        known = {code.value: code.name.lower().replace("_", " ") for code in Code}
        said = [known.get(code, "a code that its documentation does not have")]
        said += _RULE.findall(description)[:1]
        said += [f"line {line}" for line in _LINE.findall(description)[:1]]
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
        response = self._send("GET", "xsd")
        try:
            etree.XMLSchema(etree.fromstring(response.content, _parser()))
        except (etree.XMLSyntaxError, etree.XMLSchemaParseError):
            self._read(response, "xsd")  # which is how NCMEC says what went wrong
            raise Unclear("NCMEC's answer to xsd is no schema.") from None
        return response.content

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
    def _read(response: httpx.Response, step: str) -> Any:
        try:
            root = etree.fromstring(response.content, _parser())
            code = int(root.findtext("responseCode") or "")
        except (etree.XMLSyntaxError, ValueError):
            if response.status_code == httpx.codes.UNAUTHORIZED:
                raise Answered(Code.AUTHENTICATION_REQUIRED, "HTTP 401", step) from None
            raise Unclear(
                f"NCMEC's answer to {step} cannot be read (HTTP {response.status_code})."
            ) from None
        if code != Code.SUCCESS:
            raise Answered(code, root.findtext("responseDescription") or "", step)
        return root

    def _send(self, method: str, step: str, **sent: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{self._address}/{step}", **sent)
        except httpx.TimeoutException:
            raise Unclear(f"NCMEC did not answer to {step} within {_SECONDS:.0f} s.") from None
        except httpx.RequestError as error:
            raise Unclear(
                f"The connection to NCMEC failed at {step} ({type(error).__name__})."
            ) from None

    @staticmethod
    def _number(answer: Any, step: str) -> int:
        try:
            return int(answer.findtext("reportId") or "")
        except ValueError:
            raise Unclear(f"NCMEC's answer to {step} names no report.") from None


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True)
