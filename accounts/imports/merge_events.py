"""A chunk of events into the graph: known ones are compared, named ones found, new ones copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from accounts.imports import names, references
from accounts.imports.database import AlreadyThere, Database
from accounts.imports.merged import Merged, first_places, sample
from accounts.imports.waiting import any_waiting, wake
from accounts.validation.checker import Rows
from accounts.validation.event import FIRST_REFERRING, TYPES

_TABLE: Final = "accounts_event"
_KNOWN: Final = (
    "SELECT n.place, e.id, e.type, e.actor_id, coalesce(e.object_id, 0) AS object_id, e.reference,"
    " e.published, e.region FROM import_names n JOIN accounts_event e ON e.event_id = n.name"
)

_CONTRADICTS: Final = (
    "This event_id was imported before with another {field}; an event does not change: "
    "correct it, or give this one an event_id of its own."
)


def asked(rows: Rows) -> dict[str, pa.Array]:
    """What ``merge`` will look up for ``rows``, by query."""
    objects = rows.columns["object"]
    refers = pa.array(rows.columns["type"].to_numpy() >= FIRST_REFERRING)
    accounts = names.asked(rows.columns["actor"], objects.filter(pc.invert(refers)))
    return accounts | references.asked(objects.filter(refers), rows.columns["event_id"])


def merge(db: Database, rows: Rows, batch_id: int) -> Merged:
    """Bring ``rows`` in, inside a chunk of ``db``. Rows that contradict the graph are refused."""
    merged = Merged()
    if not len(rows):
        return merged
    chunk = _Chunk(db, rows, batch_id, merged)
    chunk.drop_doubles()
    chunk.name_accounts()
    waiting = any_waiting(db)
    if waiting:
        db.lock("ties")  # waking may take accounts away that ties would name
    lowest = chunk.bring_in()
    if waiting and lowest:
        merged.late = wake(db, lowest, batch_id)
    merged.rejects.sort(key=lambda reject: reject.line)
    return merged


@dataclass(slots=True)
class _Found:
    """The named event of each row that names one: its place in the chunk or its key, and facts."""

    place: NDArray[np.int64]  # -1: not in this chunk
    ids: NDArray[np.int64]  # 0: not in the database
    facts: references.Facts


class _Chunk:
    def __init__(self, db: Database, rows: Rows, batch_id: int, merged: Merged) -> None:
        self._db, self._rows, self._batch_id, self._merged = db, rows, batch_id, merged
        columns = rows.columns
        self._ids = columns["event_id"]
        self._types = columns["type"].to_numpy().astype(np.int64)
        self._refers = self._types >= FIRST_REFERRING
        self._published = references.microseconds(columns["published"])
        self._regions = columns["region"]
        self._alive = np.ones(len(rows), bool)  # still to be brought in

    # -- the same event twice --------------------------------------------------------------

    def drop_doubles(self) -> None:
        """Of rows with one event_id in this chunk, keep the first."""
        first = first_places(self._ids)
        if first is None:
            return
        here = np.flatnonzero(first != np.arange(len(first)))
        before = first[here]
        at, to = pa.array(here), pa.array(before)
        same = self._types[here] == self._types[before]
        same &= self._published[here] == self._published[before]
        for name in ("actor", "object"):
            column = self._rows.columns[name]
            same &= pc.equal(column.take(at), column.take(to)).to_numpy(zero_copy_only=False)
        regions = self._regions.to_numpy(zero_copy_only=False)
        fill = same & (regions[before] == "") & (regions[here] != "")
        if fill.any():
            regions = regions.copy()
            regions[before[fill]] = regions[here[fill]]
            self._regions = pa.array(regions, pa.string())
        same &= (regions[here] == "") | (regions[here] == regions[before])
        self._alive[here] = False
        self._merged.duplicates += int(same.sum())
        lines = self._rows.lines[before[~same]].tolist()
        self._refuse(
            here[~same],
            "event_id",
            [
                f"Line {line} has this event_id with other content; "
                "give each event an event_id of its own."
                for line in lines
            ],
        )

    # -- accounts --------------------------------------------------------------------------

    def name_accounts(self) -> None:
        columns = self._rows.columns
        to_account = ~self._refers
        objects = columns["object"].filter(pa.array(to_account))
        self._names, (actors, targets) = names.find(self._db, columns["actor"], objects)
        self._actor_codes = actors
        self._object_codes = np.full(len(actors), -1)
        self._object_codes[to_account] = targets

    def _facts(self) -> references.Facts:
        keys = np.append(self._names.keys, 0)  # the last for "no object"
        return references.Facts(
            types=self._types,
            actors=keys[self._actor_codes],
            objects=keys[self._object_codes],
            published=self._published,
        )

    # -- bringing in -----------------------------------------------------------------------

    def bring_in(self) -> int:
        """Write what is new; the lowest new key, 0 if nothing was new.

        New events are the rule, so they are written without asking for each whether it is there,
        unless a sample or the chunk before say otherwise.
        """
        places = np.flatnonzero(self._alive)
        if not len(places):
            return 0
        known = _TABLE in self._db.expects_known
        if not known:
            some = places[sample(len(places))]
            known = bool(len(self._db.look_up(self._ids.take(pa.array(some)), _KNOWN)))
        if not known:
            alive, refused = self._alive.copy(), len(self._merged.rejects)
            try:
                with self._db.attempt():
                    return self._write()
            except AlreadyThere:
                self._alive = alive
                del self._merged.rejects[refused:]
                self.name_accounts()
        self._compare_known()
        return self._write()

    def _compare_known(self) -> None:
        """Rows whose event is in the database: duplicates, or refused for other content."""
        places = np.flatnonzero(self._alive)
        known = self._db.look_up(self._ids.take(pa.array(places)), _KNOWN)
        if len(known):
            self._db.expects_known.add(_TABLE)
        else:
            self._db.expects_known.discard(_TABLE)
            return
        here = places[known["place"].to_numpy()]
        there = references.facts_of(known)
        own = self._facts().take(here)
        texts = self._rows.columns["object"].take(pa.array(here))
        regions = self._regions.take(pa.array(here)).to_numpy(zero_copy_only=False)
        stored = known["region"].to_numpy()
        refers = self._refers[here]
        reference = known["reference"].to_numpy() == texts.to_numpy(zero_copy_only=False)
        unlike = {
            "type": own.types != there.types,
            "actor": own.actors != there.actors,
            "object": np.where(refers, ~reference, own.objects != there.objects),
            "published": own.published != there.published,
            "region": (regions != "") & (stored != "") & (regions != stored),
        }
        self._alive[here] = False
        different = np.zeros(len(here), bool)
        for field, mask in unlike.items():
            self._refuse(
                here[mask & ~different],
                field,
                [_CONTRADICTS.format(field=field)] * int((mask & ~different).sum()),
            )
            different |= mask
        fill = ~different & (stored == "") & (regions != "")
        self._merged.duplicates += int((~different & ~fill).sum())
        self._merged.accepted += int(fill.sum())
        if fill.any():
            self._fill_regions(known["id"].to_numpy()[fill], regions[fill])

    def _fill_regions(self, ids: NDArray[np.int64], regions: NDArray[np.object_]) -> None:
        self._db.copy("import_regions", {"id": ids, "region": pa.array(regions, pa.string())})
        self._db.run(
            "UPDATE accounts_event e SET region = r.region, batch_id = $1"
            " FROM import_regions r WHERE r.id = e.id",
            (self._batch_id,),
        )

    def _write(self) -> int:
        found = self._find_named()
        resolved = self._judge(found)
        places = np.flatnonzero(self._alive)
        if not len(places):
            return 0
        objects = self._object_codes[places]
        needed = np.concatenate((self._actor_codes[places], objects[objects >= 0]))
        self._names.create(self._db, needed, self._batch_id)
        new = np.zeros(len(self._alive), np.int64)
        new[places] = self._db.new_ids(_TABLE, len(places))
        at = pa.array(places)
        columns = {
            "id": new[places],
            "event_id": self._ids.take(at),
            "type": pa.array(TYPES).take(pa.array(self._types[places])),
            "actor_id": self._names.ids[self._actor_codes[places]],
            "object_id": pa.array(np.append(self._names.ids, 0)[objects], mask=objects < 0),
            "published": self._rows.columns["published"].take(at),
            "region": self._regions.take(at),
            "batch_id": np.full(len(places), self._batch_id),
        }
        if found is not None:
            ref = np.where(found.place >= 0, new[found.place], found.ids)
            refers = self._refers[places]
            columns["ref_id"] = pa.array(ref[places], mask=~(refers & resolved[places]))
            columns["reference"] = pc.if_else(
                pa.array(refers), self._rows.columns["object"].take(at), pa.scalar("")
            )
        self._db.copy(_TABLE, columns)
        self._merged.accepted += len(places)
        return int(new[places[0]])

    # -- named events ----------------------------------------------------------------------

    def _find_named(self) -> _Found | None:
        referring = np.flatnonzero(self._alive & self._refers)
        if not len(referring):
            return None
        size = len(self._alive)
        texts = self._rows.columns["object"].take(pa.array(referring))
        alive = np.flatnonzero(self._alive)
        inside = pc.index_in(texts, value_set=self._ids.take(pa.array(alive)))
        place = np.full(size, -1)
        at = pc.fill_null(inside, -1).to_numpy()
        place[referring] = np.where(at >= 0, alive[at], -1)
        own = self._facts()
        facts = own.take(np.maximum(place, 0))
        ids = np.zeros(size, np.int64)
        outside = referring[at < 0]
        if len(outside):
            encoded = texts.filter(pa.array(at < 0)).dictionary_encode()
            targets = references.settled_targets(self._db, encoded.dictionary)
            row_of = np.full(len(encoded.dictionary), -1)
            row_of[targets["place"].to_numpy()] = np.arange(len(targets))
            row = row_of[encoded.indices.to_numpy()]
            here, row = outside[row >= 0], row[row >= 0]
            ids[here] = targets["id"].to_numpy()[row]
            there = references.facts_of(targets).take(row)
            facts.types[here], facts.actors[here] = there.types, there.actors
            facts.objects[here], facts.published[here] = there.objects, there.published
        return _Found(place, ids, facts)

    def _judge(self, found: _Found | None) -> NDArray[np.bool_]:
        """Refuse rows that do not fit the event they name; which of the others are resolved.

        A row is judged once the event that it names waits for nothing itself, so a chain of events
        takes as many rounds as it is long.
        """
        settled: NDArray[np.bool_] = self._alive & ~self._refers
        if found is None:
            return settled
        own = self._facts()
        while True:
            ready = (found.ids > 0) | ((found.place >= 0) & settled[found.place])
            at = np.flatnonzero(self._alive & self._refers & ~settled & ready)
            if not len(at):
                return settled
            named = found.facts.take(at)
            verdicts = references.judge(own.take(at), named)
            settled[at[verdicts == references.FITS]] = True
            for verdict in np.unique(verdicts[verdicts != references.FITS]).tolist():
                bad = verdicts == verdict
                types = zip(self._types[at[bad]].tolist(), named.types[bad].tolist(), strict=True)
                self._refuse(
                    at[bad],
                    references.FIELDS[verdict],
                    [references.reason(verdict, own_type, other) for own_type, other in types],
                )

    def _refuse(self, at: NDArray[np.int64], field: str, reasons: list[str]) -> None:
        if len(at):
            self._alive[at] = False
            self._merged.rejects += self._rows.refuse(at, field, reasons)
