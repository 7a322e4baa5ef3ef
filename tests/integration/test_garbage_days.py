"""Weeks of publishing, releasing and pruning under faults and crashes: nothing needed is ever lost."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from unittest import mock

import pytest

from maas.artifact import BlobStore
from maas.errors import MaasError
from maas.garbage import Garbage, Survey
from maas.pointer_store import PointerStore
from maas.registry import Registry
from maas.store import ObjectStore
from tests.faults import BUCKET, Crash, FaultInjector, impatient, moto_bucket, new_client, scripted, seeded
from tests.manifests import MEDIA_TYPE
from tests.pruning import (
    AGAIN,
    ARTIFACTS,
    GRACE,
    HOW,
    MODEL,
    A,
    B,
    C,
    D,
    check,
    fresh_bucket,
    open_store,
    pass_time,
    promote,
    prune,
    publish,
    there,
)

SEEDS, STEPS = 10, 12
PUBLISHED = (A, B, C, D, AGAIN)


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket() as client, impatient():
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield


def step(
    where: ObjectStore, source: random.Random, surveys: list[Survey]
) -> tuple[str, Callable[[], object]]:
    """Some piece of work; a survey may be swept much later."""
    manifest, keep = source.choice(PUBLISHED), source.choice([None, 0, 0, 1])
    unneeded = Garbage(where, grace=GRACE)
    work: dict[str, Callable[[], object]] = {
        "publish": lambda: publish(where, manifest),
        "promote": lambda: promote(where, manifest),
        "canary": lambda: Registry(where).canary(MODEL, manifest.digest, 10, **HOW),
        "rollback": lambda: Registry(where).rollback(MODEL, **HOW),
        "stray": lambda: BlobStore(where).put(source.choice(ARTIFACTS), MEDIA_TYPE),
        "survey": lambda: surveys.append(unneeded.survey(keep=keep)),
        "sweep": lambda: list(unneeded.sweep(source.choice(surveys))),
        "prune": lambda: prune(where, keep=keep),
        "spare": lambda: unneeded.spare(manifest),
    }
    name = source.choice([*work, "prune", "prune", "survey", "sweep"])
    return name, work[name]


def bad_days(seed: int) -> int:
    """One seed's weeks, every step of which may be hit by faults; how many versions are gone in the end."""
    source = random.Random(seed)
    fresh_bucket()
    publish(open_store(), *PUBLISHED)
    promote(open_store(), A)
    promote(open_store(), B)
    pass_time(40)
    surveys: list[Survey] = []
    injector = FaultInjector(client := new_client(), scripted({}), seed=seed)
    for number in range(STEPS):
        injector.log.clear()
        injector._plan = seeded(seed * 100 + number, rate=source.choice([0.0, 0.0, 0.1, 0.3]))
        name, work = step(ObjectStore(BUCKET, client, pause=lambda _: None), source, surveys)
        with injector.shown(f"seed {seed}, step {number}: {name}"):
            with suppress(Crash, MaasError, IndexError):
                work()
            check()
        pass_time(source.choice([0.0001, 0.5, 1.2, 1.2, 35]))
    return sum(not there(manifest) for manifest in PUBLISHED)


@pytest.mark.parametrize("block", range(2))
def test_nothing_needed_is_lost(block: int) -> None:
    """Random work, faults and crashes; a seed that fails is shown with its requests. Much is removed."""
    gone = sum(bad_days(seed) for seed in range(block, SEEDS, 2))
    assert gone >= 1


def _only_what_is_stable(self: Garbage, model: str) -> set[str]:
    pointer = PointerStore(self._store, self._clock).read(model).pointer
    return {pointer.stable} if pointer else set()


def all_bad_days() -> None:
    for seed in range(SEEDS):
        bad_days(seed)


def test_a_forgotten_history_shows() -> None:
    """Where only what is stable counts, some day loses a version that a rollback returns to, or a canary."""
    mistake = mock.patch.object(Garbage, "_released", _only_what_is_stable)
    with mistake, pytest.raises(AssertionError, match="has lost"):
        all_bad_days()
