"""JSON Schemas of what stands beside predictions: explanations, and what turned out to be true."""

from typing import Any

from cli.openapi.schema import Schema
from maas.capture.feedback import MOST_ITEMS
from maas.contract import Contract
from maas.explain.budget import MOST_SAMPLES
from maas.explain.options import METHODS, MOST_ROWS
from maas.monitoring import Outcome
from maas.truth import outcomes_of

_NUMBER: Schema = {"type": "number"}
_NUMBERS: Schema = {"type": "array", "items": _NUMBER}

EXPLANATION: Schema = {
    "type": "object",
    "description": "Where a number of a prediction comes from: `base_value` and contributions make `value`.",
    "required": ["method", "exact", "target", "scale", "base_value", "value", "evaluations"],
    "properties": {
        "method": {"type": "string"},
        "exact": {"type": "boolean", "description": "Whether it is free of sampling error."},
        "target": {"type": "string", "description": "The number that is explained."},
        "class": {"type": "integer"},
        "scale": {"enum": ["answer", "log-odds", "logarithm"]},
        "base_value": _NUMBER,
        "value": _NUMBER,
        "attributions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "contribution", "error"],
                "properties": {
                    "field": {"type": "string"},
                    "part": {},
                    "value": {},
                    "contribution": _NUMBER,
                    "error": _NUMBER,
                },
            },
        },
        "map": {
            "type": "object",
            "properties": {
                "shape": {"type": "array", "items": {"type": "integer"}},
                "values": {"type": "array", "items": _NUMBERS},
                "errors": {"type": "array", "items": _NUMBERS},
            },
        },
        "tokens": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["token", "contribution"],
                "properties": {"token": {"type": "string"}, "contribution": _NUMBER, "error": _NUMBER},
            },
        },
        "background": {"type": "integer"},
        "fit": _NUMBER,
        "evaluations": {"type": "integer"},
    },
}


def explain_request(instances: Schema) -> Schema:
    """The body of `:explain`, from that of `:predict`."""
    records = {**instances["properties"]["instances"], "maxItems": MOST_ROWS}
    parameters = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "method": {
                "enum": list(METHODS),
                "description": "`auto` takes the exact one where there is one.",
            },
            "target": {"type": "string", "description": "The number to explain, a field of the prediction."},
            "class": {"type": "integer", "description": "The class to explain, where there are several."},
            "samples": {
                "type": "integer",
                "minimum": 2,
                "maximum": MOST_SAMPLES,
                "description": f"The same figures on every machine. {MOST_SAMPLES} for all records together.",
            },
        },
    }
    return {**instances, "properties": {"instances": records, "parameters": parameters}}


def explained(prediction: Schema) -> Schema:
    """The answer of `:explain`."""
    return {
        "type": "object",
        "required": ["predictions", "explanations"],
        "properties": {
            "predictions": {"type": "array", "items": prediction},
            "explanations": {"type": "array", "items": {"$ref": "#/components/schemas/Explanation"}},
        },
    }


def feedback(contract: Contract[Any, Any]) -> Schema | None:
    """The body of `:feedback`; None where nothing can be reported."""
    outcomes = {outcome.field: _outcome(outcome) for outcome in outcomes_of(contract)}
    if not outcomes:
        return None
    fields = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": outcomes}
    outcome = {"anyOf": [*outcomes.values(), fields]} if len(outcomes) == 1 else fields
    item = {
        "type": "object",
        "required": ["id", "outcome"],
        "additionalProperties": False,
        "properties": {
            "id": {
                "type": "string",
                "pattern": r"^[!-~]{1,128}/[0-9]{1,7}$",
                "description": "The answer's X-Request-Id, a slash and the row's number, from 0.",
            },
            "outcome": outcome,
        },
    }
    return {
        "type": "object",
        "required": ["feedback"],
        "additionalProperties": False,
        "properties": {"feedback": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": item}},
    }


def feedback_example(contract: Contract[Any, Any]) -> dict[str, Any]:
    """One outcome: the first example of its field, or a value that the field can have."""
    outcome = outcomes_of(contract)[0]
    examples = contract.answers[outcome.field].info.examples
    value: Any = examples[0] if examples else next(iter(outcome.values), outcome.low or outcome.high or 0)
    if outcome.kind == "yes_no":
        value = True
    elif outcome.kind == "class" and isinstance(value, float):
        value = int(value)
    return {"feedback": [{"id": "0b5f2c8e-3d3f-4a52-9d8e-5d7d0c6f8a11/0", "outcome": {outcome.field: value}}]}


def _outcome(outcome: Outcome) -> Schema:
    if outcome.kind == "yes_no":
        return {"type": "boolean"}
    if outcome.kind == "class" and outcome.low is None:
        return {"enum": list(outcome.values)} if outcome.values else {"type": "string"}
    limits = {"minimum": outcome.low, "maximum": outcome.high}
    kind = "integer" if outcome.kind == "class" else "number"
    return {"type": kind, **{name: limit for name, limit in limits.items() if limit is not None}}
