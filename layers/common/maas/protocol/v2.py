"""The Open Inference Protocol (V2), in JSON and with the binary tensor data extension.

One tensor per field of the record goes in, one per field of the prediction comes out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.errors import FieldError, InvalidRequest, PayloadTooLarge
from maas.explain.options import Options
from maas.field import Field
from maas.manifest import Manifest
from maas.protocol import explain, tensor
from maas.protocol.parts import HEADER_LENGTH, binary_size, only, parameters, split
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.protocol.tensor import invalid

_TOP_LEVEL = {"id", "parameters", "inputs", "outputs", "model_name", "model_version"}
_INPUT = {"name", "shape", "datatype", "parameters", "data"}
_OUTPUT = {"name", "parameters"}


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A validated request: the record's columns, the caller's id, and each wanted output with its form."""

    columns: Columns
    id: str | None
    outputs: Mapping[str, bool]  # name -> whether as binary
    explain: Options | None = None  # how to explain, where that is asked for


class V2:
    """Reads and writes the dialect for one contract."""

    def __init__(self, contract: Contract[Any, Any]) -> None:
        self._contract = contract

    def read(self, request: Request) -> InferRequest:
        """The columns of an `infer` request.

        Raises:
            UnsupportedMediaType: The body is declared to be neither JSON nor binary.
            MalformedBody: The JSON part cannot be read.
            InvalidTensor: A tensor contradicts itself or the model's inputs.
            InvalidRecord: An element breaks the contract.
            PayloadTooLarge: There are too many rows.
        """
        header, buffer = split(request)
        only(header, _TOP_LEVEL, "")
        identifier = header.get("id")
        if identifier is not None and not isinstance(identifier, str):
            raise invalid("/id", "id must be text")
        options = explain.asked(parameters(header, ""))
        outputs = self._outputs(header, also=() if options is None else (explain.OUTPUT,))
        return InferRequest(self._columns(header.get("inputs"), buffer), identifier, outputs, options)

    def write(self, predictions: Columns, wanted: InferRequest, *, model: str, version: str) -> Reply:
        """The answer, in the form that was asked for."""
        buffers: list[bytes] = []
        outputs = []
        for name, binary in wanted.outputs.items():
            column, field = predictions[name], self._contract.answers.get(name)
            datatype = explain.DATATYPE if field is None else field.datatype
            output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(column.shape)}
            if binary:
                buffers.append(tensor.to_binary(column, datatype))
                output["parameters"] = {"binary_data_size": len(buffers[-1])}
            else:
                output["data"] = tensor.to_json(column)
            outputs.append(output)
        document: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": outputs}
        if wanted.id is not None:
            document["id"] = wanted.id
        header = orjson.dumps(document)
        if not buffers:
            return Reply(200, "application/json", header)
        headers = {HEADER_LENGTH: str(len(header))}
        return Reply(200, "application/octet-stream", header + b"".join(buffers), headers)

    def metadata(self, manifest: Manifest) -> dict[str, Any]:
        """The answer to `GET /v2/models/{model}`."""
        return {
            "name": manifest.model,
            "versions": [manifest.version],
            "platform": "onnxruntime_onnx",
            "inputs": [spec.model_dump(mode="json") for spec in manifest.inputs],
            "outputs": [spec.model_dump(mode="json") for spec in manifest.outputs],
        }

    def _columns(self, inputs: Any, buffer: memoryview) -> Columns:
        if not isinstance(inputs, list) or not inputs:
            raise invalid("/inputs", "inputs must be a list of tensors, one per field of the record")
        columns: dict[str, NDArray[Any]] = {}
        start = 0
        for index, entry in enumerate(inputs):
            place = f"/inputs/{index}"
            field = self._field(entry, place, columns)
            size = binary_size(entry, place)
            if size is not None and start + size > len(buffer):
                raise invalid(place, f"{size} bytes announced, {len(buffer) - start} left in the body")
            data = buffer[start : start + (size or 0)]
            columns[field.name] = _column(field, entry, data, place, max_rows=self._contract.max_rows)
            start += size or 0
        if start != len(buffer):
            detail = f"{len(buffer) - start} bytes at its end belong to no input"
            raise InvalidRequest(f"The body: {detail}.", errors=[FieldError("", detail)])
        return self._complete(columns, inputs)

    def _field(self, entry: Any, place: str, seen: Mapping[str, Any]) -> Field:
        if not isinstance(entry, dict):
            raise invalid(place, "an input must be an object")
        only(entry, _INPUT, place)
        name = entry.get("name")
        field = self._contract.fields.get(name) if isinstance(name, str) else None
        if field is None:
            known = ", ".join(self._contract.fields)
            raise invalid(f"{place}/name", f"no such input; this model's inputs are {known}")
        if name in seen:
            raise invalid(f"{place}/name", f"{name} is given twice")
        return field

    def _complete(self, columns: dict[str, NDArray[Any]], inputs: list[Any]) -> Columns:
        missing = [f.name for f in self._contract.fields.values() if f.required and f.name not in columns]
        if missing:
            raise invalid("/inputs", f"missing: {', '.join(missing)}")
        counts = [len(columns[entry["name"]]) for entry in inputs]
        for index, count in enumerate(counts):
            if count != counts[0]:
                raise invalid(f"/inputs/{index}/shape/0", f"{count} rows, but input 0 has {counts[0]}")
        if counts[0] == 0:
            raise invalid("/inputs/0/shape/0", "at least one row is needed")
        fields = self._contract.fields.values()
        return {f.name: columns[f.name] if f.name in columns else f.default(counts[0]) for f in fields}

    def _outputs(self, header: Mapping[str, Any], also: tuple[str, ...]) -> dict[str, bool]:
        known = (*self._contract.answers, *also)
        binary_by_default = parameters(header, "").get("binary_data_output") is True
        entries = header.get("outputs")
        if entries is None or entries == []:
            return dict.fromkeys(known, binary_by_default)
        if not isinstance(entries, list):
            raise invalid("/outputs", "outputs must be a list")
        wanted: dict[str, bool] = {}
        for index, entry in enumerate(entries):
            place = f"/outputs/{index}"
            if not isinstance(entry, dict):
                raise invalid(place, "an output must be an object")
            only(entry, _OUTPUT, place)
            name, given = entry.get("name"), parameters(entry, place)
            if not isinstance(name, str) or name not in known:
                raise invalid(f"{place}/name", f"no such output; this model's outputs are {', '.join(known)}")
            if name in wanted:
                raise invalid(f"{place}/name", f"{name} is asked for twice")
            if given.get("classification"):
                raise invalid(f"{place}/parameters/classification", "not supported by this model")
            wanted[name] = given.get("binary_data", binary_by_default) is True
        return {**dict.fromkeys(also, binary_by_default), **wanted}


