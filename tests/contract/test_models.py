"""What every model's function keeps, checked from its contract alone: a new model adds no test code."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maas.endpoint import Endpoint
from maas.protocol.tensor import DATATYPES
from models.catalogue import discover, find
from models.recipe import Recipe
from tests.contract.conftest import ServedModel, endpoints
from tests.contract.records import (
    ANYTHING,
    accepted,
    as_binary,
    as_tensors,
    bounds,
    choices,
    example,
    examples_of,
    filled,
    records,
)
from tests.lambda_events import Context

JSON = {"Content-Type": "application/json"}
shared_fixture = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
few = settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=shared_fixture)
many = settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=shared_fixture)


def predict(served: ServedModel, record: Mapping[str, Any], *more: Mapping[str, Any]) -> Any:
    body = json.dumps({"instances": [record, *more]})
    return served.call("POST", f"/v1/models/{served.endpoint.name}:predict", body, JSON)


def infer(served: ServedModel, inputs: list[dict[str, Any]]) -> Any:
    return served.call(
        "POST", f"/v2/models/{served.endpoint.name}/infer", json.dumps({"inputs": inputs}), JSON
    )


def test_every_model_has_a_function_and_every_function_a_recipe() -> None:
    """The folders of models/ and of functions/ that hold a model are the same."""
    assert sorted(endpoints()) == sorted(discover())


def test_name_is_the_folder(folder: str, endpoint: Endpoint[Any, Any]) -> None:
    """One name everywhere, and the recipe trains exactly this endpoint."""
    recipe = find(folder)
    assert isinstance(recipe, Recipe)
    assert endpoint.name == folder == recipe.model
    assert recipe.endpoint is endpoint


def test_fields_explain_themselves(endpoint: Endpoint[Any, Any]) -> None:
    """Each field has a description, each number a unit; both end up in the card."""
    for field in (*endpoint.contract.fields.values(), *endpoint.contract.answers.values()):
        assert field.info.description, field.name
        if field.kind in {"float", "int"}:
            assert field.unit, f"{field.name} has no unit"


def test_examples_make_a_matrix(endpoint: Endpoint[Any, Any]) -> None:
    """The contract's own example is permitted, and becomes one row with a column per feature."""
    contract = endpoint.contract
    matrix = contract.matrix(contract.parse([example(contract)]))
    assert matrix.shape == (1, len(contract.feature_names))


def test_every_example_and_default_is_permitted(endpoint: Endpoint[Any, Any]) -> None:
    """Documentation that would be refused helps nobody; pydantic itself does not check defaults."""
    contract = endpoint.contract
    good = example(contract)
    tried = [
        {**good, field.name: value} for field in contract.fields.values() for value in examples_of(field)
    ]
    assert len(contract.parse(tried))
    schema = contract.record.model_json_schema()
    assert schema["additionalProperties"] is False


@few
@given(data=st.data())
def test_features_are_pure_and_by_row(endpoint: Endpoint[Any, Any], data: st.DataObject) -> None:
    """A row's features depend on that row alone, twice the same, and leave the columns as they were."""
    contract = endpoint.contract
    instances = data.draw(st.lists(records(contract), min_size=1, max_size=4))
    columns = contract.parse(instances)
    for column in columns.values():
        column.setflags(write=False)
    batch = contract.matrix(columns)
    np.testing.assert_array_equal(batch, contract.matrix(columns))
    np.testing.assert_array_equal(
        batch, np.vstack([contract.matrix(contract.parse([one])) for one in instances])
    )


def test_bounds_hold_in_both_dialects(served: ServedModel) -> None:
    """At a bound a number is answered, beyond it refused at its place."""
    contract = served.endpoint.contract
    good = example(contract)
    for field in contract.fields.values():
        for inside, outside in bounds(field):
            for value, v1, v2 in ((inside, 200, 200), (outside, 422, 400)):
                record = {**good, field.name: filled(field, value)}
                answers = predict(served, record), infer(served, as_tensors(contract, [record]))
                assert [answer.status for answer in answers] == [v1, v2], (field.name, value)
                if v1 != 200:
                    pointer = answers[0].json["errors"][0]["pointer"]
                    assert pointer.startswith(f"/instances/0/{field.name}")


def test_choices_hold_in_both_dialects(served: ServedModel) -> None:
    """A text that is not among the choices is refused, each choice is answered."""
    contract = served.endpoint.contract
    good = example(contract)
    for field in contract.fields.values():
        made = [{**good, field.name: filled(field, choice)} for choice in choices(field)]
        if made:
            assert predict(served, *made).status == infer(served, as_tensors(contract, made)).status == 200
            wrong = {**good, field.name: filled(field, "no such choice")}
            assert predict(served, wrong).status == 422
            assert infer(served, as_tensors(contract, [wrong])).status == 400


def test_unknown_and_missing_fields_are_refused(served: ServedModel) -> None:
    """A field too many or a required one too few is named."""
    contract = served.endpoint.contract
    good = example(contract)
    answer = predict(served, good, {**good, "colour": "red"})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/instances/1/colour")
    inputs = as_tensors(contract, [good])
    assert infer(served, [*inputs, {**inputs[0], "name": "colour"}]).status == 400
    for name in (field.name for field in contract.fields.values() if field.required):
        answer = predict(served, {key: good[key] for key in good if key != name})
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/instances/0/{name}")
        assert infer(served, [entry for entry in inputs if entry["name"] != name]).status == 400


