"""Releases under races and faults: schedules from printed seeds, and bugs that they must notice.

`MAAS_FAULT_SCHEDULES=1000` runs that many; the default keeps `make test` short.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from maas import traffic
from maas.artifact import Blob
from maas.errors import Conflict, KeyMissing, MaasError, PointerMoved, RegistryUnavailable
from maas.manifest import Manifest
from maas.pointer import Canary, Pointer
from maas.pointer_store import PointerStore, Seen
from maas.registry import Registry
from maas.shelf import Shelf
from maas.store import ObjectStore
from maas.traffic import Trial
from maas.versions import Versions
from tests.faults import BUCKET, Fault, impatient, moto_bucket, new_client, objects
from tests.release_days import Day
from tests.release_rules import versions
from tests.tiny_model import NAME

SCHEDULES = int(os.environ.get("MAAS_FAULT_SCHEDULES", "64"))
BLOCKS = 8


@pytest.fixture(scope="module")
def mornings() -> list[dict[str, bytes]]:
    """What days begin with: nothing; one version in production; more of a past; a canary; a broken one."""
    digests = list(versions())
    with moto_bucket(), impatient():
        registry = Registry(ObjectStore(BUCKET, new_client()))
        found = [objects()]
        for digest in digests[:2]:
            registry.publish(*versions()[digest][:2])
        registry.promote(NAME, digests[0], actor="morning/0", reason="")
        found.append(objects())
        for digest in digests[2:4]:
            registry.publish(*versions()[digest][:2])
        registry.promote(NAME, digests[1], actor="morning/1", reason="")
        found.append(objects())
        registry.canary(NAME, digests[2], 25, actor="morning/2", reason="")
        found.append(objects())
        registry.withdraw(NAME, actor="morning/3", reason="")
        registry.publish(*versions()[digests[4]][:2])
        registry.canary(NAME, digests[4], 60, actor="morning/4", reason="")
        found.append(objects())
    return found


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket(), impatient():
        yield


@pytest.mark.parametrize("block", range(BLOCKS))
def test_races_and_faults(mornings: list[dict[str, bytes]], block: int) -> None:
    """Whoever overtakes whom and whatever breaks: one chain of moves, all told truly, and all are served."""
    faults = moves = 0
    for seed in range(block, SCHEDULES, BLOCKS):
        day = Day(seed)
        day.run(mornings)
        faults, moves = faults + day.dealt, moves + len(day.record.chain)
    sys.stdout.write(f"{len(range(block, SCHEDULES, BLOCKS))} schedules, {faults} faults, {moves} moves\n")


def test_same_seed_gives_the_same_day(mornings: list[dict[str, bytes]]) -> None:
    """A schedule that failed can be lived through again: requests, faults and outcomes repeat."""
    days = [Day(11), Day(11)]
    for day in days:
        day.run(mornings)
    assert days[0].log == days[1].log
    assert len(days[0].log) > 20


# What somebody might write by mistake, as a replacement of one function.


def swap_blindly(store: ObjectStore, key: str, body: bytes, **how: Any) -> str:
    """No If-Match on the pointer: the last one to write wins."""
    if key.endswith("production.json"):
        how = {"content_type": how["content_type"]}
    return PUT(store, key, body, **how)


def publish_backwards(found: Versions, manifest: Manifest, artifact: bytes) -> str:
    """The manifest first: whoever crashes in between leaves half a version."""
    found.store.put(manifest.key, manifest.to_json(), if_none_match=True)
    found._blobs.put(artifact, manifest.artifact.media_type)
    return manifest.version


def load_canary_or_fail(shelf: Shelf, canary: Canary) -> Trial:
    """A broken canary takes stable with it."""
    return Trial(canary, shelf._named(canary.manifest))


def follow_or_fail(shelf: Shelf) -> Any:
    """The last good version is not kept."""
    shelf._follow_pointer()
    return TRAFFIC(shelf)


def draw_each_time(*_: Any) -> bool:
    """A share that is not sticky."""
    return DICE.random() < 0.5


def draw_by_weight(model: str, canary: Canary, request_id: str) -> bool:
    """A share that is sticky, until it is widened."""
    return random.Random(f"{model}{canary}{request_id}").random() * 100 < canary.weight


def believe_the_answer(pointers: PointerStore, seen: Seen, pointer: Pointer) -> None:
    """A swap whose acknowledgement was lost, and that lost against itself when it was repeated, was lost."""
    store, key = pointers._store, f"models/{NAME}/production.json"
    condition: Any = {"IfMatch": seen.etag} if seen.etag else {"IfNoneMatch": "*"}
    try:
        store._put({"Bucket": BUCKET, "Key": key, "Body": pointer.to_json(), **condition}, key)
    except (Conflict, KeyMissing) as error:
        raise PointerMoved("somebody else was quicker") from error


def retry_with_another_nonce(pointers: PointerStore, seen: Seen, pointer: Pointer) -> None:
    """A swap whose acknowledgement was lost is made once more."""
    try:
        SWAP(pointers, seen, pointer)
    except RegistryUnavailable:
        SWAP(pointers, pointers.read(pointer.model), pointer.model_copy(update={"seq": pointer.seq + 1}))


PUT, TRAFFIC, SWAP, DICE = ObjectStore.put, Shelf.traffic, PointerStore._swap, random.Random(0)
CALM = (Fault.NONE, 0.0)
# Where, what, the mistake, and the weather in which it shows soonest.
BUGS: dict[str, tuple[Any, str, Callable[..., Any], tuple[Fault, float]]] = {
    "pointer swapped without If-Match": (ObjectStore, "put", swap_blindly, CALM),
    "history skipped": (PointerStore, "_record", lambda *_: None, CALM),
    "lost acknowledgement taken for a lost race": (
        PointerStore,
        "_swap",
        believe_the_answer,
        (Fault.LOST, 0.3),
    ),
    "silent swap repeated": (PointerStore, "_swap", retry_with_another_nonce, (Fault.LOST, 0.7)),
    "digest of the artifact not checked": (Blob, "verify", lambda _, data: data, (Fault.FLIP, 0.5)),
    "manifest published before its artifact": (Versions, "publish", publish_backwards, CALM),
    "expected_seq ignored": (
        Registry,
        "_seen",
        lambda registry, model, _: registry._pointers.read(model),
        CALM,
    ),
    "broken canary serves nothing": (Shelf, "_tried", load_canary_or_fail, CALM),
    "last good version not kept": (Shelf, "traffic", follow_or_fail, (Fault.UNAVAILABLE, 0.6)),
    "share not sticky": (traffic, "draws", draw_each_time, CALM),
    "widening divides anew": (traffic, "draws", draw_by_weight, CALM),
}


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_caught(mornings: list[dict[str, bytes]], bug: str) -> None:
    """The schedules notice each of these mistakes; the same ones without it notice nothing."""
    where, name, mistake, climate = BUGS[bug]
    for seed in range(100):
        try:
            with mock.patch.object(where, name, mistake):
                Day(seed, climate).run(mornings)
        except (AssertionError, MaasError) as error:
            sys.stdout.write(f"{bug}: seed {seed}: {repr(error)[:100]}\n")
            Day(seed, climate).run(mornings)
            return
    raise AssertionError(f"100 schedules did not notice: {bug}")
