"""Proofs of single entries, checked with the public key alone."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from audit import keys, proofs
from audit.checkpoints import make_checkpoint, proof_of
from audit.models import Checkpoint, Entry
from audit.verify import verify_trail
from tests.audit.trail import WORKER, write

pytestmark = pytest.mark.django_db


def texts(proof: dict[str, Any]) -> str:
    return json.dumps(proof, ensure_ascii=False)


@pytest.mark.parametrize("stop", [0, 4, 8, 9])
def test_every_entry_has_a_proof_wherever_checkpoints_stand(stop: int) -> None:
    write(stop)
    make_checkpoint(actor=WORKER)
    write(13)
    for number in range(1, Entry.objects.count() + 1):
        proof = proof_of([number])
        assert proofs.check(proofs.read(texts(proof)), keys.public_key()).numbers == (number,)
    assert verify_trail().ok


def test_a_proof_says_what_the_entries_say_and_covers_several() -> None:
    written = write(7)
    proof = proof_of([6, 2, 2])
    assert [entry["number"] for entry in proof["entries"]] == [2, 6]
    assert proof["entries"][0]["target"] == written[1].target
    assert proof["entries"][0]["before"] == {"state": "open", "points": 3.25}
    checked = proofs.check(proof, keys.public_key())
    assert (checked.numbers, checked.size) == ((2, 6), 7)
    assert checked.trail == f"sightline.audit/{bytes(written[0].hash).hex()[:16]}"


def test_the_same_entries_give_the_same_proof_while_the_trail_grows() -> None:
    write(5)
    before = texts(proof_of([2, 4]))
    write(5)
    make_checkpoint(actor=WORKER)
    assert texts(proof_of([4, 2])) == before


def test_a_proof_makes_a_checkpoint_only_where_none_covers_the_entry() -> None:
    write(3)
    with transaction.atomic():  # as a service that builds a package does
        proof_of([3])
    proof_of([1])
    assert Checkpoint.objects.count() == 1
    proof_of([4])  # the checkpoint's own entry
    assert list(Checkpoint.objects.values_list("size", flat=True)) == [4, 3]


@pytest.mark.parametrize("numbers", [[], [0], [4], [1, 99]])
def test_what_is_not_in_the_trail_has_no_proof(numbers: list[int]) -> None:
    write(3)
    with pytest.raises(ValueError, match=r"not in the trail|at least one"):
        proof_of(numbers)


def test_any_changed_place_breaks_it() -> None:
    write(12)
    text = texts(proof_of([3, 7, 12]))
    dice = random.Random(42)
    for _ in range(300):
        place = dice.randrange(len(text))
        other = dice.choice([c for c in 'abc019"{}[],: -' if c != text[place]])
        changed = text[:place] + other + text[place + 1 :]
        try:
            if json.loads(changed) == json.loads(text):
                continue  # white space between members
        except ValueError:
            pass
        with pytest.raises(proofs.BadProof):
            proofs.check(proofs.read(changed), keys.public_key())


def test_lies_are_named() -> None:
    write(6)
    good = proof_of([2, 3])
    key = keys.public_key()

    def with_entry(**members: Any) -> dict[str, Any]:
        first, *others = good["entries"]
        return {**good, "entries": [{**first, **members}, *others]}

    lies = {
        "does not lead to the checkpoint's root": with_entry(actor="staff:9 Somebody else"),
        "is not among those": with_entry(number=7),
        "lacks members, or has more": with_entry(comment="harmless"),
        "out of order, or one is there twice": {**good, "entries": good["entries"][::-1]},
        "too short": with_entry(path=good["entries"][0]["path"][:-1]),
        "wrong kind": with_entry(reason=None),
        "no proof of the form": {**good, "format": "v2"},
        "needs format, checkpoint and entries": {**good, "note": ""},
        "does not have the form": {**good, "checkpoint": good["checkpoint"] + " "},
        "not signed with this key": {
            **good,
            "checkpoint": good["checkpoint"].replace("\n6\n", "\n7\n"),
        },
    }
    assert proofs.check(good, key).numbers == (2, 3)
    for says, lie in lies.items():
        with pytest.raises(proofs.BadProof, match=says):
            proofs.check(lie, key)
    with pytest.raises(proofs.BadProof, match="not signed with this key"):
        proofs.check(good, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(proofs.BadProof, match="there twice"):
        proofs.read(texts(good).replace('"format"', '"format": "", "format"', 1))


def test_a_file_is_checked_on_a_machine_that_has_only_the_public_key(
    home: Path, tmp_path: Path
) -> None:
    write(4)
    file, pem = tmp_path / "proof.json", tmp_path / "key.pem"
    file.write_text(texts(proof_of([2])), "utf-8")
    pem.write_text(keys.public_pem(keys.public_key()))

    def checked() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "audit.offline", str(file), str(pem)],
            cwd=settings.BASE_DIR,
            env={"PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    done = checked()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 entry stood in sightline.audit/")
    file.write_text(file.read_text("utf-8").replace("in_review", "dismissed"), "utf-8")
    done = checked()
    assert done.returncode == 1
    assert "proves nothing: Entry 2 does not lead" in done.stderr