@few
@given(data=st.data())
def test_dialects_agree(served: ServedModel, data: st.DataObject) -> None:
    """The same records give the same numbers as records, tensors, bytes and by direct invocation."""
    contract = served.endpoint.contract
    instances = data.draw(st.lists(records(contract), min_size=1, max_size=3))
    texts = [field.name for field in contract.fields.values() if field.kind == "text" and field.optional]
    for name in texts:
        # A text that only some records have has no form in bytes.
        if any(instance[name] is None for instance in instances):
            instances = [{**instance, name: None} for instance in instances]
    # Without its text a record may lack what it needs.
    instances = [instance for instance in instances if accepted(contract, instance)] or [example(contract)]
    people = predict(served, *instances)
    assert people.status == 200, people.body
    predictions = people.json["predictions"]
    assert len(predictions) == len(instances)
    direct = served.call.handler({"instances": instances}, Context())
    assert direct["predictions"] == predictions
    assert direct["model_version"] == people.headers["X-Model-Version"] == served.manifest.version
    inputs = as_tensors(contract, instances)
    programs = infer(served, inputs)
    assert programs.status == 200, programs.body
    path = f"/v2/models/{served.endpoint.name}/infer"
    binary = served.call("POST", path, *as_binary(inputs))
    length = int(binary.headers["Inference-Header-Content-Length"])
    rest = binary.body[length:]
    for output, packed in zip(
        programs.json["outputs"], json.loads(binary.body[:length])["outputs"], strict=True
    ):
        expected = [prediction[output["name"]] for prediction in predictions]
        assert np.array(output["data"]).reshape(output["shape"]).tolist() == expected
        size = packed["parameters"]["binary_data_size"]
        if packed["datatype"] == "FP64":
            assert np.frombuffer(rest[:size], "<f8").tolist() == output["data"]
        rest = rest[size:]
    assert rest == b""


def test_raw_bodies_are_records(served: ServedModel) -> None:
    """A body that the model takes raw answers like the record that holds it; an empty or wrong one is 4xx."""
    contract = served.endpoint.contract
    path = f"/v1/models/{served.endpoint.name}:predict"
    for media_type, name in contract.raw.items():
        (text, *_) = (one for one in examples_of(contract.fields[name]) if one is not None)
        empty = {field.name: None for field in contract.fields.values()}
        answer = served.call("POST", path, base64.b64decode(text), {"Content-Type": media_type})
        assert answer.status == 200, answer.body
        assert answer.json == predict(served, {**empty, name: text}).json
        for body, status in ((b"", 400), (b"no such thing", 422)):
            assert served.call("POST", path, body, {"Content-Type": media_type}).status == status


@many
@given(data=st.data())
def test_garbage_in_a_record_is_never_our_fault(served: ServedModel, data: st.DataObject) -> None:
    """Anything in any field is answered or refused by place, never with a 5xx."""
    contract = served.endpoint.contract
    name = data.draw(st.sampled_from(list(contract.fields)))
    answer = predict(served, {**data.draw(records(contract)), name: data.draw(ANYTHING)})
    assert answer.status in {200, 400, 422}, answer.body
    if answer.status == 422:
        assert answer.json["errors"][0]["pointer"].startswith("/instances/0")


@many
@given(data=st.data())
def test_garbage_in_a_tensor_is_never_our_fault(served: ServedModel, data: st.DataObject) -> None:
    """Anything in any part of any input is answered or refused in a sentence, never with a 5xx."""
    contract = served.endpoint.contract
    inputs = as_tensors(contract, [data.draw(records(contract))])
    entry = data.draw(st.sampled_from(inputs))
    part = data.draw(st.sampled_from(["name", "datatype", "shape", "data", "parameters"]))
    if part == "datatype":
        entry["datatype"] = data.draw(st.sampled_from(DATATYPES))
        entry["data"] = data.draw(st.lists(ANYTHING, min_size=1, max_size=2))
    else:
        entry[part] = data.draw(ANYTHING)
    answer = infer(served, inputs)
    assert answer.status in {200, 400, 413}, answer.body
    if answer.status != 200:
        assert list(answer.json) == ["error"]


def test_card_and_metadata_come_from_the_manifest(served: ServedModel) -> None:
    """What training found is what callers read."""
    name = served.endpoint.name
    card = served.call("GET", f"/v1/models/{name}").json
    assert card["metrics"] == pytest.approx(dict(served.manifest.metrics))
    assert card["feature_names"] == list(served.endpoint.contract.feature_names)
    metadata = served.call("GET", f"/v2/models/{name}").json
    assert [spec["name"] for spec in metadata["inputs"]] == list(served.endpoint.contract.fields)
    assert [spec["name"] for spec in metadata["outputs"]] == list(served.endpoint.contract.answers)


def test_manifest_is_complete(served: ServedModel) -> None:
    """A version proves its export, holds golden samples and the baselines that drift is measured against."""
    manifest = served.manifest
    assert manifest.parity.rows > 0
    assert manifest.parity.max_abs_difference <= manifest.parity.tolerance
    assert manifest.golden.instances
    assert set(served.endpoint.contract.feature_names) <= set(manifest.distributions)
    assert set(manifest.baseline.metrics) == set(manifest.metrics)
