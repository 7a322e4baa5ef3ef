"""Pruning beside publishers and promoters; and mistakes, put in on purpose, that must show."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from unittest import mock

import pytest

from maas import garbage, registry
from maas.artifact import BlobStore
from maas.condemned import mark_key
from maas.errors import Conflict, MaasError
from maas.garbage import Garbage
from maas.generation import Generation, generations, remove
from maas.manifest import Manifest
from maas.store import ObjectStore
from tests.faults import BUCKET, FaultInjector, impatient, moto_bucket, new_client, scripted
from tests.manifests import MEDIA_TYPE
from tests.pruning import (
    GRACE,
    A,
    B,
    C,
    Snapshot,
    check,
    fresh_bucket,
    open_store,
    pass_time,
    promote,
    prune,
    publish,
)


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket() as client, impatient():
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield


Work = Callable[[ObjectStore], object]
ENOUGH = 60


def beside(prepare: Callable[[], None], work: Work, other: Work) -> int:
    """Do `work`, `other` slipping in after its first request, its second and so on; how many it has."""
    fresh_bucket()
    prepare()
    prepared = Snapshot()
    injector = FaultInjector(client := new_client(), scripted({}))
    for number in range(1, ENOUGH):
        prepared.restore()
        met: list[int] = []

        def slip_in(met: list[int] = met) -> None:
            met.append(1)
            with suppress(MaasError):
                other(open_store())

        injector.log.clear()
        injector._then = {number: slip_in}
        with injector.shown(f"slipping in after request {number}"):
            with suppress(MaasError):
                work(ObjectStore(BUCKET, client, pause=lambda _: None))
            check()
        if not met:
            return number - 1
    raise AssertionError("more requests than expected")


def stray_of_a() -> None:
    """The artifact of A lies there since long, and no version mentions it."""
    publish(open_store(), B)
    BlobStore(open_store()).put(b"a", MEDIA_TYPE)
    pass_time(40)


def condemned_a(days: float) -> Callable[[], None]:
    """A was condemned so many days ago, B is in production."""

    def prepare() -> None:
        publish(open_store(), A, B, C)
        promote(open_store(), B)
        pass_time(40)
        prune(open_store(), keep=1)
        pass_time(days)

    return prepare


def without_a() -> None:
    """A was never there."""
    publish(open_store(), B)
    pass_time(40)


def old_a() -> None:
    """A is old and was never released, B is in production."""
    publish(open_store(), A, B, C)
    promote(open_store(), B)
    pass_time(40)


def prune_and_again(where: ObjectStore) -> None:
    """Condemn; a day and a half later, remove."""
    prune(where, keep=1)
    pass_time(1.5)
    prune(where, keep=1)


def spare_and_promote(where: ObjectStore) -> None:
    Garbage(where, grace=GRACE).spare(A)
    promote(where, A)


def late_sweep(between: Callable[[ObjectStore], object]) -> Callable[[ObjectStore], None]:
    """A person looks, something happens, the person says yes an hour later."""

    def work(where: ObjectStore) -> None:
        unneeded = Garbage(where, grace=GRACE)
        survey = unneeded.survey(keep=1)
        pass_time(1 / 24)
        with suppress(MaasError):
            between(where)
        list(unneeded.sweep(survey))

    return work


def republish(where: ObjectStore) -> None:
    publish(where, A)
    pass_time(0.01)
    with suppress(Conflict):
        promote(where, A)


def publish_a(where: ObjectStore) -> None:
    publish(where, A)


def promote_a(where: ObjectStore) -> None:
    promote(where, A)


def prune_old(where: ObjectStore) -> None:
    prune(where, keep=1)


def prune_twice(where: ObjectStore) -> None:
    prune(where, keep=1)
    prune(where, keep=1)


def nothing(where: ObjectStore) -> None:
    assert where


RACES: dict[str, tuple[Callable[[], None], Work, Work]] = {
    "publish beside prune": (stray_of_a, prune, publish_a),
    "prune beside publish": (stray_of_a, publish_a, prune),
    "prune beside the first publish": (without_a, publish_a, prune),
    "publish before a late yes": (stray_of_a, late_sweep(publish_a), nothing),
    "promote beside condemning": (old_a, prune_and_again, promote_a),
    "condemning beside promote": (old_a, promote_a, prune_twice),
    "promote beside removing": (condemned_a(1.5), prune_old, promote_a),
    "removing beside promote": (condemned_a(1.5), promote_a, prune_old),
    "spare beside removing": (condemned_a(1.5), prune_old, spare_and_promote),
    "removing beside spare": (condemned_a(1.5), spare_and_promote, prune_old),
    "spare before a late yes": (condemned_a(1.5), late_sweep(spare_and_promote), nothing),
    "publish again beside removing": (condemned_a(1.5), prune_old, republish),
    "removing beside publish again": (condemned_a(1.5), republish, prune_old),
}


@pytest.mark.parametrize("name", RACES)
def test_nothing_needed_goes_whoever_slips_in_wherever(name: str) -> None:
    """Two at work on the same objects, the second between any two requests of the first."""
    assert beside(*RACES[name]) >= 3


def _remove_by_key(where: ObjectStore, one: Generation) -> None:
    where.client.delete_object(Bucket=where.bucket, Key=one.key)


def _keep_without_renewing(self: ObjectStore, key: str, body: bytes, *, content_type: str) -> None:
    self.put(key, body, if_none_match=True, content_type=content_type)


def _spare_without_renewing(self: Garbage, manifest: Manifest) -> bool:
    mark = mark_key(manifest.model, manifest.digest)
    for state in generations(self._store, mark).get(mark, ()):
        remove(self._store, state)
    return True


def _planted(target: object, name: str, mistake: object) -> Callable[[], AbstractContextManager[object]]:
    return lambda: mock.patch.object(target, name, mistake)


MISTAKES: dict[str, tuple[Callable[[], AbstractContextManager[object]], tuple[str, ...]]] = {
    "removes whatever is there now": (
        _planted(garbage, "remove", _remove_by_key),
        ("publish before a late yes", "spare before a late yes"),
    ),
    "publishing does not renew what it finds": (
        _planted(ObjectStore, "keep", _keep_without_renewing),
        ("publish beside prune", "prune beside publish"),
    ),
    "does not wait after the mark": (
        _planted(garbage, "FRESH", timedelta(days=-1)),
        ("condemning beside promote",),
    ),
    "what is condemned is released": (
        _planted(registry, "refuse_condemned", lambda *_: None),
        ("removing beside promote",),
    ),
    "sparing only lifts the mark": (
        _planted(Garbage, "spare", _spare_without_renewing),
        ("spare before a late yes",),
    ),
    "the grace is forgotten": (
        _planted(Garbage, "_is_old", lambda *_: True),
        ("prune beside the first publish",),
    ),
}


@pytest.mark.parametrize(("name", "race"), [(name, race) for name in MISTAKES for race in MISTAKES[name][1]])
def test_the_races_notice_mistakes(name: str, race: str) -> None:
    """Each protection is needed: without it these races lose something."""
    with MISTAKES[name][0](), pytest.raises(AssertionError, match="has lost"):
        beside(*RACES[race])
