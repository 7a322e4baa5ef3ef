"""The limits that every model states are the limits that it keeps, in both dialects."""

import base64
import gzip
import io
import json
from typing import Any

import pytest
from PIL import Image

from maas.limits import PIXELS
from tests.contract.conftest import ServedModel
from tests.contract.records import as_tensors, example
from tests.lambda_events import Answer

JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}


def predict(served: ServedModel, body: Any, **headers: str) -> Answer:
    """What V1 answers to a document, or to bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body)
    return served.call("POST", f"/v1/models/{served.endpoint.name}:predict", raw, {**JSON, **headers})


def infer(served: ServedModel, body: Any, **headers: str) -> Answer:
    """What V2 answers to a document, or to bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body)
    return served.call("POST", f"/v2/models/{served.endpoint.name}/infer", raw, {**JSON, **headers})


def _packed(document: Any) -> bytes:
    return gzip.compress(json.dumps(document).encode(), 1)


def test_rows(served: ServedModel) -> None:
    """One record too many is a 413 that says how many there may be."""
    limits = served.endpoint.contract.limits
    answer = predict(served, {"instances": [{}] * (limits.rows + 1)})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (413, "/instances")
    inputs = as_tensors(served.endpoint.contract, [example(served.endpoint.contract)])
    inputs[0]["shape"][0] = limits.rows + 1
    second = infer(served, {"inputs": inputs})
    assert second.status == 413
    assert second.json["error"].startswith("/inputs/0/shape/0")
    assert str(limits.rows) in answer.json["detail"]
    assert str(limits.rows) in second.json["error"]


def test_bytes_as_sent_and_decompressed(served: ServedModel) -> None:
    """A byte too many is a 413 with advice, before and after decompression."""
    limits = served.endpoint.contract.limits
    for ask in (predict, infer):
        answer = ask(served, b" " * (limits.sent_bytes + 1))
        assert (answer.status, b"gzip" in answer.body) == (413, True)
        packed = gzip.compress(b" " * (limits.body_bytes + 1), 1)
        answer = ask(served, packed, **GZIP)
        assert (answer.status, str(limits.body_bytes).encode() in answer.body) == (413, True)
        # At the limit itself it is read: what is wrong with it is that it says nothing.
        assert ask(served, b" " * limits.sent_bytes).status == 400


def test_depth(served: ServedModel) -> None:
    """A list within a value, one level deeper than the record goes, is refused at its place; an abyss too."""
    contract = served.endpoint.contract
    good = example(contract)
    deepest = max(contract.fields.values(), key=lambda field: len(field.shape))
    assert contract.limits.json_depth == 3 + len(deepest.shape)
    value: Any = 1
    for _ in range(len(deepest.shape) + 1):
        value = [value]
    answer = predict(served, {"instances": [{**good, deepest.name: value}]})
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"].startswith(f"/instances/0/{deepest.name}")
    for ask, start in ((predict, b'{"instances": '), (infer, b'{"inputs": ')):
        assert ask(served, start + b"[" * 10_000 + b"]" * 10_000 + b"}").status == 400


def test_text_length(served: ServedModel) -> None:
    """A character too many is refused at its field; compressed, as the longest do not fit otherwise."""
    contract = served.endpoint.contract
    for name, length in contract.limits.text_length.items():
        longer = {**example(contract), name: "x" * (length + 1)}
        answer = predict(served, _packed({"instances": [longer]}), **GZIP)
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/instances/0/{name}")
        inputs = as_tensors(contract, [longer])
        second = infer(served, _packed({"inputs": inputs}), **GZIP)
        place = next(index for index, entry in enumerate(inputs) if entry["name"] == name)
        assert second.status == 400
        assert second.json["error"].startswith(f"/inputs/{place}/data/0")


def test_pixels(served: ServedModel) -> None:
    """A picture of a column too many is refused unread, as a file and within a record."""
    contract = served.endpoint.contract
    file = io.BytesIO()
    Image.new("L", (4001, PIXELS // 4000)).save(file, "PNG")
    for media_type, name in contract.raw.items():
        assert contract.limits.pixels == PIXELS
        answer = predict(served, file.getvalue(), **{"Content-Type": media_type})
        assert (answer.status, str(PIXELS) in answer.json["detail"]) == (422, True)
        empty = {field.name: None for field in contract.fields.values()}
        record = {**empty, name: base64.b64encode(file.getvalue()).decode()}
        assert predict(served, {"instances": [record] * 2}).status == 422
    if not contract.raw:
        assert contract.limits.pixels is None


def test_limits_stand_on_the_card(served: ServedModel) -> None:
    """People and programs read them where they read everything about the model."""
    card = served.call("GET", f"/v1/models/{served.endpoint.name}").json
    assert card["limits"] == served.endpoint.contract.limits.document()


@pytest.mark.parametrize("rows", [1, 3])
def test_a_model_may_have_a_limit_of_its_own(rows: int) -> None:
    """`max_rows` of the endpoint is what its contract, and so both dialects, go by."""
    from maas.contract import Contract
    from maas.errors import PayloadTooLarge
    from maas.protocol.request import Request
    from maas.protocol.v1 import V1
    from tests import tiny_model

    contract: Contract[Any, Any] = Contract(
        tiny_model.Reading,
        tiny_model.Estimate,
        tiny_model.features,
        feature_names=tiny_model.FEATURES,
        max_rows=rows,
    )
    bodies = [json.dumps({"instances": [tiny_model.instance()] * n}).encode() for n in (rows, rows + 1)]
    assert len(V1(contract).read(Request("POST", "/", JSON, bodies[0]))["lanes"]) == rows
    with pytest.raises(PayloadTooLarge):
        V1(contract).read(Request("POST", "/", JSON, bodies[1]))
