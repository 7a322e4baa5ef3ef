"""Days on which several processes release, publish and serve at once, in an order that one seed decides.

Every actor is a thread with a client of its own, and only one of them runs at a time: before each request
the seed chooses who goes on. So a day that went wrong goes wrong again. Each request is followed by a look
at what is stored, past all of the code under test.
"""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from maas.errors import MaasError, RegistryUnavailable
from maas.pointer import Pointer
from maas.registry import Registry
from maas.shelf import Shelf
from maas.store import ObjectStore
from maas.traffic import Traffic
from tests import tiny_model
from tests.faults import BUCKET, EVERY, Crash, Fault, FaultInjector, new_client, restore, seeded
from tests.release_alarms import AlarmRegistry, alarms
from tests.release_rules import FOLDER, WEIGHTS, Record, Witness, broken, keys, versions
from tests.tiny_model import NAME
from tests.turns import Turns


class Injector(FaultInjector):
    """Deals faults, gives the turn before each request, and has the store looked at after it."""

    def __init__(self, client: Any, day: "Day") -> None:
        seed = day.random.randrange(2**32)
        super().__init__(client, seeded(seed, rate=day.rate, faults=day.faults), seed=seed)
        self._day = day

    def __call__(self, request: AWSPreparedRequest, event_name: str = "", **rest: object) -> AWSResponse:
        self._day.turns.give()
        try:
            return super().__call__(request, event_name, **rest)
        finally:
            who = threading.current_thread().name
            self._day.log.append(f"{who:9s} " + " ".join(map(str, self.log[-1])))
            self._day.dealt += self.log[-1][2] is not Fault.NONE
            self._day.record.look()


