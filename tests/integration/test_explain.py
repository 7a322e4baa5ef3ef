"""Explanations over HTTP in both dialects, of versions with and without a background of their own."""

import json
from typing import Any

import boto3
import numpy as np
import pytest

from maas.artifact import Blob
from maas.errors import BrokenArtifact, DigestMismatch
from maas.explain.form import MEDIA_TYPE, Form, Forms
from maas.explain.options import Options
from maas.explain.stored import BACKGROUND_TYPE, Explanation
from maas.manifest import Manifest
from maas.registry import Registry
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.integration.conftest import Serving
from tests.lambda_events import Answer, Caller, Context, rest_event
from tests.tiny_model import FEATURES, INSTANCES, NAME, instance
from tests.tiny_requests import EXPECTED, json_inputs

EXPLAIN, INFER = f"/v1/models/{NAME}:explain", f"/v2/models/{NAME}/infer"
WEIGHTS = np.arange(1.0, len(FEATURES) + 1)
BACKGROUND = [instance(temperature=degrees, lanes=lanes) for degrees, lanes in ((10.0, 2), (20.0, 4))]


def explain(call: Caller, *instances: dict[str, Any], **parameters: Any) -> Answer:
    body = {"instances": list(instances), **({"parameters": parameters} if parameters else {})}
    return call("POST", EXPLAIN, body)


def contributions(explanation: dict[str, Any]) -> dict[str, float]:
    """By field, or by field and part."""
    return {one["field"] + one.get("part", ""): one["contribution"] for one in explanation["attributions"]}


def version(*, linear: bool = False, background: list[dict[str, Any]] | None = None) -> tuple[Manifest, Any]:
    """The tiny model with something to explain it by; the manifest and what `publish` takes after it."""
    data = json.dumps({"instances": BACKGROUND if background is None else background}).encode()
    form = Forms({"volume": Form(WEIGHTS, 0.0, None, "identity")}).to_bytes()
    told = Explanation(
        background=Blob.of(data, BACKGROUND_TYPE),
        form=Blob.of(form, MEDIA_TYPE) if linear else None,
        target="volume",
    )
    manifest, artifact = tiny_model.version(explanation=told)
    return manifest, (artifact, [data, form] if linear else [data])


def served(registry: Registry, manifest: Manifest, rest: Any) -> Caller:
    registry.promote(NAME, registry.publish(manifest, *rest), actor="tests", reason="")
    return Caller(tiny_model.endpoint())


def test_every_instance_is_predicted_and_explained(tiny: Serving) -> None:
    """Predictions as `:predict` gives them, and for each where it comes from, adding up."""
    answer = explain(tiny.call, *INSTANCES)
    assert (answer.status, answer.headers["X-Model-Version"]) == (200, tiny.version)
    assert [one["volume"] for one in answer.json["predictions"]] == pytest.approx(EXPECTED)
    for explanation, value in zip(answer.json["explanations"], EXPECTED, strict=True):
        assert (explanation["target"], explanation["scale"]) == ("volume", "answer")
        assert explanation["value"] == pytest.approx(value, rel=1e-6)
        total = sum(contributions(explanation).values())
        assert total == pytest.approx(explanation["value"] - explanation["base_value"], abs=1e-9)


def test_a_version_without_a_background_is_explained_by_its_golden_samples(tiny: Serving) -> None:
    """Older versions serve on, and their golden samples stand for the data."""
    (explanation,) = explain(tiny.call, INSTANCES[1]).json["explanations"]
    assert explanation["background"] == len(INSTANCES)
    assert explanation["base_value"] == pytest.approx(np.mean(EXPECTED), rel=1e-6)
    found = contributions(explanation)
    assert found["temperature"] == pytest.approx(2 * (-3 - np.mean([11.5, -3, 11.5])), rel=1e-4)
    assert found["weather"] == pytest.approx(4 * (1 - 1 / 3), rel=1e-4)
    assert found["note"] == found["speeds[0]"] == 0


