"""ActivityStreams 2.0, one activity a line, as Mastodon and other ActivityPub servers emit them.

An object may stand there whole or by its id. Of content nothing is kept: a `Create` becomes "a
message thread was started with", once for each account that it is addressed to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from accounts.formats.json_lines import JsonLines, Object, empty_file
from accounts.formats.rows import WHOLE_ROW, Position, RawBatch, Reject, cut
from accounts.formats.source import Source

_TO_ACCOUNT: Final = frozenset({"Follow", "Block"})
_TO_EVENT: Final = frozenset({"Accept", "Reject", "Ignore", "Undo"})
_PUBLIC: Final = frozenset({"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"})
_ANSWERED: Final = {"TentativeAccept": "Accept", "TentativeReject": "Reject"}


class Unusable(Exception):
    """An activity lacks what ``field``, a column of the events file, would hold."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


class ActivityStreamsReader:
    """Reads one file of activities as events. Raises FileProblem."""

    table: Final = "events"

    def __init__(self, source: Source, start: Position) -> None:
        self._objects = JsonLines(source, start)
        self._start = start
        self._passed_over: Counter[str] = Counter()

    @property
    def notices(self) -> list[str]:
        return [
            f"Passed over: {count:,} {kind} activities, which say nothing about contact."
            for kind, count in sorted(self._passed_over.items())
        ]

    def __iter__(self) -> Iterator[RawBatch]:
        nothing = not self._start.offset
        for objects, lines, rejects in self._objects:
            nothing = nothing and not objects and not rejects
            events: list[Object] = []
            numbers: list[int] = []
            for activity, line in zip(objects, lines, strict=True):
                try:
                    made = events_of(activity)
                except Unusable as problem:
                    rejects.append(_refusal(activity, line, problem))
                    continue
                if not made:
                    self._passed_over[_type(activity) or "untyped"] += 1
                events += made
                numbers += [line] * len(made)
            yield self._objects.batch("events", events, numbers, rejects)
        if nothing:
            raise empty_file()


def events_of(activity: Object) -> list[Object]:
    """The rows of the events file that an activity amounts to; none where it is no contact.

    Raises Unusable.
    """
    kind = _type(activity)
    kind = _ANSWERED.get(kind, kind)
    row = {
        "event_id": activity.get("id"),
        "type": kind,
        "actor": _id(activity.get("actor")),
        "published": activity.get("published"),
    }
    target = activity.get("object")
    if kind in _TO_ACCOUNT or kind in _TO_EVENT:
        row["object"] = _required_id(_first(target), kind)
    elif kind == "Offer":
        row["object"] = _befriended(activity, row["actor"])
    elif kind == "Flag":
        # The account comes first; what follows are posts.
        row["object"] = _required_id(_first(target), kind)
    elif kind == "Remove":
        row["object"] = _required_id(_first(target), kind)
    elif kind == "Create":
        return _threads(activity, row)
    else:
        return []
    if not row["published"]:
        raise Unusable(
            "published",
            "The activity does not say when; add published, the time at which the server "
            "received it.",
        )
    return [row]


def _threads(activity: Object, row: Object) -> list[Object]:
    """A direct message that answers none starts a thread with each account that it is sent to."""
    note = activity.get("object")
    note = note if isinstance(note, dict) else {}
    if note.get("inReplyTo"):
        return []
    to = [_id(one) for one in [*_listed(activity.get("to")), *_listed(activity.get("cc"))]]
    if not to or any(one in _PUBLIC or not one or one.endswith("/followers") for one in to):
        return []
    published = row["published"] or note.get("published")
    recipients = [one for one in dict.fromkeys(to) if one != row["actor"]]
    return [
        {
            **row,
            "event_id": row["event_id"] if place == 0 else f"{row['event_id']}#{place + 1}",
            "object": one,
            "published": published,
        }
        for place, one in enumerate(recipients)
    ]


def _befriended(activity: Object, actor: str | None) -> str:
    """The account to which an `Offer` of a `Relationship` is made."""
    offered = activity.get("object")
    candidates = [activity.get("target"), *_listed(activity.get("to"))]
    if isinstance(offered, dict) and offered.get("type") == "Relationship":
        candidates = [offered.get("object"), offered.get("subject"), *candidates]
    elif offered is not None and _type(offered) != "Relationship":
        candidates = [*candidates, offered]
    for candidate in candidates:
        named = _id(candidate)
        if named and named != actor:
            return named
    raise Unusable("object", "The Offer does not say to whom; name the account in target.")


def _required_id(value: Any, kind: str) -> str:
    named = _id(value)
    if not named:
        raise Unusable("object", f"The object of this {kind} has no id; send the object's id.")
    return named


def _type(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    kind = _first(kind)
    return kind if isinstance(kind, str) else ""


def _id(value: Any) -> str | None:
    """The id of an object that stands there whole or by its id."""
    if isinstance(value, dict):
        value = value.get("id") or (value.get("href") if value.get("type") == "Link" else None)
    elif isinstance(value, list):
        return _id(_first(value))
    return value if isinstance(value, str) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _refusal(activity: Object, line: int, problem: Unusable) -> Reject:
    row = {
        "event_id": activity.get("id"),
        "type": _type(activity),
        "actor": _id(activity.get("actor")),
        "object": _id(activity.get("object")),
        "published": activity.get("published"),
    }
    text = {name: value if isinstance(value, str) else "" for name, value in row.items()}
    return Reject(line, problem.field or WHOLE_ROW, cut(text[problem.field]), problem.reason, text)