@dataclass
class Day:
    """One schedule: who did what, and what came of it. `climate` is one kind of fault and its rate."""

    seed: int
    climate: tuple[Fault, float] | None = None
    record: Record = field(default_factory=Record)
    log: list[str] = field(default_factory=list)
    dealt: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.rate = self.random.choice([0.0, 0.05, 0.15, 0.3, 0.5])
        # On every other day one kind of fault only, so that it comes in rows and at every place.
        self.faults = self.random.choice([EVERY, (self.random.choice(EVERY),)])
        if self.climate is not None:
            self.faults, self.rate = (self.climate[0],), self.climate[1]
        self.turns = Turns(self.random, stay=self.random.choice([0.0, 0.7, 0.9]))
        moments = (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=second) for second in range(10**6))
        self.clock = lambda: next(moments)

    def registry(self) -> Registry:
        """A new process's registry, with faults in its client."""
        return Registry(self.store(), clock=self.clock)

    def alarm_registry(self) -> AlarmRegistry:
        """The same for the function that hears of alarms."""
        return AlarmRegistry(self.store(), self.clock, self.record)

    def store(self) -> ObjectStore:
        """The bucket, by a client with faults."""
        client = new_client()
        Injector(client, self)
        return ObjectStore(BUCKET, client, pause=lambda _: None)

    def shelf(self, registry: Registry) -> Shelf:
        return Shelf(
            NAME,
            tiny_model.endpoint().contract,
            lambda: registry,
            threads=1,
            refresh_seconds=0,
            report=lambda error: self.log.append(f"kept the last good version: {error.detail}"),
        )

    def releaser(self) -> None:
        """Four moves of any kind; each is acknowledged, refused, or nobody knows."""
        me, registry = threading.current_thread().name, self.registry()
        for number in range(4):
            name = f"{me}/{number}"
            try:
                pointer = self.move(registry, name)
            except Crash:
                self.record.unknown.add(name)
                registry = self.registry()
            except RegistryUnavailable:
                self.record.unknown.add(name)
            except MaasError as error:
                self.log.append(f"{name} was refused: {error.detail}")
            else:
                if pointer.actor == name:
                    self.record.acknowledged[name] = pointer
                self.log.append(f"{name} was told of move {pointer.seq} by {pointer.actor}")

    def move(self, registry: Registry, name: str) -> Pointer:
        """Some move, on whatever pointer there is or only on the one that is there now."""
        who = {"actor": name, "reason": ""}
        kind = self.random.choice(["promote", "promote", "canary", "widen", "shadow", "withdraw", "rollback"])
        digest = self.some_version()
        how: dict[str, Any] = {}
        seen = None
        if kind == "widen" or self.random.random() < 0.5:
            seen = registry.production(NAME)
            how = {"expected_seq": seen.seq if seen else 0}
        self.log.append(f"{name}: {kind} {digest[:8]} {how}")
        match kind:
            case "promote":
                pointer = registry.promote(NAME, digest, **who, **how)
                assert pointer.stable == digest
            case "canary":
                pointer = registry.canary(NAME, digest, self.random.choice(WEIGHTS), **who, **how)
            case "widen" if seen and seen.canary:
                wider = min(99, seen.canary.weight + 20)
                pointer = registry.canary(NAME, seen.canary.manifest, wider, **who, **how)
            case "shadow":
                pointer = registry.shadow(NAME, self.random.choice([digest, None]), **who, **how)
            case "rollback":
                pointer = registry.rollback(NAME, **who, **how)
            case _:
                pointer = registry.withdraw(NAME, **who, **how)
                assert pointer.trials == ()
        if how and pointer.actor == name:
            assert pointer.seq == how["expected_seq"] + 1, "a move was made on a pointer that was not seen"
        return pointer

    def some_version(self) -> str:
        """A digest, mostly of a version that is published."""
        published = [digest for digest in versions() if f"{FOLDER}manifests/{digest}.json" in keys()]
        return self.random.choice(published if published and self.random.random() < 0.9 else list(versions()))

    def publisher(self) -> None:
        """Publishes two versions, in pieces if it must."""
        registry = self.registry()
        for _ in range(2):
            manifest, artifact, _ = versions()[self.random.choice(list(versions()))]
            try:
                assert registry.publish(manifest, artifact) == manifest.version
            except Crash:
                registry = self.registry()
            except MaasError as error:
                self.log.append(f"not published: {error.detail}")
            else:
                assert manifest.key in keys(), "a version that was published is not there"

    def server(self) -> None:
        """Serves: who has a version once has one for ever, and it is one that was in production."""
        shelf, had = self.shelf(self.registry()), False
        for _ in range(4):
            begun = bool(self.record.chain)
            try:
                traffic = shelf.traffic()
            except Crash:
                shelf, had = self.shelf(self.registry()), False
                continue
            except MaasError as error:
                released = {pointer.stable for pointer in self.record.chain}
                if had or (begun and self.rate == 0 and broken() not in released):
                    raise AssertionError("a process has no version to serve") from error
                continue
            had = True
            if traffic.trial is not None:
                assert traffic.trial.canary in [pointer.canary for pointer in self.record.chain]
            assert traffic.stable.manifest.digest in {pointer.stable for pointer in self.record.chain}
            self.record.check_answers(traffic)
            try:
                served = shelf.version(self.some_version())
                self.record.check_answers(Traffic(served))
            except Crash:
                shelf, had = self.shelf(self.registry()), False
            except MaasError as error:
                self.log.append(f"no such version: {error.detail}")

    def reader(self) -> None:
        """Reads the history: without a gap, and nothing of what was there is missing."""
        registry = self.registry()
        for _ in range(2):
            known = len(self.record.chain)
            try:
                history = registry.history(NAME)
            except Crash:
                registry = self.registry()
                continue
            except MaasError as error:
                self.log.append(f"no history: {error.detail}")
                continue
            assert len(history) >= known
            assert history == self.record.chain[: len(history)][::-1], (
                "the history has a gap, or another story"
            )

    def run(self, mornings: Sequence[Mapping[str, bytes]]) -> None:
        """Live through the day, from one of the `mornings`: what a bucket holds."""
        prepared = self.random.choice(mornings)
        restore(prepared)
        self.record.begin()
        try:
            with mock.patch("maas.serving.Session", Witness):
                self.turns.run(
                    {
                        "ann": self.releaser,
                        "bob": self.releaser,
                        "publisher": self.publisher,
                        "server": self.server,
                        "reader": self.reader,
                        # A climate is for one mistake, which more actors would only hide.
                        **({"alarm": lambda: alarms(self)} if self.climate is None else {}),
                    }
                )
                clean = Registry(ObjectStore(BUCKET, new_client()), clock=self.clock)
                self.record.check_end(clean, self.shelf(clean))
        except BaseException as error:
            error.add_note("\n".join([f"seed {self.seed}:", *self.log[-150:]]))
            raise
