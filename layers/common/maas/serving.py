"""A version that is ready to answer: loaded from the registry, and checked before it serves."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maas.contract import Columns, Contract, rows
from maas.errors import (
    BrokenArtifact,
    FieldError,
    GoldenMismatch,
    InvalidRecord,
    MaasError,
)
from maas.manifest import Manifest
from maas.registry import Registry
from maas.runtime import Session

type Segment = Callable[[str], AbstractContextManager[Any]]

_NOTHING = nullcontext()
_WEIGHTS = Path("/tmp/maas/weights")  # noqa: S108 -- the only place where a function may write


def untraced(_: str) -> AbstractContextManager[Any]:
    """No segment at all."""
    return _NOTHING


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

    def predict(self, columns: Columns, segment: Segment = untraced) -> Columns:
        """Predictions, as columns, for n records as columns; `segment` traces the parts of the work.

        Raises:
            InvalidRecord: A record is outside what the model can compute with.
        """
        with segment("preprocess"):
            matrix = self.contract.matrix(columns)
        with segment("predict"):
            answers = self.contract.respond(self.session.run(matrix))
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


def load(
    registry: Registry,
    manifest: Manifest,
    contract: Contract[Any, Any],
    *,
    threads: int,
    clock: Callable[[], float] = time.monotonic,
) -> Served:
    """A version from the registry: its bytes verified, its golden samples replayed.

    Raises:
        IntegrityError: It is damaged, or made for another contract, or does not answer as it did.
        RegistryUnavailable: It cannot be read.
    """
    started = clock()
    weights = registry.weights(manifest, _WEIGHTS)
    session = Session(registry.artifact(manifest), weights=weights, threads=threads)
    served = Served(manifest, contract, session, clock() - started)
    try:
        served.check()
    except MaasError:
        raise
    except Exception as error:  # a model with other outputs or types can fail anywhere on its way
        raise BrokenArtifact(f"version {manifest.version} cannot answer: {error!r:.300}") from error
    return served


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
