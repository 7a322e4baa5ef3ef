"""Requests of V1: records, explanations, outcomes, pictures."""

from random import Random
from typing import Any

from tests.fuzz.request import JSON, Request, changed, spoiled
from tests.fuzz.target import Target
from tests.fuzz.values import NAMES, Raw, any_value, encoded


def predicting(kind: str, target: Target, body: Any, **headers: str) -> Request:
    raw = body if isinstance(body, bytes) else encoded(body)
    return Request(kind, "POST", f"{target.v1}:predict", {**JSON, **headers}, raw)


def records(random: Random, target: Target) -> Request:
    """Good records, more or fewer."""
    count = random.choice([1, 1, 1, 2, 5])
    return predicting("records", target, {"instances": [target.record] * count})


def bad_value(random: Random, target: Target) -> Request:
    """One value of one record."""
    record = target.fresh_record()
    record[random.choice([*record, *(tensor.name for tensor in target.inputs)])] = any_value(random)
    return predicting("bad value", target, {"instances": [target.record, record]})


def bad_element(random: Random, target: Target) -> Request:
    """One member somewhere: replaced, taken away, given another name."""
    document = {"instances": [target.fresh_record()]}
    return predicting("bad element", target, changed(random, document))


def bad_envelope(random: Random, target: Target) -> Request:
    """What is around the records."""
    document = random.choice(
        [
            any_value(random),
            {"instances": any_value(random)},
            {"instances": [any_value(random)]},
            {random.choice(NAMES): [target.record]},
            {"instances": [target.record], random.choice(NAMES): any_value(random)},
            {"instances": [], "parameters": any_value(random)},
            {"instances": [{}] * random.choice([0, 1, 20])},
        ]
    )
    return predicting("bad envelope", target, document)


def bad_bytes(random: Random, target: Target) -> Request:
    """A good body with bytes changed."""
    return predicting("bad bytes", target, spoiled(random, encoded({"instances": [target.record]})))


def explain(random: Random, target: Target) -> Request:
    """Questions about explanations, most of them odd; the answers cost more, so there are few good ones."""
    document: dict[str, Any] = {"instances": [target.fresh_record()]}
    options = ["method", "target", "class", "samples", *NAMES]
    document["parameters"] = {random.choice(options): any_value(random)}
    if random.random() < 0.5:
        document = changed(random, document)
    return Request("explain", "POST", f"{target.v1}:explain", dict(JSON), encoded(document))


def feedback(random: Random, target: Target) -> Request:
    """Outcomes of predictions that nobody has made."""
    item = {"id": "f/0", "outcome": Raw(random.choice(["1", "true", '{"x": 1}', any_value(random)]))}
    document = changed(random, {"feedback": [item]}) if random.random() < 0.9 else {"feedback": [item]}
    return Request("feedback", "POST", f"{target.v1}:feedback", dict(JSON), encoded(document))


def picture(random: Random, target: Target) -> Request:
    """A body that is a picture, or was one; where the model takes none, any bytes."""
    media = random.choice([*target.raw, "image/png"])
    body = target.raw.get(media, b"\x89PNG\r\n\x1a\n" + random.randbytes(40))
    return predicting("picture", target, spoiled(random, body), **{"Content-Type": media})
