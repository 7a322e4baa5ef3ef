"""What releases are made of in the race tests, and the rules of a release, told a second time."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from maas.artifact import digest_of
from maas.contract import Columns
from maas.errors import RegistryUnavailable
from maas.manifest import Golden, Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.runtime import Session
from maas.shelf import Shelf
from maas.traffic import Traffic
from tests import tiny_model
from tests.faults import BUCKET, objects
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import EXPECTED

FOLDER = f"models/{NAME}/"
IDS = [f"caller-{number}" for number in range(12)]
WEIGHTS = (5, 25, 60, 99)


@cache
def versions() -> dict[str, tuple[Manifest, bytes, float]]:
    """By digest: the versions there are, and how much each answers of what the first one does.

    The last one is whole but broken: it may be released, and never serves.
    """
    made = {}
    for number in range(5):
        scale = float(number + 1)
        changes: dict[str, Any] = {"created": datetime(2026, 1, 1, number, tzinfo=UTC)}
        if number == 4:
            changes["golden"] = Golden(instances=INSTANCES[:1], predictions=[{"volume": 1.0}], tolerance=1e-3)
        manifest, artifact = tiny_model.version([scale * (i + 1) for i in range(8)], **changes)
        made[manifest.digest] = (manifest, artifact, scale)
    return made


def broken() -> str:
    """The digest of the version that may not serve."""
    return list(versions())[-1]


@cache
def columns() -> Columns:
    return tiny_model.endpoint().contract.parse(INSTANCES[:1])


class Witness(Session):
    """Sees the bytes that a version is made from."""

    def __init__(self, artifact: bytes, **how: Any) -> None:
        published = {manifest.artifact.digest for manifest, *_ in versions().values()}
        assert digest_of(artifact) in published, "unverified bytes were about to serve"
        super().__init__(artifact, **how)


def keys() -> Any:
    """What the bucket holds, straight from moto, by key."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys


