"""A browser without script: pages are read from their HTML, and only what stands there is used.

Fields are found by their labels, buttons and links by their words. What a button sends is what its
form holds, so a form that cannot work without script fails here.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urldefrag, urljoin

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponseBase
from django.test import Client
from lxml import html

from staff.models import User
from tests.conftest import PASSWORD

_HOST = "http://testserver"


class Walker:
    """One person at one browser. Each step fails where the page offers nothing of that name."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.url = "/"
        self.status = 0
        self.response: HttpResponseBase
        self.page: Any = None
        self.uploads: dict[str, list[SimpleUploadedFile]] = {}

    # --- What is seen -------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The words in the main part of the page."""
        return _words(self.page.xpath("//main")[0])

    @property
    def heading(self) -> str:
        return _words(self.page.xpath("//h1")[0])

    # --- What is done -------------------------------------------------------------------------

    def go(self, address: str, status: int = 200) -> Walker:
        """Open an address as if it were typed."""
        return self._arrive(self.client.get(address, follow=True), address, status)

    def follow(self, words: str) -> Walker:
        """The first link that says ``words``."""
        link = self._named("//a[@href]", words)
        return self.go(self._address(link.get("href")))

    def enter(self, label: str, value: str, of: str = "") -> Walker:
        """Write into the field whose label begins with ``label``; ``of``: the part around it."""
        self._field(label, of).value = value
        return self

    def tick(self, label: str, of: str = "") -> Walker:
        """Choose a box or a radio button by its label; ``of``: the part around it."""
        field = self._field(label, of)
        field.set("checked", "checked")
        if field.get("type") == "radio":
            for other in _form(field).xpath(".//input[@type='radio']"):
                if other is not field and other.get("name") == field.get("name"):
                    other.attrib.pop("checked", None)
        return self

    def attach(self, label: str, *files: SimpleUploadedFile) -> Walker:
        """Choose files."""
        self.uploads[self._field(label).get("name")] = list(files)
        return self

    def press(self, words: str, within: str = "", status: int = 200) -> Walker:
        """The first button that says ``words``, in the part of the page called ``within``."""
        scope = _part(within)
        button = self._named(f"{scope}//button[not(@type='button')]", words)
        form = _form(button)
        assert form is not None, f"“{words}” is in no form"
        sent = _held(form)
        if button.get("name"):
            sent.setdefault(button.get("name"), []).append(button.get("value") or "")
        address = self._address(button.get("formaction") or form.get("action") or self.url)
        if (form.get("method") or "get").lower() == "get":
            answer = self.client.get(address, sent, follow=True)
        else:
            for name in set(self.uploads) & {field.get("name") for field in form.iter("input")}:
                assert form.get("enctype") == "multipart/form-data"
                sent[name] = self.uploads.pop(name)
            answer = self.client.post(address, sent, follow=True, headers={"Referer": _HOST})
        return self._arrive(answer, address, status)

    # --- How ----------------------------------------------------------------------------------

    def _arrive(self, response: Any, address: str, status: int) -> Walker:
        self.response, self.status = response, response.status_code
        self.url = response.redirect_chain[-1][0] if response.redirect_chain else address
        assert self.status == status, f"{self.url} answered {self.status}"
        if "html" in response.headers.get("Content-Type", "") and not response.streaming:
            self.page = html.fromstring(response.content.decode())
        return self

    def _address(self, href: str) -> str:
        return urldefrag(urljoin(f"{_HOST}{self.url}", href)).url.removeprefix(_HOST)

    def _named(self, path: str, words: str) -> Any:
        found = [
            one for one in self.page.xpath(path) if _words(one).startswith(words) and _usable(one)
        ]
        assert found, f"nothing on {self.url} says “{words}”: {self.text[:600]}"
        return found[0]

    def _field(self, label: str, of: str = "") -> Any:
        for one in self.page.xpath(f"{_part(of)}//label"):
            if not _words(one).startswith(label) or not _usable(one):
                continue
            if one.get("for"):
                return self.page.get_element_by_id(one.get("for"))
            inside = one.xpath(".//input|.//select|.//textarea")
            if inside:
                return inside[0]
        raise AssertionError(f"no field on {self.url} is called “{label}”: {self.text[:600]}")


def sign_in(person: User) -> Walker:
    """Sign somebody in through the sign-in page."""
    walker = Walker().go("/").enter("E-mail address", person.email).enter("Password", PASSWORD)
    return walker.press("Sign in")


def _part(name: str) -> str:
    """The path of the element with the id ``name``, or of the region that it heads."""
    return f"//*[@id='{name}' or @aria-labelledby='{name}']" if name else ""


def _words(element: Any) -> str:
    return " ".join(element.text_content().split())


def _usable(element: Any) -> bool:
    """Without script: neither hidden nor waiting for a script that never comes."""
    around = [element, *element.iterancestors()]
    return not any("hidden" in one.attrib or "data-needs-script" in one.attrib for one in around)


def _form(element: Any) -> Any:
    """The form that ``element`` belongs to: the one it names, else the one around it."""
    if element.get("form"):
        return element.getroottree().getroot().get_element_by_id(element.get("form"))
    return next(element.iterancestors("form"), None)


def value_of(field: Any) -> str:
    """What stands in a field. HTML drops the first line break of a text area."""
    value = field.value or ""
    return value.removeprefix("\n") if field.tag == "textarea" else value


def _held(form: Any) -> dict[str, list[Any]]:
    """What a browser would send of ``form``, fields elsewhere that name it included."""
    own = form.get("id")
    elsewhere = form.getroottree().xpath(f"//*[@form='{own}']") if own else []
    sent: dict[str, list[Any]] = {}
    for field in [*form.xpath(".//input|.//select|.//textarea"), *elsewhere]:
        if not field.get("name") or field.get("type") in ("file", "submit"):
            continue
        if field.get("type") in ("checkbox", "radio"):
            values = [field.get("value") or "on"] if field.get("checked") is not None else []
        elif field.tag == "select" and field.multiple:
            values = list(field.value)
        else:
            values = [value_of(field)]
        if values:
            sent.setdefault(field.get("name"), []).extend(values)
    return sent
