"""One moderator at a browser without script, and the book in which all of them write."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Final

import httpx

RACES: Final = 0.25
"""Share of cases that are taken by the button of the first free row, which everybody sees."""

LOOKED_AT_AGAIN: Final = 0.25
"""Share of drafts after which the page is loaded again, to see them there."""

_TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_VERSION: Final = re.compile(r'name="version" value="(\d+)"')
_CLAIM: Final = re.compile(r'action="(/cases/SL-\d{4}-\d+/claim/)"')
_CASE: Final = re.compile(r"/cases/(SL-\d{4}-\d+)/")
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A decision that the server said it has taken."""

    reference: str
    verb: str
    email: str
    name: str
    note: str


@dataclass(slots=True)
class Book:
    """What everybody saw. Times are milliseconds; ``before``: those of signing in."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    before: list[float] = field(default_factory=list)
    unexpected: Counter[str] = field(default_factory=Counter)
    decisions: list[Acknowledged] = field(default_factory=list)
    # of cases that were not decided afterwards: (reference, e-mail) to the words
    drafts: dict[tuple[str, str], str] = field(default_factory=dict)
    drafts_kept: int = 0
    drafts_not_shown: int = 0
    races_lost: int = 0
    processor: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """From here on it counts."""
        self.before = [took for times in self.times.values() for took in times]
        self.times.clear()


class Stop(Exception):
    """The time is over, in the middle of something."""


class Person:
    """A moderator. Chance is drawn by the number, so that a repetition does the same."""

    def __init__(self, number: int, email: str, address: str, book: Book, think: float) -> None:
        self.email, self.name = email, f"Moderator {number}"
        self._book, self._think = book, think
        self._chance = random.Random(number)  # noqa: S311 - a person at work, and no secret
        self._until = float("inf")
        self._token = ""
        self._turn = 0
        self._http = httpx.AsyncClient(
            base_url=address,
            timeout=_SECONDS,
            trust_env=False,
            headers={"x-forwarded-for": f"10.0.{number // 250}.{1 + number % 250}"},
        )

    async def sign_in(self, password: str) -> None:
        """Raises RuntimeError where that does not work: nothing after it would mean anything."""
        await self._get("sign-in page", "/sign-in/")
        sent = {"login": self.email, "password": password}
        answer = await self._post("sign in", "/sign-in/", sent, fine=(302,))
        if answer.status_code != 302:
            raise RuntimeError(f"{self.email} could not sign in ({answer.status_code}).")

    async def work(self, until: float) -> None:
        """Case after case until ``until`` (of the monotonic clock)."""
        self._until = until
        try:
            await self._pause(self._chance.uniform(0, self._think))  # not all in one moment
            opened = ""
            while True:
                opened = await self._review(opened or await self._take())
        except Stop:
            return

    async def leave(self) -> None:
        """Close the browser."""
        await self._http.aclose()

    async def _take(self) -> str:
        """A case from the queue, and its page. "" where there was none to have."""
        page = await self._get("queue", "/queue/")
        await self._pause()
        free = _CLAIM.search(page.text)
        if free is not None and self._chance.random() < RACES:
            answer = await self._post("claim", free[1], {}, fine=(303, 409))
            if answer.status_code == 409:
                self._book.races_lost += 1
                return ""
        else:
            answer = await self._post("take the next", "/queue/start/", {}, fine=(303,))
        return await self._follow(answer)

    async def _follow(self, answer: httpx.Response) -> str:
        """Where a redirect leads: the page of a case, or "" for any other."""
        where = answer.headers.get("location", "")
        if where.startswith("/shift/pause"):
            await self._get("pause", where)
            await self._pause()
            answer = await self._post("go on", where, {}, fine=(303,))
            where = answer.headers.get("location", "")
        if _CASE.match(where) is None:
            return ""
        page = await self._get("case", where)
        return page.text if page.status_code == 200 else ""

    async def _review(self, page: str) -> str:
        """Read, type, decide. The next case's page where one comes with the decision."""
        found, version = _CASE.search(page), _VERSION.search(page)
        if found is None or version is None:
            await self._pause()
            return ""
        reference, url = found[1], f"/cases/{found[1]}/"
        self._turn += 1
        note = f"Looked at every contact; turn {self._turn} of {self.name}."
        await self._pause()
        await self._type(reference, url, note)
        await self._pause()
        if self._chance.random() < LOOKED_AT_AGAIN:
            again = await self._get("case again", url)
            self._book.drafts_not_shown += note not in unescape(again.text)
            await self._pause()
        return await self._decide(reference, url, version[1], note)

    async def _type(self, reference: str, url: str, note: str) -> None:
        """What the page does by itself 0.8 s after the last key."""
        sent = {"draft": "dismiss", "reason": "ordinary_behaviour", "note": note}
        answer = await self._post(
            "draft", f"{url}draft/", sent, fine=(200,), headers={"HX-Request": "true"}
        )
        if "Draft kept" in answer.text:
            self._book.drafts_kept += 1
            self._book.drafts[reference, self.email] = note

    async def _decide(self, reference: str, url: str, version: str, note: str) -> str:
        chance = self._chance.random()
        sent = {"version": version, "note": note}
        if chance < 0.05:
            # Left to others: the draft stays.
            await self._post("release", f"{url}release/", {}, fine=(303,))
            return ""
        if chance < 0.75:
            verb, sent = "dismiss", sent | {"reason": "ordinary_behaviour", "exempt_until": ""}
        elif chance < 0.9:
            until = datetime.now(UTC) + timedelta(days=30)
            verb, sent = "monitor", sent | {"until": f"{until:%Y-%m-%d}"}
        else:
            verb, sent = "escalate", sent | {"severity": "high", "ask": "Please decide."}
        if self._chance.random() < 0.5:
            sent["next"] = "1"
        answer = await self._post(verb, f"{url}{verb}/", sent, fine=(303,))
        if answer.status_code == 303:
            self._book.decisions.append(Acknowledged(reference, verb, self.email, self.name, note))
            self._book.drafts.pop((reference, self.email), None)
        return await self._follow(answer) if "next" in sent else ""

    async def _get(self, page: str, url: str) -> httpx.Response:
        return await self._ask(page, "GET", url, fine=(200,))

    async def _post(
        self,
        page: str,
        url: str,
        sent: dict[str, str],
        *,
        fine: tuple[int, ...],
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        data = {"csrfmiddlewaretoken": self._token, **sent}
        return await self._ask(page, "POST", url, data=data, fine=fine, headers=headers)

    async def _ask(
        self,
        page: str,
        method: str,
        url: str,
        *,
        fine: tuple[int, ...],
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request. An answer that is not ``fine`` is counted, and so is none at all."""
        start = time.perf_counter()
        try:
            answer = await self._http.request(method, url, data=data, headers=headers)
        except httpx.HTTPError as error:
            self._book.unexpected[f"{page}: {type(error).__name__}"] += 1
            return httpx.Response(599)
        self._book.times[page].append((time.perf_counter() - start) * 1000)
        if answer.status_code not in fine:
            self._book.unexpected[f"{page}: {answer.status_code}"] += 1
        if found := _TOKEN.search(answer.text):
            self._token = found[1]
        return answer

    async def _pause(self, wait: float | None = None) -> None:
        """Think. Raises Stop when the time is over by then."""
        if wait is None:
            wait = self._chance.uniform(0.5, 1.5) * self._think
        if time.monotonic() + wait > self._until:
            await asyncio.sleep(max(0.0, self._until - time.monotonic()))
            raise Stop
        await asyncio.sleep(wait)
