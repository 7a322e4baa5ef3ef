"""The versions of models in one S3 bucket: manifests and artifacts, written once and never changed.

    blobs/sha256/<digest>                    artifacts, and what explains them
    models/<model>/manifests/<digest>.json   versions

What holds at every moment, whatever crashes: a manifest's blobs were stored before it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from maas.artifact import Blob, BlobStore, digest_of
from maas.errors import (
    AlreadyExists,
    BrokenArtifact,
    DigestMismatch,
    KeyMissing,
    ModelNotFound,
    VersionNotFound,
)
from maas.manifest import MODEL_NAME_PATTERN, Manifest, manifest_key, model_folder
from maas.store import ObjectStore

_VERSION_PATTERN = re.compile(r"[0-9a-f]{8,64}")
_DIGEST_LENGTH = 64


class Verifier(Protocol):
    """Decides whether a version may be used."""

    def verify(self, store: ObjectStore, manifest: Manifest) -> None:
        """Return where it may; an IntegrityError says why not."""


class Versions:
    """Publish and find versions; every method may raise what ObjectStore raises.

    Args:
        store: The bucket.
        verifier: Asked before a manifest is handed out; the default trusts the bucket.
    """

    def __init__(self, store: ObjectStore, *, verifier: Verifier | None = None) -> None:
        self.store = store
        self._verifier = verifier
        self._blobs = BlobStore(store)

    def publish(self, manifest: Manifest, artifact: bytes, more: Sequence[bytes] = ()) -> str:
        """Store a version and return its name (12 hex digits); publishing the same again changes nothing.

        Artifact and `more`, in the order of `manifest.blobs`, go first: a crash in between leaves bytes
        nobody refers to, never half a version.

        Raises:
            DigestMismatch: Some bytes are not what the manifest describes, or other bytes hold their key.
        """
        given = (artifact, *more)
        if len(given) != len(manifest.blobs):
            raise DigestMismatch(f"{len(given)} blobs given, the manifest has {len(manifest.blobs)}")
        for blob, data in zip(manifest.blobs, given, strict=True):
            blob.verify(data)
        for blob, data in zip(manifest.blobs, given, strict=True):
            self._blobs.put(data, blob.media_type)
        try:
            self.store.keep(manifest.key, manifest.to_json(), content_type="application/json")
        except AlreadyExists as error:
            raise DigestMismatch(f"{manifest.key} holds other bytes than its name says: remove it") from error
        return manifest.version

    def manifest(self, model: str, version: str) -> Manifest:
        """The manifest of `version`: a digest, or its first 8 or more hex digits.

        Raises:
            ModelNotFound: nothing is published under this name.
            VersionNotFound: no such version, or several begin like this.
            IntegrityError: the stored manifest is damaged, or the verifier refuses it.
        """
        return self._verified(self._found(model, version))

    def artifact(self, manifest: Manifest) -> bytes:
        """The bytes of the model, verified.

        Raises:
            BrokenArtifact: they are missing.
            DigestMismatch: they are damaged.
        """
        return self._blobs.get(manifest.artifact)

    def weights(self, manifest: Manifest, folder: Path) -> Path | None:
        """The folder with the model's weights, read and verified if need be; None where the graph has them.

        Raises:
            BrokenArtifact, DigestMismatch: As in `artifact`.
            ConfigurationError: `folder` has no room.
        """
        if manifest.weights is None:
            return None
        from maas.weights import fetched

        return fetched(self.store, manifest.weights, folder)

    def blob(self, blob: Blob) -> bytes:
        """Other bytes that a manifest names, verified; errors as in `artifact`."""
        return self._blobs.get(blob)

    def versions(self, model: str) -> list[Manifest]:
        """All published versions, newest first; empty where nothing is published."""
        manifests = [self._manifest(model, digest) for digest in self._digests(model)]
        return sorted(manifests, key=lambda manifest: (manifest.created, manifest.digest), reverse=True)

    def models(self) -> list[str]:
        """The names of all models, ascending."""
        return [name for name in self.store.folders("models/") if re.fullmatch(MODEL_NAME_PATTERN, name)]

    def _verified(self, manifest: Manifest) -> Manifest:
        if self._verifier is not None:
            self._verifier.verify(self.store, manifest)
        return manifest

    def _found(self, model: str, version: str) -> Manifest:
        """The manifest that a version's name means, whole but not verified."""
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
