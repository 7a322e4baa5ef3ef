"""A density of normal traffic: what lies where it is thin is suspicious, whatever its kind."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Matrix
from models.export import INPUT

type Floats = NDArray[np.float64]

SCORE = "score"
_FARTHEST = 6.0  # standard deviations; beyond it is no farther, so that one odd number does not decide alone
_LOG_2_PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class NormalTraffic:
    """A mixture of Gaussians fitted to the normal rows alone.

    Attributes:
        components: Number of Gaussians; fewer where there are few rows.
        floor: Added to every variance: normal traffic hardly varies in many features.
    """

    components: int = 10
    floor: float = 0.05

    def fit(self, matrix: Matrix, attack: NDArray[np.bool_], *, seed: int) -> "FittedNormalTraffic":
        """Fit to the rows of the matrix, shape (n, k), that are no attack."""
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        centre = matrix.mean(axis=0, dtype=np.float64)
        spread = matrix.std(axis=0, dtype=np.float64)
        # A scale from attacks, too: what is constant in normal traffic has none there.
        scale = np.where(spread > 0, spread, 1.0)
        normal = _standardised(matrix[~attack], centre, scale)
        with threadpool_limits(1):
            mixture = GaussianMixture(
                min(self.components, max(1, len(normal) // 50)),
                reg_covar=self.floor,
                max_iter=200,
                tol=1e-2,
                random_state=seed,
            ).fit(normal)
        factors: Floats = np.concatenate(list(mixture.precisions_cholesky_), axis=1)
        shifts = np.concatenate(
            [mean @ root for mean, root in zip(mixture.means_, mixture.precisions_cholesky_, strict=True)]
        )
        determinants = np.log(np.array([np.diag(root) for root in mixture.precisions_cholesky_])).sum(axis=1)
        offsets = np.log(mixture.weights_) + determinants - 0.5 * matrix.shape[1] * _LOG_2_PI
        found = FittedNormalTraffic(centre, scale, factors, shifts, offsets, 0.0, 1.0)
        low, middle, high = np.quantile(found.surprise(matrix[~attack]), [0.25, 0.5, 0.75])
        return FittedNormalTraffic(
            centre, scale, factors, shifts, offsets, float(middle), max(float(high - low), 1e-3)
        )


@dataclass(frozen=True, eq=False)
class FittedNormalTraffic:
    """A fitted mixture of c Gaussians in k dimensions.

    Attributes:
        centre: Of each feature, shape (k,).
        scale: Of each feature, shape (k,).
        factors: The precisions' Cholesky factors side by side, shape (k, c * k).
        shifts: The means times their factors, shape (c * k,).
        offsets: What is added to each component's squared distance to make a log density, shape (c,).
        middle: Median surprise of normal rows.
        width: Its interquartile range.
    """

    centre: Floats
    scale: Floats
    factors: Floats
    shifts: Floats
    offsets: Floats
    middle: float
    width: float

    def surprise(self, matrix: Matrix) -> Floats:
        """The negative log density of each row, shape (n,)."""
        roots = _standardised(matrix, self.centre, self.scale) @ self.factors - self.shifts
        squares = (roots.reshape(len(matrix), len(self.offsets), -1) ** 2).sum(axis=2)
        logs = self.offsets - 0.5 * squares
        most = logs.max(axis=1, keepdims=True)
        densities: Floats = -(most[:, 0] + np.log(np.exp(logs - most).sum(axis=1)))
        return densities

    def score(self, matrix: Matrix) -> Floats:
        """Surprise in units of the normal rows' spread, its long tail drawn in, shape (n,)."""
        drawn: Floats = np.arcsinh((self.surprise(matrix) - self.middle) / self.width)
        return drawn

    def to_proto(self) -> Any:
        """A graph from the matrix to `score`, shape (n, 1)."""
        from onnx import helper, numpy_helper

        constants = {
            "centre": self.centre,
            "scale": self.scale,
            "low": np.array(-_FARTHEST),
            "high": np.array(_FARTHEST),
            "factors": self.factors,
            "shifts": self.shifts,
            "half": np.array(-0.5),
            "offsets": self.offsets,
            "middle": np.array(self.middle),
            "width": np.array(-self.width),
        }
        tensors = [
            numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()
        ]
        shape = np.array([-1, len(self.offsets), len(self.centre)])
        tensors += [numpy_helper.from_array(shape, "shape"), numpy_helper.from_array(np.array([2]), "inner")]
        tensors += [numpy_helper.from_array(np.array([1]), "along")]
        nodes = [
            helper.make_node("Sub", [INPUT, "centre"], ["centred"]),
            helper.make_node("Div", ["centred", "scale"], ["scaled"]),
            helper.make_node("Clip", ["scaled", "low", "high"], ["clipped"]),
            helper.make_node("MatMul", ["clipped", "factors"], ["turned"]),
            helper.make_node("Sub", ["turned", "shifts"], ["roots"]),
            helper.make_node("Reshape", ["roots", "shape"], ["by_component"]),
            helper.make_node("ReduceSumSquare", ["by_component", "inner"], ["squares"], keepdims=0),
            helper.make_node("Mul", ["squares", "half"], ["halved"]),
            helper.make_node("Add", ["halved", "offsets"], ["logs"]),
            helper.make_node("ReduceLogSumExp", ["logs", "along"], ["density"], keepdims=1),
            helper.make_node("Add", ["density", "middle"], ["above"]),
            helper.make_node("Div", ["above", "width"], ["relative"]),
            helper.make_node("Asinh", ["relative"], [SCORE]),
        ]
        graph = helper.make_graph(
            nodes,
            "normal_traffic",
            [helper.make_tensor_value_info(INPUT, 1, [None, len(self.centre)])],
            [helper.make_tensor_value_info(SCORE, 1, [None, 1])],
            tensors,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _standardised(matrix: Matrix, centre: Floats, scale: Floats) -> Floats:
    standard: Floats = np.clip((matrix - centre) / scale, -_FARTHEST, _FARTHEST)
    return standard
