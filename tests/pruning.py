"""A versioned registry in moto in which time passes, and what must hold in it whoever prunes."""

from datetime import timedelta
from functools import cache
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends

from maas.garbage import Garbage, Survey
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.store import ObjectStore
from tests.faults import BUCKET, new_client
from tests.manifests import manifest_of

MODEL, OTHER = "traffic_flow", "parking"
GRACE = timedelta(days=30)
ARTIFACTS = [name.encode() for name in "abcdef"]
A, B, C, D, E, F = (manifest_of(artifact, minute=minute) for minute, artifact in enumerate(ARTIFACTS))
# Another version with the artifact of A: what training the same data again gives.
AGAIN = manifest_of(b"a", minute=9)
HOW: Any = {"actor": "ci", "reason": ""}


@cache
def _quiet_client() -> Any:
    return new_client()


def open_store() -> ObjectStore:
    """The bucket without faults."""
    return ObjectStore(BUCKET, _quiet_client())


def _keys(name: str = BUCKET) -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[name].keys


def publish(where: ObjectStore, *manifests: Manifest) -> None:
    for manifest in manifests:
        artifact = next(one for one in ARTIFACTS if manifest.artifact == manifest_of(one).artifact)
        Registry(where).publish(manifest, artifact)


def promote(where: ObjectStore, manifest: Manifest) -> Pointer:
    return Registry(where).promote(manifest.model, manifest.digest, **HOW)


def prune(where: ObjectStore, *, keep: int | None = None, model: str | None = None) -> Survey:
    unneeded = Garbage(where, grace=GRACE)
    survey = unneeded.survey(model, keep=keep)
    assert not list(unneeded.sweep(survey))
    return survey


def pass_time(days: float, name: str = BUCKET) -> None:
    """Everything in the bucket, in all its states, becomes so much older."""
    keys = _keys(name)
    for key in list(keys):
        for state in keys.getlist(key):
            state.last_modified -= timedelta(days=days)


def fresh_bucket() -> None:
    """Nothing there, not even former states."""
    _keys().clear()


class Snapshot:
    """The bucket as it is now, to go back to."""

    def __init__(self) -> None:
        keys = _keys()
        # Bytes, as moto destroys what it removes.
        self._states = [
            (name, state.value, state.last_modified) for name in list(keys) for state in keys.getlist(name)
        ]

    def restore(self) -> None:
        """Make the bucket what it was, former states and their ages included."""
        fresh_bucket()
        for name, body, modified in self._states:
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(BUCKET, name, body).last_modified = modified


def current() -> dict[str, bytes]:
    """All objects that reads find, straight from moto."""
    keys = _keys()
    return {name: keys[name].value for name in sorted(keys) if isinstance(keys[name], FakeKey)}


def there(manifest: Manifest) -> bool:
    return manifest.key in current()


def check() -> None:
    """Every version is whole, and everything that was ever released is there."""
    found = current()
    for key, body in found.items():
        if "/manifests/" in key:
            manifest = Manifest.from_json(body)
            assert manifest.artifact.key in found, f"{key} has lost its artifact"
        if "/history/" in key or key.endswith("production.json"):
            folder = key.partition("/history/")[0].removesuffix("/production.json")
            for name in ("stable", "previous", "canary", "shadow"):
                digest = getattr(Pointer.from_json(body), name)
                digest = getattr(digest, "manifest", digest)
                needed = f"{folder}/manifests/{digest}.json"
                assert digest is None or needed in found, f"{key} has lost {name}"
