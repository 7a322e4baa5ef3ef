"""Requests of V2, in JSON and as bytes."""

from random import Random
from typing import Any

from tests.fuzz import tensors
from tests.fuzz.records import predicting
from tests.fuzz.request import JSON, Request, changed, spoiled
from tests.fuzz.target import Target
from tests.fuzz.values import NAMES, VALUES, any_value, encoded


def inferring(kind: str, target: Target, body: Any, **headers: str) -> Request:
    raw = body if isinstance(body, bytes) else encoded(body)
    return Request(kind, "POST", f"{target.v2}/infer", {**JSON, **headers}, raw)


def inference(random: Random, target: Target) -> Request:
    """A good request, with or without an id, for some outputs or all."""
    document = target.fresh_infer()
    if random.random() < 0.5:
        document["id"] = random.choice(["a", "雪", ""])
    if random.random() < 0.3:
        document["outputs"] = [{"name": random.choice(target.outputs)}]
    return inferring("inference", target, document)


def bad_tensor(random: Random, target: Target) -> Request:
    """One property of one tensor."""
    return inferring("bad tensor", target, tensors.bad(random, target.fresh_infer()))


def bad_inference(random: Random, target: Target) -> Request:
    """One member somewhere: replaced, taken away, given another name."""
    return inferring("bad inference", target, changed(random, target.fresh_infer()))


def bad_outputs(random: Random, target: Target) -> Request:
    """What is asked for."""
    document = target.fresh_infer()
    name = random.choice(["outputs", "parameters", "id", *NAMES])
    document[name] = random.choice(
        [
            any_value(random),
            [{"name": any_value(random)}],
            [{"name": target.outputs[0], "parameters": any_value(random)}],
            [{"name": target.outputs[0]}, {"name": target.outputs[0]}],
            {"binary_data_output": any_value(random)},
            {"explain": any_value(random)},
            {"explain": True, "explain_method": any_value(random)},
        ]
    )
    return inferring("bad outputs", target, document)


def bad_inference_bytes(random: Random, target: Target) -> Request:
    """A good body with bytes changed."""
    return inferring("bad bytes, V2", target, spoiled(random, encoded(target.infer)))


def nonsense(random: Random, target: Target) -> Request:
    """No request at all."""
    body = random.choice(
        [random.randbytes(random.randrange(200)), random.choice(VALUES).encode("utf-8", "surrogatepass")]
    )
    return inferring("nonsense", target, body)


def binary(random: Random, target: Target) -> Request:
    """Tensors as bytes, mostly with something wrong about them."""
    body, headers = tensors.binary(random, target.infer)
    return Request("binary", "POST", f"{target.v2}/infer", headers, body)


def many(random: Random, target: Target) -> Request:
    """More rows than there may be, and bodies larger than there may be; seldom, for they take their time."""
    if target.record is None or random.random() < 0.5:
        document = target.fresh_infer()
        for entry in document["inputs"]:
            entry["shape"][0] = random.choice([10_001, 2**31 - 1, 0])
        return inferring("many", target, document)
    return predicting("many", target, {"instances": [{}] * 10_001})
