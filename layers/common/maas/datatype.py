"""The data types of tensors, as the Open Inference Protocol names them."""

from typing import Literal

# Open Inference Protocol V2, "Tensor Data Types".
Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
]
