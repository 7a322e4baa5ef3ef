"""The model card as JSON: what a version is, how good it is, what it takes and gives."""

from typing import Any

from maas.contract import Contract
from maas.manifest import Manifest

_PRIVATE = {"golden", "distributions"}  # long, and of use to the serving side only


def card(manifest: Manifest, contract: Contract[Any, Any]) -> dict[str, Any]:
    """The card of one version, with the JSON Schemas of its records and predictions."""
    document = manifest.model_dump(mode="json", exclude=_PRIVATE)
    return {
        "name": manifest.model,
        "ready": True,
        "version": manifest.version,
        "digest": manifest.digest,
        **document,
        "limits": contract.limits.document(),
        "record_schema": contract.record.model_json_schema(),
        "prediction_schema": contract.prediction.model_json_schema(mode="serialization"),
    }
