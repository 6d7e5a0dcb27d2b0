"""Filing a report exactly once, whatever breaks on the way.

NCMEC has no idempotency keys, so this rests on what its documentation promises: a report counts
only when it is finished; finishing it again answers 5102; what is not finished is deleted. Hence:

* the id of an opened report is kept before anything else is asked of it, so only one report is ever
  finished, and one whose id got lost is never finished and disappears;
* whether a file arrived or was described cannot be asked, so where that is unclear the report is
  retracted and another one opened;
* a new report is opened only when the one before is known to be gone: retracted or expired.

Each step is noted before it is taken (``save``), by a worker that still holds the delivery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, TypeVar

from lxml import etree

from moderation.cybertipline.client import Answered, Client, Code, CyberTiplineError

UPLOADED: Final = {
    "report.pdf": "The case for reading: summary, findings, pictures, contacts and decisions.",
    "contacts.csv": "The people around the account, one a row.",
}
"""The files of a package that go along, and what is said about each."""

_T = TypeVar("_T")
_GONE: Final = frozenset({Code.NO_SUCH_REPORT, Code.RETRACTED})


class Expired(CyberTiplineError):
    """The open report is gone, unfinished: the next attempt opens another one."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of NCMEC's side. ``doing`` is a step that was begun and not seen to end."""

    report_id: int | None = None
    doing: str = ""
    files: dict[str, str] = field(default_factory=dict)  # name to NCMEC's id
    described: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For keeping."""
        return {
            "report_id": self.report_id,
            "doing": self.doing,
            "files": self.files,
            "described": list(self.described),
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; a fresh start where nothing was kept."""
        return cls(
            report_id=kept.get("report_id"),
            doing=kept.get("doing", ""),
            files=dict(kept.get("files", {})),
            described=tuple(kept.get("described", ())),
        )


Save = Callable[[Progress], None]


@dataclass
class Filing:
    """One delivery on its way. ``files`` are those of the sealed package."""

    client: Client
    files: Mapping[str, bytes]
    progress: Progress
    save: Save

    def run(self) -> int:
        """File the report, or go on with it; the id that NCMEC filed it under.

        Raises what the client raises, and Expired. May be called again after any of these, and
        after the death of the process at any point.
        """
        if self._is_unclear() and self._abandoned_was_finished():
            return self._report_id
        if self.progress.report_id is None:
            self._begin("submit")
            opened = self.client.submit(self.files["cybertipline.xml"])
            self._note(Progress(report_id=opened))
        for name in UPLOADED:
            self._send(name)
        self._finish()
        return self._report_id

    @property
    def _report_id(self) -> int:
        if self.progress.report_id is None:
            raise RuntimeError("No report is open.")
        return self.progress.report_id

    def _is_unclear(self) -> bool:
        """Whether a file may have arrived, or been described, without our knowing."""
        return self.progress.report_id is not None and self.progress.doing not in ("", "finish")

    def _abandoned_was_finished(self) -> bool:
        """Take back the open report; True where it turns out to be finished after all."""
        try:
            self.client.retract(self._report_id)
        except Answered as answer:
            if answer.code == Code.FINISHED:
                return True
            if answer.code not in _GONE:
                raise
        self._note(Progress())
        return False

    def _send(self, name: str) -> None:
        data = self.files[name]
        if name not in self.progress.files:
            self._begin(f"upload {name}")
            uploaded = self._unless_gone(lambda: self.client.upload(self._report_id, name, data))
            if uploaded.md5 and uploaded.md5 != _md5(data):
                raise CyberTiplineError(f"{name} did not reach NCMEC as it was sent.")
            self._note(
                replace(
                    self.progress, doing="", files={**self.progress.files, name: uploaded.file_id}
                )
            )
        if name not in self.progress.described:
            self._begin(f"describe {name}")
            details = file_details(self._report_id, self.progress.files[name], name)
            self._unless_gone(lambda: self.client.describe(details))
            described = (*self.progress.described, name)
            self._note(replace(self.progress, doing="", described=described))

    def _finish(self) -> None:
        self._begin("finish")
        try:
            self._unless_gone(lambda: self.client.finish(self._report_id))
        except Answered as answer:
            # Finished by an attempt whose answer never came
            if answer.code != Code.FINISHED:
                raise

    def _unless_gone(self, step: Callable[[], _T]) -> _T:
        try:
            return step()
        except Answered as answer:
            if answer.code not in _GONE:
                raise
            self._note(Progress())
            raise Expired(
                "NCMEC deleted the open report before it was finished; another one is opened."
            ) from None

    def _begin(self, step: str) -> None:
        self._note(replace(self.progress, doing=step))

    def _note(self, progress: Progress) -> None:
        self.save(progress)
        self.progress = progress


def file_details(report_id: int, file_id: str, name: str) -> bytes:
    """The ``fileDetails`` document of a file of the package."""
    root = etree.Element("fileDetails")
    etree.SubElement(root, "reportId").text = str(report_id)
    etree.SubElement(root, "fileId").text = file_id
    # Not originalFileName, which is what a user called a file that the user had uploaded.
    etree.SubElement(root, "fileName").text = name
    etree.SubElement(root, "fileViewedByEsp").text = "true"
    etree.SubElement(root, "fileRelevance").text = "Supplemental Reported"
    etree.SubElement(root, "additionalInfo").text = UPLOADED[name]
    xml: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return xml


def _md5(data: bytes) -> str:
    """As NCMEC computes it, to see whether a file arrived whole."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
