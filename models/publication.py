"""What was trained goes into a folder or the registry, and into production where the gate lets it."""

import json
from pathlib import Path

from maas.errors import GateRefused
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.registry import Registry
from maas.rollout.admission import admit
from maas.rollout.plan import receipt_key
from models.job import TrainedModel
from models.report import MEDIA_TYPE, report, report_key

_REASON_LENGTH = 1000


def write(trained: TrainedModel, folder: Path) -> tuple[Path, Path]:
    """Write `<model>.onnx`, `<model>.json` and the other blobs into a folder, made where it is missing.

    Returns:
        The paths of artifact and manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = trained.manifest.model
    artifact, manifest = folder / f"{name}.onnx", folder / f"{name}.json"
    artifact.write_bytes(trained.artifact)
    manifest.write_bytes(trained.manifest.to_json())
    for blob, data in zip(trained.manifest.blobs[1:], trained.blobs, strict=True):
        (folder / f"{name}.{blob.digest[:12]}").write_bytes(data)
    return artifact, manifest


def publish(registry: Registry, trained: TrainedModel, *, run: str | None = None) -> str:
    """Publish a version with its report, and leave word of it for the execution `run`; returns its name.

    Word comes last: who finds it finds the version too.
    """
    manifest = trained.manifest
    version = trained.publish(registry)
    page = report(manifest).encode()
    registry.store.put(report_key(manifest.model, manifest.digest), page, content_type=MEDIA_TYPE)
    if run is not None:
        word = json.dumps({"version": manifest.digest}).encode()
        registry.store.put(receipt_key(manifest.model, run), word, content_type="application/json")
    return version


def promote(
    registry: Registry, manifest: Manifest, *, actor: str, reason: str, force: str | None = None
) -> Pointer:
    """Put a published version into production, if the gate lets it.

    `force`, a reason, overrules the gate; the history then has both, what it objected to and why that was
    passed over.

    Raises:
        GateRefused: It does not.
        PointerMoved: Somebody else was quicker.
    """
    production = registry.production(manifest.model)
    try:
        admit(manifest, production, registry.manifest)
    except GateRefused as error:
        if force is None:
            raise
        reason = f"{reason}: the gate was overruled ({force}): {error.detail}"[:_REASON_LENGTH]
    return registry.promote(
        manifest.model,
        manifest.digest,
        actor=actor,
        reason=reason,
        expected_seq=production.seq if production else 0,
    )
