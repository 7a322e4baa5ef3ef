"""Versions ready to answer: loaded from the registry, checked before they serve, kept when it fails."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from maas.contract import Columns, Contract, rows
from maas.errors import (
    BrokenArtifact,
    FieldError,
    GoldenMismatch,
    IntegrityError,
    InvalidRecord,
    MaasError,
    NoProductionVersion,
)
from maas.manifest import Manifest
from maas.registry import Registry
from maas.runtime import Session

_RETRY_BROKEN_SECONDS = 60.0  # broken bytes stay broken, but a transfer may have broken them
_KEPT_VERSIONS = 2  # beside the one in production, for callers that name a version


@dataclass(frozen=True, slots=True)
class Served:
    """One version, loaded and checked."""

    manifest: Manifest
    contract: Contract[Any, Any]
    session: Session
    load_seconds: float

    @property
    def version(self) -> str:
        """The short name of the version."""
        return self.manifest.version

    def predict(self, columns: Columns) -> Columns:
        """Predictions, as columns, for n records as columns.

        Raises:
            InvalidRecord: A record is outside what the model can compute with.
        """
        answers = self.contract.respond(self.session.run(self.contract.matrix(columns)))
        for name, answer in answers.items():
            if answer.dtype.kind == "f" and not np.isfinite(answer).all():
                bad = np.unique(np.argwhere(~np.isfinite(answer))[:, 0])[:20]
                raise InvalidRecord(
                    "The model has no finite answer for some records.",
                    errors=[FieldError(f"/instances/{row}", f"{name} is not finite") for row in bad],
                )
        return answers

    def check(self) -> None:
        """Replay the golden samples through the whole path a request takes.

        Raises:
            BrokenArtifact: The version was made for another contract than this function's.
            GoldenMismatch: It does not answer as it did when it was published.
        """
        _check_contract(self.manifest, self.contract, self.session)
        golden = self.manifest.golden
        try:
            answers = rows(self.predict(self.contract.parse(golden.instances, at="/golden/instances")))
        except InvalidRecord as error:
            raise GoldenMismatch(f"the contract refuses a golden sample: {error.detail}") from error
        for index, (answer, expected) in enumerate(zip(answers, golden.predictions, strict=True)):
            for name, value in expected.items():
                if not _equal(answer.get(name), value, golden.tolerance):
                    raise GoldenMismatch(
                        f"golden sample {index}: {name} is {answer.get(name)!r}, expected {value!r}"
                    )


class Shelf:
    """The versions of one model that this process holds, the one in production first among them.

    The production pointer is read again after `refresh_seconds`. When the registry is silent, or the
    version it names is broken, the last good version goes on serving and `report` is told why.

    Args:
        model: The model's name.
        contract: The contract every version must fit.
        registry: Makes the registry's client at first use.
        threads: Threads per inference.
        refresh_seconds: How long the pointer is trusted.
        report: Told each failure to follow the pointer.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        model: str,
        contract: Contract[Any, Any],
        registry: Callable[[], Registry],
        *,
        threads: int,
        refresh_seconds: float,
        report: Callable[[MaasError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._contract = contract
        self._make_registry = registry
        self._registry: Registry | None = None
        self._threads = threads
        self._refresh_seconds = refresh_seconds
        self._report = report
        self._clock = clock
        self._production: Served | None = None
        self._look_again_at = float("-inf")
        self._refused: tuple[str, IntegrityError, float] | None = None  # digest, why, until when
        self._others: OrderedDict[str, Served] = OrderedDict()

    @property
    def registry(self) -> Registry:
        """The registry, its client made at first use."""
        if self._registry is None:
            self._registry = self._make_registry()
        return self._registry

    def production(self) -> Served:
        """The version in production.

        Raises:
            NoProductionVersion: None was promoted yet.
            RegistryUnavailable, IntegrityError: It cannot be loaded, and no earlier one is held.
        """
        if self._production is None or self._clock() >= self._look_again_at:
            try:
                self._follow_pointer()
            except MaasError as error:
                if self._production is None:
                    raise
                self._report(error)
            self._look_again_at = self._clock() + self._refresh_seconds
        return self._production  # type: ignore[return-value]  # set, or the line above has raised

    def version(self, version: str) -> Served:
        """The version that `version`, a digest or the first 8 or more digits of one, names.

        Raises:
            VersionNotFound: There is none, or more than one.
        """
        held = [served for served in self._held() if served.manifest.digest.startswith(version)]
        if len(version) >= len("12345678") and len(held) == 1:
            if held[0] is not self._production:
                self._keep(held[0])
            return held[0]
        served = self._load(self.registry.manifest(self._model, version))
        self._keep(served)
        return served

    def restored(self) -> None:
        """Forget what a snapshot must not carry over: the connection, and trust in the pointer."""
        self._look_again_at = float("-inf")
        self._registry = None
        self._refused = None

    def _follow_pointer(self) -> None:
        pointer = self.registry.production(self._model)
        if pointer is None:
            raise NoProductionVersion(
                f"{self._model} has no version in production yet: publish one, then `maas promote` it."
            )
        if self._production is not None and self._production.manifest.digest == pointer.stable:
            return
        if self._refused is not None:
            digest, why, until = self._refused
            if digest == pointer.stable and self._clock() < until:
                raise why.with_traceback(None)  # an error raised again and again would collect its traces
        served = next((s for s in self._held() if s.manifest.digest == pointer.stable), None)
        try:
            served = served or self._load(self.registry.manifest(self._model, pointer.stable))
        except IntegrityError as error:
            self._refused = (pointer.stable, error, self._clock() + _RETRY_BROKEN_SECONDS)
            raise
        previous, self._production = self._production, served
        self._others.pop(pointer.stable, None)
        if previous is not None:
            self._keep(previous)

    def _load(self, manifest: Manifest) -> Served:
        started = self._clock()
        session = Session(self.registry.artifact(manifest), threads=self._threads)
        served = Served(manifest, self._contract, session, self._clock() - started)
        try:
            served.check()
        except MaasError:
            raise
        except Exception as error:  # a model with other outputs or types can fail anywhere on its way
            raise BrokenArtifact(f"version {manifest.version} cannot answer: {error!r:.300}") from error
        return served

    def _held(self) -> list[Served]:
        return [*([self._production] if self._production else []), *self._others.values()]

    def _keep(self, served: Served) -> None:
        self._others[served.manifest.digest] = served
        self._others.move_to_end(served.manifest.digest)
        while len(self._others) > _KEPT_VERSIONS:
            self._others.popitem(last=False)


def _check_contract(manifest: Manifest, contract: Contract[Any, Any], session: Session) -> None:
    if tuple(manifest.feature_names) != contract.feature_names:
        raise BrokenArtifact(f"version {manifest.version} was trained on other features than this function's")
    if session.width not in {None, len(contract.feature_names)}:
        raise BrokenArtifact(f"the model takes {session.width} features, the contract gives another number")
    for tensors, specs in ((contract.inputs(), manifest.inputs), (contract.outputs(), manifest.outputs)):
        if [(t.name, t.datatype, tuple(t.shape)) for t in tensors] != [
            (s.name, s.datatype, s.shape) for s in specs
        ]:
            raise BrokenArtifact(f"version {manifest.version} was made for another contract")


def _equal(answer: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, list):
        if not isinstance(answer, list) or len(answer) != len(expected):
            return False
        return all(_equal(a, e, tolerance) for a, e in zip(answer, expected, strict=True))
    if isinstance(expected, float) and isinstance(answer, int | float):
        return abs(answer - expected) <= tolerance
    return bool(answer == expected)