@dataclass
class Record:
    """Every pointer there was, and what those who moved it were told.

    Attributes:
        chain: The pointers, oldest first.
        acknowledged: The moves that were reported as made, by the actor they bear.
        unknown: The actors whose moves may have happened or not.
        drawn: The smallest share at which a caller had a canary, by canary and caller.
    """

    chain: list[Pointer] = field(default_factory=list)
    acknowledged: dict[str, Pointer] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    drawn: dict[tuple[str, str], int] = field(default_factory=dict)
    last: bytes | None = None

    def begin(self) -> None:
        """Take what is stored for the truth."""
        held = objects()
        entries = (body for key, body in held.items() if key.startswith(f"{FOLDER}history/"))
        self.chain = [Pointer.from_json(body) for body in entries]
        self.acknowledged = {pointer.actor: pointer for pointer in self.chain}
        self.last = held.get(f"{FOLDER}production.json")

    def look(self) -> None:
        """The pointer made one legal step or none, and what it names is published."""
        held = keys()
        for key in held:
            if key.startswith(f"{FOLDER}manifests/"):
                manifest, *_ = versions()[key[-69:-5]]
                assert manifest.artifact.key in held, "a manifest came before its artifact"
        body = held[f"{FOLDER}production.json"].value if f"{FOLDER}production.json" in held else None
        if body == self.last:
            return
        assert body is not None, "the pointer vanished"
        pointer, before = Pointer.from_json(body), self.chain[-1] if self.chain else None
        for digest in (pointer.stable, *pointer.trials):
            assert f"{FOLDER}manifests/{digest}.json" in held, "the pointer names what is not published"
        self.last = body
        self.chain.append(pointer)
        check_step(before, pointer, self.chain)

    def check_end(self, clean: Registry, shelf: Shelf) -> None:
        """After the last request: the history is the chain, and belongs to those who were told so."""
        assert clean.history(NAME) == self.chain[::-1], "the history is not what happened"
        moves = {pointer.actor: pointer for pointer in self.chain}
        assert len(moves) == len(self.chain), "one request moved the pointer twice"
        for name, pointer in self.acknowledged.items():
            assert pointer in self.chain, f"{name} was told of a move that is not in the history"
        for name, pointer in moves.items():
            told = self.acknowledged.get(name)
            assert name in self.unknown or told == pointer, f"{name} moved the pointer and was told otherwise"
        for key, body in objects().items():
            digest = key.removesuffix(".json").rpartition("/")[2]
            assert len(digest) != 64 or digest_of(body) == digest, f"{key} is damaged"
        if self.chain and self.chain[-1].stable != broken():
            self.check_serves(shelf.traffic())
        # Nothing is wedged: the next release works.
        digest = next(iter(versions()))
        clean.publish(*versions()[digest][:2])
        assert clean.promote(NAME, digest, actor="end", reason="").stable == digest

    def check_serves(self, traffic: Traffic) -> None:
        """A process that starts now has what the pointer names, and everybody is answered."""
        pointer = self.chain[-1]
        assert traffic.stable.manifest.digest == pointer.stable
        assert (traffic.trial and traffic.trial.canary, traffic.shadow) == (pointer.canary, pointer.shadow)
        self.check_answers(traffic)
        if traffic.trial is None:
            return
        for weight in WEIGHTS:
            canary = traffic.trial.canary.model_copy(update={"weight": weight})
            self.check_answers(replace(traffic, trial=replace(traffic.trial, canary=canary)))

    def check_answers(self, traffic: Traffic) -> None:
        """Everybody is answered by a whole version, with its own numbers, and a canary keeps its callers."""
        for request_id in IDS:
            answer = traffic.answer(columns(), request_id, lambda error: RegistryUnavailable(repr(error)))
            digest = answer.served.manifest.digest
            expected = EXPECTED[0] * versions()[digest][2]
            assert answer.columns["volume"][0] == pytest.approx(expected), "the wrong version's numbers"
            again = traffic.answer(columns(), request_id, lambda error: RegistryUnavailable(repr(error)))
            assert again.served is answer.served, "the same caller got two versions"
            if traffic.trial is None:
                assert answer.track == "stable"
                continue
            canary = traffic.trial.canary
            place = (canary.manifest, request_id)
            if answer.track == "canary" or answer.canary_fault is not None:
                self.drawn[place] = min(canary.weight, self.drawn.get(place, 100))
            else:
                assert canary.weight < self.drawn.get(place, 100), "a widening canary lost a caller"


def check_step(before: Pointer | None, after: Pointer, chain: list[Pointer]) -> None:
    """One move, by the rules of a release, told here a second time."""
    assert after.seq == len(chain), "the pointer forked, or a move was left out"
    if before is None:
        assert (after.action, after.previous, after.trials) == ("promote", None, ())
        return
    below, old = (before.stable, before.seq), (before.previous, before.previous_seq)
    canary = before.canary and (before.canary.manifest, before.canary.weight)
    new_canary = after.canary and (after.canary.manifest, after.canary.weight)
    match after.action:
        case "promote":
            assert after.stable != before.stable
            assert (after.previous, after.previous_seq) == below
            assert set(after.trials) == set(before.trials) - {after.stable}
            assert new_canary in (canary, None)
        case "rollback":
            target = chain[(before.previous_seq or 0) - 1]
            assert canary is None
            assert after.stable == before.previous == target.stable
            assert (after.previous, after.previous_seq) == (target.previous, target.previous_seq)
            assert set(after.trials) == set(before.trials) - {after.stable}
        case _:
            assert after.stable == before.stable
            assert (after.previous, after.previous_seq) == old
    match after.action:
        case "canary":
            assert new_canary is not None
            assert new_canary != canary
            assert canary is None or canary[0] == new_canary[0]
            assert after.shadow == (None if before.shadow == new_canary[0] else before.shadow)
        case "shadow":
            assert new_canary == canary
            assert after.shadow != before.shadow
        case "withdraw":
            assert before.trials
            assert after.trials == ()
