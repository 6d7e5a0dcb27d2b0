"""``report.pdf``: tagged, the same every time, and made of whatever platforms call people."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from random import Random

import pytest

from moderation.package.drawings import timeline_svg
from moderation.package.report import _content, printable, report_pdf
from moderation.package.view import Status
from moderation.selectors.people import letters
from signals.networks import Kind
from tests.moderation.package.views import case_view, contact


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
        ("नि॒ वे॑दन e\u0323\u0301", "नि॒ वे॑दन e\u0323\u0301"),
        # What typst would set by itself, and lose the letter below
        ("ক\u0951", "ক[U+0951]"),
        ("漢\u0337字", "漢[U+0337]字"),
        ("1\ufe0f\u20e3", "1[U+FE0F][U+20E3]"),
        ("\u0301a", "[U+0301]a"),
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


def test_a_long_note_goes_on_over_as_many_pages_as_it_needs() -> None:
    view = case_view(3)
    lines = "\n".join(f"{number}. what was found" for number in range(190))
    noted = replace(view.decisions[-1], verb="return", title="Returned", note=lines)
    long = replace(view, decisions=(*view.decisions, noted))
    assert _count(report_pdf(long)) >= _count(report_pdf(view)) + 3


@pytest.mark.parametrize("children", [24, 27, 30])
def test_no_page_holds_a_heading_alone(children: int) -> None:
    """As where the picture of contacts over time, which cannot be broken, filled the next page."""
    chance = Random(children)
    contacts = [contact(chance, n, Kind.CHILD, letters(n)) for n in range(children * 3)]
    contacted = [c for c in contacts if c.contacted][:children]
    long = "The account writes to children whom nobody knows.\n" * 60
    noted = replace(case_view(3).decisions[0], note=long)
    view = replace(case_view(3), contacts=tuple(contacted), ties=(), decisions=(noted,))
    assert len(view.children) == children
    pdf = report_pdf(view)
    streams = re.findall(rb"\nstream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    pages = [page for stream in streams if b"/Subtype/Header" in (page := _inflated(stream))]
    assert _count(pdf) - 1 <= len(pages) <= _count(pdf)
    # Two pieces of text in the header, two in the footer, and the heading
    assert [page.count(b"TJ") for page in pages if page.count(b"TJ") <= 5] == []


def _count(pdf: bytes) -> int:
    """How many pages there are."""
    (count,) = re.findall(rb"/Type/Pages/Count (\d+)", pdf)
    return int(count)


def test_a_recorded_minor_is_said_to_be_one_and_no_points_have_no_sign() -> None:
    view = case_view(3)
    slight = replace(view.sentences[2], points=-0.3)
    grown, minor = (
        _content(replace(view, recorded_minor=is_minor, sentences=(slight,)))
        for is_minor in (False, True)
    )
    assert minor["lead"] == f"{grown['lead']} By its recorded age, the account is itself a child's."
    assert grown["lowers"] == [[slight.text, "0"]]


def test_each_escalation_tells_what_was_asked() -> None:
    view = case_view(3)
    first, last = view.decisions
    again = replace(first, details={"severity": "High", "ask": "Refer it now."})
    lines = _content(replace(view, decisions=(first, again, last)))["decisions"]
    assert [line["ask"] for line in lines] == ["Please refer.", "Refer it now.", ""]