@pytest.mark.parametrize("linear", [False, True])
def test_a_stored_background_is_what_is_left_out(registry: Registry, *, linear: bool) -> None:
    """The base is the background's mean answer; coefficients and coalitions find the same."""
    call = served(registry, *version(linear=linear))
    (explanation,) = explain(call, instance(temperature=-5.0, lanes=6)).json["explanations"]
    assert explanation["method"] == ("linear" if linear else "coalitions")
    assert (explanation["exact"], explanation["background"]) == (True, 2)
    found = contributions(explanation)
    assert found["temperature"] == pytest.approx(2 * (-5 - 15), rel=1e-5)
    assert found["lanes"] == pytest.approx(5 * (6 - 3), rel=1e-5)
    others = {name: value for name, value in found.items() if name not in {"temperature", "lanes"}}
    assert not any(others.values())
    assert [one["field"] for one in explanation["attributions"]][:2] == ["temperature", "lanes"]


def test_a_named_version_is_explained(registry: Registry) -> None:
    """With its own coefficients, whatever is in production."""
    call = served(registry, *version())
    other, artifact = tiny_model.version([10.0] * len(FEATURES))
    registry.publish(other, artifact)
    answer = call("POST", f"/v1/models/{NAME}/versions/{other.version}:explain", {"instances": INSTANCES[:1]})
    assert answer.headers["X-Model-Version"] == other.version
    assert answer.json["explanations"][0]["value"] == pytest.approx(
        answer.json["predictions"][0]["volume"], abs=1e-3
    )
    assert explain(call, INSTANCES[0]).json["predictions"] != answer.json["predictions"]


def test_methods_are_chosen_by_the_caller(tiny: Serving) -> None:
    """Sampling with a number of samples gives the same figures each time; LIME says how well it fits."""
    one, two = (explain(tiny.call, INSTANCES[0], method="sampling", samples=2).json for _ in range(2))
    assert one["explanations"] == two["explanations"]
    (local,) = explain(tiny.call, INSTANCES[0], method="lime", samples=64).json["explanations"]
    assert (local["method"], local["exact"]) == ("lime", False)
    assert 0 <= local["fit"] <= 1


@pytest.mark.parametrize(
    ("authorizer", "status"),
    [
        ({"principalId": "ann", "scopes": "read predict"}, 403),
        ({"principalId": "ann", "scopes": ""}, 403),
        ({"principalId": "ann", "scopes": "predict explain"}, 200),
        ({}, 200),  # signed: IAM judged by the route, which is the same for both
        (None, 200),
    ],
    ids=str,
)
def test_a_token_needs_the_scope_for_explanations_in_either_dialect(
    tiny: Serving, authorizer: dict[str, str] | None, status: int
) -> None:
    """The gateway sees V2's route only, so the function asks; predictions are answered all the same."""

    def ask(parameters: dict[str, Any], path: str = INFER) -> tuple[int, Any]:
        event = rest_event("POST", path, json.dumps({"inputs": json_inputs(), "parameters": parameters}))
        event["requestContext"]["authorizer"] = authorizer
        answer = tiny.call.handler(event, Context())
        return answer["statusCode"], json.loads(answer["body"])

    for path in (INFER, INFER.replace("/infer", f"/versions/{tiny.version}/infer")):
        found, document = ask({"explain": True}, path)
        assert found == status
        assert ("maas/explain" in document["error"]) if status == 403 else ("outputs" in document)
    assert ask({"explain": False})[0] == ask({})[0] == 200


def test_explanations_come_through_the_open_inference_protocol(tiny: Serving) -> None:
    """`parameters.explain` adds one text per row, in JSON and as bytes, with the other outputs or alone."""
    asked: dict[str, Any] = {"inputs": json_inputs(), "parameters": {"explain": True}}
    outputs = {one["name"]: one for one in tiny.call("POST", INFER, asked).json["outputs"]}
    assert outputs["explanation"]["datatype"] == "BYTES"
    assert outputs["explanation"]["shape"] == [3]
    expected = explain(tiny.call, *INSTANCES).json["explanations"]
    found = [json.loads(text) for text in outputs["explanation"]["data"]]
    assert [contributions(one) for one in found] == [
        pytest.approx(contributions(one), abs=1e-9) for one in expected
    ]
    alone = {**asked, "outputs": [{"name": "explanation"}]}
    assert [one["name"] for one in tiny.call("POST", INFER, alone).json["outputs"]] == ["explanation"]
    some = {**asked, "outputs": [{"name": "volume"}]}
    assert [one["name"] for one in tiny.call("POST", INFER, some).json["outputs"]] == [
        "explanation",
        "volume",
    ]
    plain = {"inputs": json_inputs(), "parameters": {"explain": False}}
    assert [one["name"] for one in tiny.call("POST", INFER, plain).json["outputs"]] == ["volume"]


