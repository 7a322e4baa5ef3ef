"""A shelf over a bucket that can fall silent, with a clock that stands still."""

from dataclasses import dataclass, field
from typing import Any

import boto3

from maas.contract import Contract
from maas.errors import MaasError, RegistryUnavailable
from maas.registry import Registry
from maas.shelf import Shelf
from maas.store import ObjectStore
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.tiny_model import INSTANCES, NAME


class SilentStore(ObjectStore):
    """A bucket that can be made unreachable, and that counts what is read."""

    silent = False

    def __init__(self) -> None:
        super().__init__(MODELS_BUCKET, boto3.client("s3"))
        self.read_keys: list[str] = []

    def _get(self, key: str, if_none_match: str | None) -> Any:
        self.read_keys.append(key)
        if self.silent:
            raise RegistryUnavailable("S3 does not answer")
        return super()._get(key, if_none_match)

    @property
    def artifacts_read(self) -> int:
        return sum(key.startswith("blobs/") for key in self.read_keys)


@dataclass
class Watched:
    """A shelf with a clock that stands still, and what it reported."""

    shelf: Shelf
    store: SilentStore
    now: list[float]
    made: list[int]
    reports: list[MaasError] = field(default_factory=list)

    def volume(self) -> float:
        """What the version in production answers for the first instance."""
        served = self.shelf.production()
        return float(served.predict(served.contract.parse(INSTANCES[:1]))["volume"][0])


def watch(contract: Contract[Any, Any] | None = None, *, refresh_seconds: float = 30) -> Watched:
    store, now, made, reports = SilentStore(), [0.0], [0], []

    def make() -> Registry:
        made[0] += 1
        return Registry(store)

    shelf = Shelf(
        NAME,
        contract or tiny_model.endpoint().contract,
        make,
        threads=1,
        refresh_seconds=refresh_seconds,
        report=reports.append,
        clock=lambda: now[0],
    )
    return Watched(shelf, store, now, made, reports)


def publish(registry: Registry, scale: float = 1, *, promote: bool = True, **changes: Any) -> str:
    """Publish a version that answers `scale` times what the first does; its name."""
    weights = [scale * (i + 1) for i in range(len(tiny_model.FEATURES))]
    version = registry.publish(*tiny_model.version(weights, **changes))
    if promote:
        registry.promote(NAME, version, actor="tests", reason=f"scale {scale}")
    return version
