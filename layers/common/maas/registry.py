"""The registry: versions of models in one S3 bucket, and which of them is in production.

    blobs/sha256/<digest>                    artifacts, immutable
    models/<model>/manifests/<digest>.json   versions, immutable
    models/<model>/production.json           the pointer, moved only by compare-and-swap
    models/<model>/history/<seq>.json        one entry per move, immutable

What holds at every moment, whatever crashes: a manifest's artifact was stored before it, the pointer names
a version that was read back and verified, and every move before the current one is in the history.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from maas.artifact import BlobStore, digest_of
from maas.errors import (
    AlreadyExists,
    BrokenArtifact,
    Conflict,
    DigestMismatch,
    IntegrityError,
    KeyMissing,
    ModelNotFound,
    PointerMoved,
    VersionNotFound,
)
from maas.manifest import MODEL_NAME_PATTERN, Manifest, manifest_key, model_folder
from maas.pointer import Move, Pointer, PointerStore, Seen
from maas.store import ObjectStore

_VERSION_PATTERN = re.compile(r"[0-9a-f]{8,64}")
_DIGEST_LENGTH = 64
# Without expected_seq a promotion that others overtook is repeated this often.
_PROMOTE_ATTEMPTS = 8


def _now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """Publish, find, promote and roll back versions; every method may raise what ObjectStore raises."""

    def __init__(self, store: ObjectStore, *, clock: Callable[[], datetime] = _now) -> None:
        """`clock` gives the time of a move."""
        self.store = store
        self._blobs = BlobStore(store)
        self._pointers = PointerStore(store, clock)

    def publish(self, manifest: Manifest, artifact: bytes) -> str:
        """Store a version and return its name (12 hex digits); publishing the same again changes nothing.

        The artifact goes first: a crash in between leaves bytes nobody refers to, never half a version.

        Raises:
            DigestMismatch: `artifact` is not what the manifest describes, or other bytes hold its key.
        """
        manifest.artifact.verify(artifact)
        self._blobs.put(artifact, manifest.artifact.media_type)
        try:
            body = manifest.to_json()
            self.store.put(manifest.key, body, if_none_match=True, content_type="application/json")
        except AlreadyExists as error:
            raise DigestMismatch(f"{manifest.key} holds other bytes than its name says: remove it") from error
        return manifest.version

    def manifest(self, model: str, version: str) -> Manifest:
        """The manifest of `version`: a digest, or its first 8 or more hex digits.

        Raises:
            ModelNotFound: nothing is published under this name.
            VersionNotFound: no such version, or several begin like this.
            IntegrityError: the stored manifest is damaged.
        """
        if _VERSION_PATTERN.fullmatch(version) is None:
            raise VersionNotFound(f"{version[:80]!r} is no version: give 8 to 64 lowercase hex digits")
        if len(version) == _DIGEST_LENGTH:
            try:
                return self._manifest(model, version)
            except KeyMissing as error:
                raise self._missing(model, version) from error
        match self._digests(model, version):
            case [digest]:
                return self._manifest(model, digest)
            case []:
                raise self._missing(model, version)
            case several:
                raise VersionNotFound(
                    f"{len(several)} versions of {model} begin with {version}: give more digits"
                )

    def artifact(self, manifest: Manifest) -> bytes:
        """The bytes of the model, verified.

        Raises:
            BrokenArtifact: they are missing.
            DigestMismatch: they are damaged.
        """
        return self._blobs.get(manifest.artifact)

    def versions(self, model: str) -> list[Manifest]:
        """All published versions, newest first; empty where nothing is published."""
        manifests = [self._manifest(model, digest) for digest in self._digests(model)]
        return sorted(manifests, key=lambda manifest: (manifest.created, manifest.digest), reverse=True)

    def models(self) -> list[str]:
        """The names of all models, ascending."""
        return [name for name in self.store.folders("models/") if re.fullmatch(MODEL_NAME_PATTERN, name)]

    def production(self, model: str) -> Pointer | None:
        """The pointer; None before the first promotion.

        Raises:
            IntegrityError: the stored pointer is torn or was edited by hand.
        """
        return self._pointers.read(model).pointer

    def promote(
        self, model: str, version: str, *, actor: str, reason: str, expected_seq: int | None = None
    ) -> Pointer:
        """Put `version` into production; nothing moves when it is there already.

        With `expected_seq` (0: nothing in production yet) the promotion holds only for the pointer the
        caller saw. Without it the promotion is repeated on whatever pointer it meets.

        Raises:
            PointerMoved: the pointer is not at `expected_seq`, or others keep moving it.
            ModelNotFound, VersionNotFound, IntegrityError: no such version, or damaged; nothing moved.
            RegistryUnavailable: also when S3 went silent during the move, which may have happened or not.
        """
        digest = self._verified(model, version)
        for _ in range(1 if expected_seq is not None else _PROMOTE_ATTEMPTS):
            seen = self._seen(model, expected_seq)
            current = seen.pointer
            if current is not None and current.stable == digest:
                return current
            try:
                return self._pointers.move(
                    model,
                    seen,
                    action="promote",
                    stable=digest,
                    previous=current.stable if current else None,
                    previous_seq=current.seq if current else None,
                    actor=actor,
                    reason=reason,
                )
            except PointerMoved as error:
                overtaken = error
        raise overtaken

    def rollback(self, model: str, *, actor: str, reason: str, expected_seq: int | None = None) -> Pointer:
        """Return to the version that was in production before the current one; again: further back.

        Raises:
            Conflict: nothing to return to.
            PointerMoved: the pointer is not at `expected_seq`, or somebody moved it just now.
            VersionNotFound, IntegrityError: the earlier version is missing or damaged; nothing moved.
            RegistryUnavailable: also when S3 went silent during the move, which may have happened or not.
                Repeating could go back twice: pass the `expected_seq` that was seen at first.
        """
        seen = self._seen(model, expected_seq)
        current = seen.pointer
        if current is None or current.previous is None or current.previous_seq is None:
            raise Conflict(f"{model} has no earlier version to return to: promote one by name")
        self._verified(model, current.previous)
        target = self._pointers.entry(model, current.previous_seq)
        if target.stable != current.previous:
            raise IntegrityError(f"The history of {model} contradicts its pointer: promote a version by name")
        return self._pointers.move(
            model,
            seen,
            action="rollback",
            stable=target.stable,
            previous=target.previous,
            previous_seq=target.previous_seq,
            actor=actor,
            reason=reason,
        )

    def history(self, model: str) -> list[Move]:
        """Every move of the production pointer, newest first; empty before the first promotion."""
        return self._pointers.history(model)

    def _seen(self, model: str, expected_seq: int | None) -> Seen:
        seen = self._pointers.read(model)
        seq = seen.pointer.seq if seen.pointer else 0
        if expected_seq is not None and seq != expected_seq:
            raise PointerMoved(f"The production pointer of {model} is at move {seq}, not at {expected_seq}")
        return seen

    def _verified(self, model: str, version: str) -> str:
        """The digest of a version that is whole: its manifest and its artifact were read and fit."""
        manifest = self.manifest(model, version)
        self.artifact(manifest)
        return manifest.digest

    def _digests(self, model: str, prefix: str = "") -> list[str]:
        folder = f"{model_folder(model)}manifests/"
        names = (key.removeprefix(folder).removesuffix(".json") for key in self.store.list(folder + prefix))
        return [name for name in names if len(name) == _DIGEST_LENGTH and _VERSION_PATTERN.fullmatch(name)]

    def _manifest(self, model: str, digest: str) -> Manifest:
        key = manifest_key(model, digest)
        data = self.store.read(key).body
        if (found := digest_of(data)) != digest:
            raise DigestMismatch(f"{key} has digest {found}: it is not what its name says")
        manifest = Manifest.from_json(data)
        if manifest.model != model:
            raise BrokenArtifact(f"{key} describes a version of {manifest.model}")
        return manifest

    def _missing(self, model: str, version: str) -> ModelNotFound | VersionNotFound:
        if not self._digests(model):
            return ModelNotFound(f"Nothing is published under the name {model}")
        return VersionNotFound(f"{model} has no version {version}")