def test_tritons_client_reads_explanations(tiny: Serving) -> None:
    """Asked for and decoded by Triton's own client, in binary: one JSON text per row."""
    from tritonclient.http import InferenceServerClient, InferInput, InferResult

    inputs = []
    for entry in json_inputs():
        inputs.append(InferInput(entry["name"], entry["shape"], entry["datatype"]))
        dtype = {"BYTES": object, "BOOL": bool, "INT64": np.int64, "FP64": np.float64}[entry["datatype"]]
        values = [np.nan if value is None else value for value in np.ravel(entry["data"]).tolist()]
        inputs[-1].set_data_from_numpy(np.array(values, dtype).reshape(entry["shape"]))
    body, sent = InferenceServerClient.generate_request_body(
        inputs, parameters={"explain": True, "explain_method": "lime"}
    )
    answer = tiny.call("POST", INFER, body, {"Inference-Header-Content-Length": str(sent)})
    assert answer.status == 200, answer.body
    length = int(answer.headers["Inference-Header-Content-Length"])
    result = InferResult.from_response_body(answer.body, header_length=length)
    texts = result.as_numpy("explanation")
    assert [json.loads(text)["method"] for text in texts] == ["lime"] * 3
    assert result.as_numpy("volume") == pytest.approx(EXPECTED)


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"method": "magic"}, "/parameters/method"),
        ({"method": "occlusion"}, "/parameters/method"),
        ({"target": "nothing"}, "/parameters/target"),
        ({"class": 1}, "/parameters/class"),
        ({"samples": 100_000}, "/parameters/samples"),
        ({"colour": "red"}, "/parameters/colour"),
    ],
)
def test_parameters_are_refused_in_both_dialects(
    tiny: Serving, parameters: dict[str, Any], place: str
) -> None:
    """400 with the parameter's place, never a guess at what was meant."""
    answer = explain(tiny.call, INSTANCES[0], **parameters)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, place)
    prefixed = {"explain": True, **{f"explain_{name}": value for name, value in parameters.items()}}
    answer = tiny.call("POST", INFER, {"inputs": json_inputs(), "parameters": prefixed})
    assert (answer.status, list(answer.json)) == (400, ["error"])


@pytest.mark.parametrize("wanted", [1, "true", None, [True]])
def test_explain_is_true_or_false(tiny: Serving, wanted: Any) -> None:
    """Nothing else counts as either."""
    answer = tiny.call("POST", INFER, {"inputs": json_inputs(), "parameters": {"explain": wanted}})
    assert answer.status == 400


def test_as_many_as_can_be_explained_at_once(tiny: Serving) -> None:
    """32 records are, 33 are refused with 413, in both dialects."""
    assert len(explain(tiny.call, *[INSTANCES[0]] * 32, samples=2).json["explanations"]) == 32


