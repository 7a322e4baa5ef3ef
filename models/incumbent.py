"""The version in production, as the one that a new version is compared with."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.artifact import digest_of
from maas.contract import Columns
from maas.errors import IntegrityError, MaasError
from maas.manifest import Manifest
from maas.runtime import Session
from models.evaluation import answers
from models.source import read_source
from models.table import Table

if TYPE_CHECKING:
    from maas.registry import Registry
    from models.recipe import Recipe


_WEIGHTS = Path(gettempdir()) / "maas-incumbents"


class Unseen(NamedTuple):
    """Row numbers of a table that a version has not learnt, None: few or none, and how that is known."""

    rows: NDArray[np.intp] | None
    how: str


@dataclass(frozen=True, eq=False)
class Incumbent:
    """The version in production.

    Attributes:
        manifest: Its manifest.
        artifact: Its ONNX file.
        weights: The folder with the numbers of a large one.
    """

    manifest: Manifest
    artifact: bytes
    weights: Path | None = None

    @classmethod
    def of(cls, registry: "Registry", model: str) -> "Incumbent | None":
        """The version in production; None where there is none, or where it is damaged: nothing to defend."""
        try:
            pointer = registry.production(model)
            if pointer is None:
                return None
            manifest = registry.manifest(model, pointer.stable)
            return cls(manifest, registry.artifact(manifest), registry.weights(manifest, _WEIGHTS))
        except IntegrityError:
            return None

    def fits(self, recipe: "Recipe") -> bool:
        """Whether it was made for the contract that the recipe trains for."""
        contract, manifest = recipe.endpoint.contract, self.manifest
        return manifest.feature_names == contract.feature_names and all(
            [(t.name, t.datatype, tuple(t.shape)) for t in tensors]
            == [(s.name, s.datatype, s.shape) for s in specs]
            for tensors, specs in (
                (contract.inputs(), manifest.inputs),
                (contract.outputs(), manifest.outputs),
            )
        )

    def predict(self, recipe: "Recipe", columns: Columns) -> Columns:
        """Its answers for records as columns."""
        return answers(recipe.endpoint.contract, self.session(), columns)

    def session(self) -> Session:
        """Ready to compute."""
        return Session(self.artifact, weights=self.weights)

    def unseen(self, recipe: "Recipe", table: Table) -> Unseen:
        """Which of a table's rows it has not learnt.

        Most recipes fit the published version on all rows, those once held out included: on these it knows
        the answers. Its data are read again where they still are; else rows later than its data are new.
        """
        name, data = self.manifest.version, self.manifest.data
        if data.digest == table.data.digest:
            return Unseen(None, f"{name} was made from the same data")
        known = self._learnt(recipe)
        if known is not None:
            fresh = np.array([key not in known for key in _keys(recipe, table)], bool)
            return Unseen(np.flatnonzero(fresh), f"rows that are not in the data of {name}")
        if table.times is not None and data.period is not None:
            end = np.datetime64(data.period.rpartition("/")[2])
            return Unseen(np.flatnonzero(table.times > end), f"rows later than the data of {name}")
        everything = np.arange(len(table))
        return Unseen(everything, f"all held-out rows; {name} may have learnt some, which favours it")

    def _learnt(self, recipe: "Recipe") -> set[bytes] | None:
        """The keys of the rows it was made from; None where the data are no longer what they were."""
        data = self.manifest.data
        if not data.source.startswith("s3://"):
            return None
        try:
            source = read_source(data.source)
            table = recipe.load(source)
        except MaasError:
            return None
        # A recipe may name a digest of its own, made of several files'.
        if data.digest not in {source.digest, table.data.digest}:
            return None
        return set(_keys(recipe, table))


def _keys(recipe: "Recipe", table: Table) -> list[bytes]:
    """Of each row a digest of what is learnt from it: its features and its target."""
    matrix = np.ascontiguousarray(recipe.endpoint.contract.matrix(table.columns))
    targets = table.target.tolist()
    return [
        bytes.fromhex(digest_of(row.tobytes() + repr(target).encode()))[:16]
        for row, target in zip(matrix, targets, strict=True)
    ]
