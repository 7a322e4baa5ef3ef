"""ONNX Runtime, set up for a function that answers one request at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maas.errors import BrokenArtifact

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_FATAL_ONLY = 4
_ROWS = 2048  # computed at once


class Session:
    """A model ready to compute: one float32 input of shape (n, width), named outputs of n rows each.

    Args:
        model: The bytes of an ONNX file.
        weights: The folder with the numbers of a large one.
        threads: Threads one call may use; more than there are vCPUs makes small batches slower.

    Raises:
        BrokenArtifact: The bytes are no model, or not one with a single float32 matrix as input.
    """

    def __init__(self, model: bytes, *, weights: Path | None = None, threads: int = 1) -> None:
        self._session = _open(model, weights, threads)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:  # noqa: PLR2004
            described = [(i.name, i.type, i.shape) for i in inputs]
            raise BrokenArtifact(f"a model takes one float32 matrix; this one takes {described}")
        self._input = inputs[0].name
        width = inputs[0].shape[1]
        self.width: int | None = width if isinstance(width, int) else None
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def run(self, matrix: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
        """Compute all outputs, by name, for a contiguous matrix of shape (n, width)."""
        if len(matrix) <= _ROWS:
            return self._computed(matrix)
        # In parts: between the layers of a network a row takes a hundred times the memory of its features.
        parts = [self._computed(matrix[start : start + _ROWS]) for start in range(0, len(matrix), _ROWS)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}

    def _computed(self, matrix: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
        values = self._session.run(self.outputs, {self._input: matrix})
        return dict(zip(self.outputs, values, strict=True))


def _open(model: bytes, weights: Path | None, threads: int) -> "InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    # A spinning thread burns CPU that a fraction of a vCPU does not have.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if weights is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(weights))
        # Rearranged for speed, the weights would be copied: seconds, and as much memory again.
        options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise BrokenArtifact(f"ONNX Runtime cannot open the model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