def test_samples_that_take_too_long_are_refused(tiny: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow model cannot give them in time, whatever the machine: the caller is told to ask for fewer."""
    monkeypatch.setattr("maas.explain.service.LONGEST", 0.0)
    for method, samples in (("sampling", 4), ("lime", 16)):
        answer = explain(tiny.call, INSTANCES[0], method=method, samples=samples)
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (413, "/parameters/samples")
    assert explain(tiny.call, INSTANCES[0], method="sampling").status == 200


@pytest.mark.parametrize(("records", "samples"), [(32, 17), (2, 257), (3, 512)])
def test_samples_of_all_records_together_are_limited(tiny: Serving, records: int, samples: int) -> None:
    """They count whatever they cost: without a limit nobody would get the answer in time."""
    answer = explain(tiny.call, *[INSTANCES[0]] * records, samples=samples)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (413, "/parameters/samples")
    fitting = 512 // records
    assert f"ask for {fitting} at most" in answer.json["detail"]
    assert Options(samples=fitting).limit(records) is None  # type: ignore[func-returns-value]
    if records == 3:
        asked = {"inputs": json_inputs(), "parameters": {"explain": True, "explain_samples": samples}}
        refused = tiny.call("POST", INFER, asked)
        assert refused.status == 413
        assert refused.json["error"].startswith("/parameters/explain_samples")
    assert explain(tiny.call, *[INSTANCES[0]] * 33).status == 413
    inputs = [
        {**entry, "shape": [33, *entry["shape"][1:]], "data": (entry["data"] * 11)} for entry in json_inputs()
    ]
    answer = tiny.call("POST", INFER, {"inputs": inputs, "parameters": {"explain": True}})
    assert answer.status == 413
    assert tiny.call("POST", INFER, {"inputs": inputs}).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        ({"instances": []}, 400),
        ({"instances": [instance()], "colour": 1}, 400),
        ({"instances": [instance()], "parameters": [1]}, 400),
        ({"instances": [instance(lanes=99)]}, 422),
        ({"instances": [{}]}, 422),
    ],
)
def test_bad_requests_are_refused_as_by_predict(tiny: Serving, body: Any, status: int) -> None:
    """The same errors at the same places; other methods are a 405."""
    answer = tiny.call("POST", EXPLAIN, body, {"Content-Type": "application/json"})
    assert answer.status == status
    assert answer.json["errors"]
    assert tiny.call("GET", EXPLAIN).status == 405


def test_a_damaged_background_stops_explanations_only(registry: Registry) -> None:
    """Predictions go on, the caller of `:explain` learns that it is our fault and no more."""
    manifest, rest = version(background=[instance(lanes=7)])
    call = served(registry, manifest, rest)
    blob = manifest.blobs[1]
    boto3.client("s3").put_object(Bucket=MODELS_BUCKET, Key=blob.key, Body=b"x" * blob.size)
    assert call("POST", f"/v1/models/{NAME}:predict", {"instances": INSTANCES}).status == 200
    answer = explain(call, INSTANCES[0])
    assert (answer.status, answer.json["type"]) == (500, "urn:maas:error:digest-mismatch")
    assert blob.digest not in answer.body.decode()


def test_a_background_of_another_contract_is_found_out(registry: Registry) -> None:
    """Bytes that are what the manifest says, and yet no records of this model."""
    call = served(registry, *version(background=[{"colour": "red"}]))
    assert explain(call, INSTANCES[0]).json["type"] == "urn:maas:error:broken-artifact"


def test_all_blobs_belong_to_a_version(registry: Registry) -> None:
    """Publishing wants every one of them, whole; promoting finds out that one is missing."""
    manifest, (artifact, more) = version(linear=True, background=[instance(lanes=8)])
    before = set(registry.store.list("blobs/"))
    for wrong in ([], more[:1], more[::-1], [*more, b"another"]):
        with pytest.raises(DigestMismatch):
            registry.publish(manifest, artifact, wrong)
    assert set(registry.store.list("blobs/")) == before
    registry.publish(manifest, artifact, more)
    boto3.client("s3").delete_object(Bucket=MODELS_BUCKET, Key=manifest.blobs[2].key)
    with pytest.raises(BrokenArtifact):
        registry.promote(NAME, manifest.version, actor="tests", reason="")


def test_fewer_digits_where_answers_have_fewer(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered with three digits is not explained with sixteen."""
    monkeypatch.setenv("MAAS_ROUND_DIGITS", "3")
    call = served(registry, *version())
    answer = explain(call, instance(temperature=-4.25)).json
    (explanation,) = answer["explanations"]
    assert explanation["value"] == answer["predictions"][0]["volume"]
    assert set(contributions(explanation).values()) <= {0.0, -38.5}
    temperature = next(one for one in explanation["attributions"] if one["field"] == "temperature")
    assert temperature["value"] == -4.25


def test_an_event_of_sam_local_invoke_is_answered(tiny: Serving) -> None:
    """The example event's form: a proxy event with the body as it is."""
    event = rest_event("POST", EXPLAIN, json.dumps({"instances": INSTANCES[:1]}), {}, binary=False)
    found = json.loads(tiny.call.handler(event, Context())["body"])
    assert len(found["explanations"]) == 1
