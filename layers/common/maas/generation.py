"""Generations: the states that a key of a versioned bucket went through, each with a name of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from maas.errors import ConfigurationError
from maas.s3_errors import translated
from maas.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Generation:
    """One state of a key; `current` is the one that reads find."""

    key: str
    id: str
    size: int
    modified: datetime
    current: bool


def check_versioned(store: ObjectStore) -> None:
    """Raise ConfigurationError where the bucket is not versioned, so that states cannot be told apart."""
    with translated("s3:GetBucketVersioning", store.bucket, ""):
        status = store.client.get_bucket_versioning(Bucket=store.bucket).get("Status")
    if status != "Enabled":
        raise ConfigurationError(f"Bucket {store.bucket} is not versioned: turn versioning on")


def generations(store: ObjectStore, prefix: str) -> dict[str, tuple[Generation, ...]]:
    """The states of keys that begin with `prefix` and have a current one; by key, the current one last."""
    found: dict[str, list[Generation]] = {}
    for generation in _listed(store, prefix):
        found.setdefault(generation.key, []).append(generation)
    return {
        key: tuple(sorted(states, key=lambda state: (state.current, state.modified)))
        for key, states in sorted(found.items())
        if any(state.current for state in states)
    }


def remove(store: ObjectStore, generation: Generation) -> None:
    """Remove this one state for ever; a state that was written since stays."""
    with translated("s3:DeleteObjectVersion", store.bucket, generation.key):
        store.client.delete_object(Bucket=store.bucket, Key=generation.key, VersionId=generation.id)


def _listed(store: ObjectStore, prefix: str) -> Iterator[Generation]:
    with translated("s3:ListBucketVersions", store.bucket, prefix):
        pages = store.client.get_paginator("list_object_versions").paginate(
            Bucket=store.bucket, Prefix=prefix
        )
        for page in pages:
            for one in page.get("Versions", ()):
                key, state = one["Key"], one["VersionId"]
                yield Generation(key, state, one["Size"], one["LastModified"], one["IsLatest"])
