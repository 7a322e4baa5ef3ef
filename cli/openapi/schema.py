"""JSON Schemas of what one model takes and gives, in both dialects."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from maas.contract import Contract
from maas.field import Field
from maas.protocol.tensor import DATATYPES, NUMERIC_DTYPES

type Schema = dict[str, Any]

_WHOLE_NUMBERS = tuple(name for name in NUMERIC_DTYPES if not name.startswith("FP") and name != "UINT64")
PARAMETERS: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}


def record_of(contract: Contract[Any, Any]) -> Schema:
    """One instance."""
    return _plain(contract.record, "validation")


def prediction_of(contract: Contract[Any, Any]) -> Schema:
    """What comes back for it."""
    return _plain(contract.prediction, "serialization")


def instances(record: Schema, max_rows: int) -> Schema:
    """The body of `:predict`."""
    return {
        "type": "object",
        "required": ["instances"],
        "additionalProperties": False,
        "properties": {
            "instances": {
                "type": "array",
                "minItems": 1,
                "maxItems": max_rows,
                "items": record,
                "description": "Records, each answered by one prediction in the same place.",
            }
        },
    }


def predictions(prediction: Schema) -> Schema:
    """The answer of `:predict`."""
    return {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": {"type": "array", "items": prediction}},
    }


def infer_request(contract: Contract[Any, Any]) -> Schema:
    """The body of `infer`, or its JSON part."""
    outputs = {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {"name": {"enum": list(contract.answers)}, "parameters": PARAMETERS},
    }
    return {
        "type": "object",
        "required": ["inputs"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "string", "description": "Comes back with the answer."},
            "parameters": {
                **PARAMETERS,
                "description": "`binary_data_output: true` asks for all outputs as bytes.",
            },
            "model_name": {"type": "string", "description": "Read and not used: the path says it."},
            "model_version": {"type": "string", "description": "Read and not used: the path says it."},
            "inputs": {
                "type": "array",
                "minItems": 1,
                "maxItems": len(contract.fields),
                "items": {"oneOf": [_input(field, contract.max_rows) for field in contract.fields.values()]},
                "description": "One tensor per field; fields with a default may be left out.",
            },
            "outputs": {
                "type": ["array", "null"],
                "items": outputs,
                "description": "What is wanted; everything where it is left out or empty.",
            },
        },
    }


def infer_response(contract: Contract[Any, Any]) -> Schema:
    """The answer of `infer`, or its JSON part."""
    return {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": {"oneOf": [_output(f) for f in contract.answers.values()]}},
        },
    }


def instance_example(contract: Contract[Any, Any]) -> dict[str, Any]:
    """A record made of the fields' first examples."""
    return {name: _example(field) for name, field in contract.fields.items() if _example(field) is not None}


def prediction_example(contract: Contract[Any, Any]) -> dict[str, Any]:
    """A prediction made of the fields' first examples."""
    return {name: _example(field) for name, field in contract.answers.items()}


def infer_example(contract: Contract[Any, Any]) -> dict[str, Any]:
    """The same record as tensors of one row."""
    return {
        "inputs": [
            _tensor(contract.fields[name], value) for name, value in instance_example(contract).items()
        ]
    }


def inferred_example(contract: Contract[Any, Any], model: str) -> dict[str, Any]:
    """The same prediction as tensors."""
    outputs = [_tensor(contract.answers[name], value) for name, value in prediction_example(contract).items()]
    return {"model_name": model, "model_version": "0" * 12, "outputs": outputs}


def _plain(model: type[BaseModel], mode: Any) -> Schema:
    schema = model.model_json_schema(mode=mode)
    for name, made in schema["properties"].items():
        made.pop("title", None)
        schema["properties"][name] = _local_times(made)
    return schema


def _local_times(schema: Any) -> Any:
    """A schema in which times are what they are here: local ones, without an offset."""
    if isinstance(schema, list):
        return [_local_times(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    replaced = {name: _local_times(part) for name, part in schema.items()}
    return replaced | {"format": "date-time-local"} if schema.get("format") == "date-time" else replaced


def _element(field: Field) -> Schema:
    config = ConfigDict(strict=True)
    made: Schema = _local_times(TypeAdapter(field.element, config=config).json_schema())
    return made


def _input(field: Field, max_rows: int) -> Schema:
    element = _element(field)
    lists: Schema = {"type": "array", "items": element}
    data = [lists]
    for _ in field.shape:
        lists = {"type": "array", "items": lists}
        data.append(lists)
    return {
        "type": "object",
        "title": field.name,
        "description": field.info.description or "",
        "required": ["name", "datatype", "shape"],
        "additionalProperties": False,
        "properties": {
            "name": {"const": field.name},
            "datatype": {"enum": list(_datatypes(field))},
            "shape": _shape(field, max_rows),
            "parameters": {
                **PARAMETERS,
                "description": "`binary_data_size`: how many of the bytes behind the JSON are this tensor's.",
            },
            "data": {
                "anyOf": data,
                "description": "Elements row by row, flat or nested as the shape says. Left out where they "
                "are sent as bytes.",
            },
        },
    }


def _output(field: Field) -> Schema:
    return {
        "type": "object",
        "title": field.name,
        "description": field.info.description or "",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"const": field.name},
            "datatype": {"const": field.datatype},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "parameters": PARAMETERS,
            "data": {"type": "array", "items": _element(field)},
        },
    }


def _shape(field: Field, max_rows: int) -> Schema:
    rows: Schema = {"type": "integer", "minimum": 1, "maximum": max_rows, "description": "Rows."}
    if field.least is not None:
        inner = [{"type": "integer", "minimum": field.least, "maximum": field.shape[0]}]
    else:
        inner = [{"const": size} for size in field.shape]
    least = 1 + len(inner)
    # A scalar per row may also come as a matrix of one column.
    sizes = [rows, *(inner or [{"const": 1}])]
    return {"type": "array", "prefixItems": sizes, "minItems": least, "maxItems": len(sizes)}


def _datatypes(field: Field) -> tuple[str, ...]:
    match field.kind:
        case "float":
            return tuple(name for name in DATATYPES if name in NUMERIC_DTYPES)
        case "int":
            return _WHOLE_NUMBERS
    return (field.datatype,)


def _tensor(field: Field, value: Any) -> dict[str, Any]:
    shape = [1] if not field.shape else [1, *(field.shape if field.least is None else (len(value),))]
    data = [value] if not field.shape else value
    while data and isinstance(data[0], list):
        data = [element for row in data for element in row]
    return {"name": field.name, "datatype": field.datatype, "shape": shape, "data": data}


def _example(field: Field) -> Any:
    examples = field.info.examples or []
    if examples:
        return examples[0]
    return None if field.required else field.info.get_default(call_default_factory=True)
