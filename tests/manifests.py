"""Small, complete manifests for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from maas.artifact import Blob, digest_of
from maas.manifest import (
    Baseline,
    Candidate,
    DataSource,
    Distribution,
    Golden,
    Manifest,
    Parity,
    TensorSpec,
)

MEDIA_TYPE = "application/onnx"


def manifest_of(
    artifact: bytes, /, *, model: str = "traffic_flow", minute: int = 0, **changes: Any
) -> Manifest:
    """The manifest of a model whose bytes are `artifact`, created `minute` minutes after a fixed moment."""
    fields: dict[str, Any] = {
        "model": model,
        "created": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute),
        "artifact": Blob.of(artifact, MEDIA_TYPE),
        "feature_names": ["temperature"],
        "inputs": [TensorSpec(name="features", datatype="FP32", shape=[-1, 1])],
        "outputs": [TensorSpec(name="vehicles_per_hour", datatype="FP32", shape=[-1, 1])],
        "metrics": {"mean_absolute_error": 12.5},
        "baseline": Baseline(name="mean", metrics={"mean_absolute_error": 80.0}),
        "distributions": {"temperature": Distribution(edges=[0.0, 10.0], fractions=[0.25, 0.5, 0.25])},
        "golden": Golden(
            instances=[{"temperature": 11.5}], predictions=[{"vehicles_per_hour": 340.0}], tolerance=1e-4
        ),
        "data": DataSource(
            name="counts", source="a table", digest=digest_of(b"rows"), rows=4, simulated=True, period=None
        ),
        "candidates": [Candidate(name="ridge", score=0.9, spread=0.01, chosen=True)],
        "parity": Parity(rows=4, max_abs_difference=1e-6, tolerance=1e-4),
        "code_revision": "0" * 40,
        "libraries": {"scikit-learn": "1.9.1"},
        "hyperparameters": {"alpha": 1.0},
        "training_seconds": 0.5,
        "summary": "A tiny model.",
    }
    return Manifest(**(fields | changes))
