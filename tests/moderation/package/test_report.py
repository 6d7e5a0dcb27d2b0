"""``report.pdf``: tagged, the same every time, and made of whatever platforms call people."""

from __future__ import annotations

import re

import pytest

from moderation.package.drawings import timeline_svg
from moderation.package.report import printable, report_pdf
from moderation.package.view import Status
from tests.moderation.package.views import case_view


@pytest.mark.parametrize("seed", [0, 3, 5, 8, 21])
def test_any_case_can_be_printed_and_is_tagged(seed: int) -> None:
    view = case_view(seed)
    pdf = report_pdf(view)
    assert pdf == report_pdf(view)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert f"Referral {view.reference}".encode() in pdf  # its title
    assert re.search(rb"<xmp:ModifyDate>2025-10-2", pdf)  # the case's time, not today's


def test_a_draft_is_another_document() -> None:
    assert report_pdf(case_view(3)) != report_pdf(case_view(3, Status.DRAFT))


def test_two_hundred_children_do_not_break_the_layout() -> None:
    view = case_view(4, most=200)
    assert len(view.children) > 40  # columns in the timeline, a table that goes on in the files
    assert report_pdf(view)
    assert timeline_svg(view).count("<rect") > 10


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Ångström", "Zoë Ångström"),
        ("李", "[U+674E]"),
        ("a" * 30, "a" * 16 + "\u200b" + "a" * 14),
        ("мама", "мама"),
    ],
)
def test_signs_without_a_letterform_are_written_as_numbers(text: str, shown: str) -> None:
    assert printable(text) == shown