def _column(
    field: Field, entry: Mapping[str, Any], buffer: memoryview, place: str, *, max_rows: int
) -> NDArray[Any]:
    """One input as a validated column of shape (n, *field.shape)."""
    datatype = entry.get("datatype")
    if datatype not in tensor.DATATYPES:
        raise invalid(f"{place}/datatype", f"unknown datatype; known are {', '.join(tensor.DATATYPES)}")
    if not _accepts(field, datatype):
        raise invalid(f"{place}/datatype", f"{field.name} is {field.datatype}, not {datatype}")
    shape = tensor.read_shape(entry.get("shape"), f"{place}/shape")
    if not field.fits(shape):
        raise invalid(f"{place}/shape", f"expected {field.tensor_shape}, got {list(shape)}")
    _limit_rows(shape[0], max_rows, f"{place}/shape/0")
    if binary_size(entry, place) is not None:
        if "data" in entry:
            raise invalid(f"{place}/data", "data is given both as JSON and as binary")
        array = tensor.from_binary(buffer, datatype, shape, place)
    else:
        data = entry.get("data")
        if datatype == "BYTES" and parameters(entry, place).get("content_type") == "base64":
            data = tensor.from_base64(data, f"{place}/data")
        array = tensor.from_json(data, datatype, shape, f"{place}/data", nullable=field.may_miss)
    if field.least is not None:
        return field.padded(field.from_tensor(array, f"{place}/data"))
    return field.from_tensor(array.reshape(shape[0], *field.shape), f"{place}/data")


def _limit_rows(rows: int, max_rows: int, place: str) -> None:
    if rows > max_rows:
        detail = f"{rows} rows; send at most {max_rows} at once"
        raise PayloadTooLarge(f"{place}: {detail}", errors=[FieldError(place, detail)])


def _accepts(field: Field, datatype: str) -> bool:
    if field.kind == "float":
        return datatype in tensor.NUMERIC_DTYPES
    if field.kind == "int":
        return datatype in tensor.NUMERIC_DTYPES and not datatype.startswith("FP") and datatype != "UINT64"
    return datatype == field.datatype
