"""A version as explanations see it: its background, its sums, and the quickest graph for its answers."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import orjson

from maas.artifact import Blob
from maas.contract import Columns, Contract, Matrix
from maas.errors import BrokenArtifact, InvalidRecord
from maas.explain.form import Form, Forms
from maas.explain.game import Values
from maas.manifest import Manifest
from maas.runtime import Session

_CLOSE = 1e-4


class Model:
    """What it takes to explain one version.

    Args:
        name: Of the version; the same name samples the same.
        contract: The model's.
        session: The version's graph.
        background: Columns of B records that stand for the training data.
        forms: The numbers that are known to be sums.
        quick: A graph of the same answers that computes less, where the version's own computes more.

    Raises:
        BrokenArtifact: The quick graph gives other answers.
    """

    def __init__(
        self,
        name: str,
        contract: Contract[Any, Any],
        session: Session,
        background: Columns,
        *,
        forms: Forms | None = None,
        quick: Session | None = None,
    ) -> None:
        self.name, self.contract, self.background = name, contract, background
        self._forms = forms or Forms({})
        self._checked: dict[str, Form | None] = {}
        self._session, self._quick = session, quick
        self.matrix: Matrix = contract.matrix(background)
        """The background's features, shape (B, F)."""
        self.outputs: Columns = session.run(self.matrix)
        """What the version's graph gives for it."""
        if quick is not None and not _agree(self.outputs, quick.run(self.matrix)):
            raise BrokenArtifact(f"version {name}: its quicker graph gives other answers")

    @classmethod
    def load(
        cls,
        contract: Contract[Any, Any],
        manifest: Manifest,
        session: Session,
        read: Callable[[Blob], bytes],
        *,
        threads: int = 1,
    ) -> Self:
        """A published version; one without a background of its own takes its golden samples for it.

        Args:
            contract: The model's.
            manifest: The version's.
            session: Its graph.
            read: Gives the verified bytes of a blob.
            threads: Threads one inference may use.

        Raises:
            BrokenArtifact: What training left for explanations does not fit the version.
        """
        stored, instances = manifest.explanation, manifest.golden.instances
        background, form, graph = (stored.background, stored.form, stored.graph) if stored else (None,) * 3
        try:
            if background is not None:
                instances = orjson.loads(read(background))["instances"]
            columns = contract.parse(instances, at="/background")
        except (orjson.JSONDecodeError, KeyError, TypeError, InvalidRecord) as error:
            raise BrokenArtifact(f"the background of version {manifest.version} is unusable") from error
        forms = None if form is None else Forms.from_bytes(read(form))
        quick = None if graph is None else Session(read(graph), threads=threads)
        return cls(manifest.digest, contract, session, columns, forms=forms, quick=quick)

    def form(self, name: str, answers: Values) -> Form | None:
        """The sum that makes a number, if it is one and gives the background these `answers`, shape (B,)."""
        if name not in self._checked:
            form = self._forms.get(name)
            self._checked[name] = form if form is not None and form.gives(self.matrix, answers) else None
        return self._checked[name]

    def whole(self, matrix: Matrix) -> Columns:
        """All outputs of the version's own graph."""
        return self._session.run(matrix)

    def quick(self, matrix: Matrix) -> Columns:
        """The outputs that answers are made of; what the quicker graph leaves out is 0."""
        if self._quick is None:
            return self._session.run(matrix)
        found = self._quick.run(matrix)
        return {
            name: found[name] if name in found else np.zeros((len(matrix), *column.shape[1:]), column.dtype)
            for name, column in self.outputs.items()
        }


def _agree(outputs: Columns, others: Columns) -> bool:
    """Whether all of the others are among the outputs, up to the last digits."""
    for name, column in others.items():
        own = outputs.get(name)
        if own is None or own.shape != column.shape:
            return False
        if own.dtype.kind == "f":
            scale = 1 + float(np.abs(own).max(initial=0))
            if float(np.abs(own - column).max(initial=0)) > _CLOSE * scale:
                return False
        elif not np.array_equal(own, column):
            return False
    return True
