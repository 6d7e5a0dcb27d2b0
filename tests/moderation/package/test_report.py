"""``report.pdf``: tagged, the same every time, and made of whatever platforms call people."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

import pytest

from moderation.package.drawings import timeline_svg
from moderation.package.report import _content, printable, report_pdf
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
        ("李雷 محمد דוד 김 अमित สมชาย 😀", "李雷 محمد דוד 김 अमित สมชาย 😀"),
        ("a\u202eb\u0007", "a[U+202E]b[U+0007]"),  # shown, so that nobody is deceived
        ("a\u200db", "a[U+200D]b"),
        ("👩\u200d👧 ❤\ufe0f", "👩\u200d👧 ❤\ufe0f"),
        ("نمی\u200cدانم", "نمی\u200cدانم"),
        ("\U00012000\ue000", "[U+12000][U+E000]"),
        ("م" * 60, "م" * 40 + "\u200b" + "م" * 20),
        ("a" * 30, "\u200b".join(["aaaa"] * 7 + ["aa"])),
        ("a\tb\nc", "a b\nc"),
        ("𝓕𝓪𝓷", "𝓕𝓪𝓷"),
        ("мама", "мама"),
    ],
)
def test_signs_without_a_letterform_are_written_as_numbers(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_identifier_is_copied_from_the_report_as_it_is() -> None:
    """Where a long word may be broken, nothing stands between its letters."""
    view = case_view(3)
    long = replace(view, account=replace(view.account, account_id="did:plc:" + "z7k2" * 40))
    maps = [
        text
        for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", report_pdf(long), re.DOTALL)
        if b"beginbf" in (text := _inflated(stream))
    ]
    assert maps
    assert not any(b"200b" in text.lower() for text in maps)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def test_nobody_around_the_account_is_no_empty_picture() -> None:
    alone = replace(case_view(3), contacts=(), ties=())
    assert _content(alone)["network"]["svg"] == ""
    assert report_pdf(alone)
