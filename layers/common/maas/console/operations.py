"""Which versions serve, how they came there and how they do: what people who operate models look at."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from maas.errors import IntegrityError, MaasError, ModelNotFound
from maas.manifest import VERSION_LENGTH, Manifest
from maas.pointer import Pointer
from maas.registry import Registry

_NEWEST = 50
_AT_ONCE = 8


class Operations:
    """Reads the registry for the console; `registry` is a client of the models bucket."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def models(self) -> list[dict[str, Any]]:
        """Every model with what is in production, or why nothing can be said."""
        return _together(self._overview, self._registry.models())

    def model(self, name: str) -> dict[str, Any]:
        """One model: its production pointer, its newest versions and its newest moves.

        Raises:
            ModelNotFound: Nothing is published under this name.
        """
        manifests = self._registry.versions(name)
        if not manifests:
            raise ModelNotFound(f"There is no model {name[:80]!r}.")
        pointer = self._registry.production(name)
        return {
            "name": name,
            "production": pointer and _pointer(pointer),
            "versions": [_version(manifest, pointer) for manifest in manifests[:_NEWEST]],
            "version_count": len(manifests),
            "history": [_pointer(move) for move in self._registry.history(name)[:_NEWEST]],
        }

    def _overview(self, name: str) -> dict[str, Any]:
        try:
            pointer = self._registry.production(name)
            if pointer is None:
                return {"name": name, "state": "unpromoted"}
            manifest = self._registry.manifest(name, pointer.stable)
        except IntegrityError as error:
            return {"name": name, "state": "broken", "problem": error.detail}
        except MaasError as error:
            return {"name": name, "state": "unknown", "problem": error.detail}
        return {
            "name": name,
            "state": "ready",
            "summary": manifest.summary,
            "simulated": manifest.data.simulated,
            "metrics": manifest.metrics,
            "baseline": manifest.baseline.model_dump(mode="json"),
            "created": manifest.created.isoformat(),
            **_pointer(pointer),
        }


def _pointer(move: Pointer) -> dict[str, Any]:
    return {
        "seq": move.seq,
        "action": move.action,
        "version": move.version,
        "previous": move.previous and move.previous[:VERSION_LENGTH],
        "canary": move.canary
        and {"version": move.canary.manifest[:VERSION_LENGTH], "weight": move.canary.weight},
        "shadow": move.shadow and move.shadow[:VERSION_LENGTH],
        "time": move.time.isoformat(),
        "actor": move.actor,
        "reason": move.reason,
    }


def _version(manifest: Manifest, pointer: Pointer | None) -> dict[str, Any]:
    role = ""
    if pointer is not None:
        if manifest.digest == pointer.stable:
            role = "production"
        elif pointer.canary and manifest.digest == pointer.canary.manifest:
            role = "canary"
        elif manifest.digest == pointer.shadow:
            role = "shadow"
    return {
        "version": manifest.version,
        "role": role,
        "created": manifest.created.isoformat(),
        "size": manifest.artifact.size,
        "metrics": manifest.metrics,
        "data": manifest.data.name,
        "simulated": manifest.data.simulated,
    }


def _together[T](task: Callable[[str], T], names: list[str]) -> list[T]:
    """One result per name, in their order; S3 answers many as fast as one."""
    if not names:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        return list(pool.map(task, names))
