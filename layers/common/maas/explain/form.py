"""Models that are sums: of weighted features, of trees, or of both, behind a link such as the logistic one.

Training reads the sum out of the ONNX graph (models/additive.py) and stores it beside the version; with it,
contributions are exact. They are on the scale of the sum, before the link: log-odds, logarithm or the answer.
"""

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from maas.errors import BrokenArtifact
from maas.explain.forest import Forest
from maas.explain.game import Values
from maas.explain.owners import Mixtures

type Link = Literal["identity", "logit", "log"]

MEDIA_TYPE = "application/x-npz"
SCALES: Mapping[Link, str] = {"identity": "answer", "logit": "log-odds", "log": "logarithm"}
"""What the sum before each link is, in words."""
_LINKS: Mapping[str, Link] = {link: link for link in SCALES}
_CLOSE = 1e-4  # float32 against float64
_TREES = ("starts", "features", "lows", "highs", "values")


@dataclass(frozen=True, eq=False)
class Form:
    """One number as a sum.

    Attributes:
        weights: Of the features, shape (F,).
        constant: Added to it.
        forest: Trees, or None.
        link: What the sum goes through to become the answer.
    """

    weights: Values
    constant: float
    forest: Forest | None
    link: Link

    def sum(self, matrix: Matrix) -> Values:
        """The sum for n rows of features, shape (n,)."""
        found: Values = matrix.astype(np.float64) @ self.weights + self.constant
        return found if self.forest is None else found + self.forest.sum(matrix)

    def answer(self, matrix: Matrix) -> Values:
        """The number itself, shape (n,)."""
        found = self.sum(matrix)
        match self.link:
            case "logit":
                return 1 / (1 + np.exp(-found))
            case "log":
                return np.exp(found)
        return found

    def gives(self, matrix: Matrix, answers: Values) -> bool:
        """Whether n rows have these answers; what is cut off, say at 0, is no sum."""
        return bool(np.allclose(self.answer(matrix), answers, rtol=_CLOSE, atol=_CLOSE))

    def contributions(self, mixtures: Mixtures, own: Matrix, others: Matrix, players: int) -> Values | None:
        """What each player adds to the sum, exactly, shape (players,).

        None where that depends on who else is kept: where features are made of several players, other than
        by adding them up.

        Args:
            mixtures: Of the record and the background.
            own: The record's features, shape (1, F).
            others: The background's, shape (B, F).
            players: How many.
        """
        linear = mixtures.gains(lambda matrix: matrix.astype(np.float64) @ self.weights)
        if linear is None or self.forest is None:
            return linear
        owners = mixtures.owners()
        return None if owners is None else linear + self.forest.shapley(own, others, owners, players)


class Forms:
    """The sums of a version, by the number that they make: a field, or `field[class]`."""

    def __init__(self, forms: Mapping[str, Form]) -> None:
        self._forms = dict(forms)

    def get(self, name: str) -> Form | None:
        """The sum of one number, if it is known."""
        return self._forms.get(name)

    def to_bytes(self) -> bytes:
        """A .npz file, the same for the same sums."""
        arrays: dict[str, NDArray[np.generic]] = {
            "names": np.array(list(self._forms)),
            "links": np.array([form.link for form in self._forms.values()]),
        }
        for number, form in enumerate(self._forms.values()):
            arrays[f"{number}_weights"] = np.append(form.weights, form.constant)
            if form.forest is not None:
                arrays |= {f"{number}_{name}": getattr(form.forest, name) for name in _TREES}
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            BrokenArtifact: It is something else.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            forms = {}
            for number, (name, link) in enumerate(
                zip(arrays["names"].tolist(), arrays["links"].tolist(), strict=True)
            ):
                *weights, constant = arrays[f"{number}_weights"].tolist()
                forest = None
                if f"{number}_starts" in arrays:
                    forest = Forest(*(arrays[f"{number}_{part}"] for part in _TREES))
                forms[name] = Form(np.array(weights, np.float64), constant, forest, _LINKS[link])
        except (ValueError, KeyError, OSError, EOFError, BadZipFile, zlib.error) as error:
            raise BrokenArtifact(f"the stored sums cannot be read: {error!r:.200}") from error
        return cls(forms)
