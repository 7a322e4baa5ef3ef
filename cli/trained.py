"""What was trained: written to a folder or published, and told to people and programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import console
from cli.release import actor
from cli.target import Target

if TYPE_CHECKING:
    from maas.manifest import Manifest
    from models.job import TrainedModel


def publish(
    trained: "TrainedModel",
    target: Target,
    *,
    promote: bool,
    force: str | None = None,
    run: str | None = None,
    reason: str = "maas train --promote",
) -> dict[str, Any]:
    """Publish what was trained, and promote it where asked; says where it went.

    Raises:
        GateRefused: It is published, but not promoted: the gate does not let it, and `force` gives no reason.
    """
    from models import publication

    registry, manifest = target.registry(), trained.manifest
    publication.publish(registry, trained, run=run)
    if promote:
        publication.promote(registry, manifest, actor=actor(), reason=reason, force=force)
    return {"published_to": f"s3://{target.bucket}", "promoted": promote}


def store(trained: "TrainedModel", folder: Path) -> dict[str, Any]:
    """Write what was trained into a folder; says where it went."""
    from models import publication

    artifact, manifest = publication.write(trained, folder)
    return {"artifact": str(artifact), "manifest": str(manifest), "promoted": False}


def record(trained: "TrainedModel") -> dict[str, Any]:
    """What was trained, for programs."""
    manifest = trained.manifest
    chosen = {"model", "metrics", "baseline", "candidates", "data", "training_seconds", "gate"}
    return manifest.model_dump(mode="json", include=chosen) | {
        "version": manifest.version,
        "artifact_bytes": manifest.artifact.size,
    }


def report(manifest: "Manifest", where: dict[str, Any], *, score: str) -> None:
    """Print what was trained: candidates, scores against the baseline, the gate's decision, the next step."""
    from cli.score import scores

    simulated = ", simulated" if manifest.data.simulated else ""
    console.say(f"{manifest.model} {manifest.version}", style="bold")
    console.say(
        f"{manifest.data.name}: {manifest.data.rows:,} rows{simulated}; {manifest.training_seconds:.1f} s"
    )
    console.table(
        ["candidate", score, "spread", "chosen"],
        [(c.name, c.score, c.spread, "<-" if c.chosen else "") for c in manifest.candidates],
        title="Cross-validation",
    )
    console.table(
        ["metric", "this version", f"baseline: {manifest.baseline.name}", ""],
        [(one.metric, one.value, one.baseline, one.comparison) for one in scores(manifest)],
        title="Held-out data",
    )
    gate_table(manifest)
    console.say(f"artifact: {console.size(manifest.artifact.size)}, sha256:{manifest.artifact.digest[:12]}")
    if "artifact" in where:
        console.say(f"written:  {where['artifact']}, {where['manifest']}")
    elif where["promoted"]:
        console.say(f"in production. next:  maas predict {manifest.model}")
    else:
        console.say(f"published to {where['published_to']}")
        console.say(f"next:  maas promote {manifest.model} {manifest.version} --reason ...")


def gate_table(manifest: "Manifest") -> None:
    """Print the gate's checks, and its decision in the title."""
    if manifest.gate is None:
        return
    from models.report import rows

    console.table(
        ["check", "found", "allowed", "", ""], rows(manifest.gate), title=f"Gate: {manifest.gate.decision}"
    )
