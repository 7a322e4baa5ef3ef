"""What every model's explanations keep, whatever the model: found by discovery, without code per model."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maas.artifact import Blob
from maas.explain.budget import SECONDS, Budget
from maas.explain.declared import Grid
from maas.explain.explainer import Explainer
from maas.explain.model import Model
from maas.explain.parts import shares
from maas.explain.words import text_field
from maas.runtime import Session
from tests.contract.conftest import ServedModel
from tests.contract.records import as_tensors, example, records
from tests.lambda_events import Answer, Context
from tests.trained_models import FUNCTIONS, endpoints, trained

few = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TABLES = [
    name
    for name, endpoint in endpoints().items()
    if not isinstance(endpoint.explained, Grid) and text_field(endpoint.contract) is None
]


def explain(served: ServedModel, record: dict[str, Any], **parameters: Any) -> Answer:
    body = {"instances": [record], "parameters": parameters}
    return served.call("POST", f"/v1/models/{served.endpoint.name}:explain", body)


def contributions(explanation: dict[str, Any]) -> list[float]:
    """All of them, whatever form the explanation has."""
    if "map" in explanation:
        found: list[float] = np.ravel(explanation["map"]["values"]).tolist()
        return found
    entries = explanation.get("attributions", []) + explanation.get("tokens", [])
    return [one["contribution"] for one in entries]


def explained(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    (one,) = answer.json["explanations"]
    assert isinstance(one, dict)
    return one


def test_the_example_is_explained(served: ServedModel) -> None:
    """A method, a number of the answer, and the form that suits the model; the prediction is `:predict`'s."""
    record = example(served.endpoint.contract)
    answer = explain(served, record)
    found = explained(answer)
    predicted = served.call(
        "POST", f"/v1/models/{served.endpoint.name}:predict", {"instances": [record]}
    ).json["predictions"]
    assert answer.json["predictions"] == predicted
    assert found["target"] in served.endpoint.contract.answers
    if found["scale"] == "answer" and "class" not in found:
        assert found["value"] == pytest.approx(predicted[0][found["target"]], abs=0.06)
    assert contributions(found)
    assert np.isfinite(contributions(found)).all()
    if isinstance(served.endpoint.explained, Grid):
        rows, columns = found["map"]["shape"]
        assert np.shape(found["map"]["values"]) == (rows, columns)
    elif served.endpoint.name in TABLES:
        assert {one["field"] for one in found["attributions"]} == set(served.endpoint.contract.fields)
    else:
        assert "".join(one["token"] for one in found["tokens"])


@few
@given(data=st.data())
def test_contributions_add_up(served: ServedModel, data: st.DataObject) -> None:
    """For any record, sampled or exact, they sum to the answer minus the base; unknown records are 4xx."""
    record = data.draw(records(served.endpoint.contract))
    methods = data.draw(st.sampled_from([{}, {"method": "sampling", "samples": 2}]))
    answer = explain(served, record, **methods)
    assert answer.status in {200, 422}, answer.body
    if answer.status == 200:
        found = explained(answer)
        total = found["value"] - found["base_value"]
        scale = max(abs(found["value"]), abs(found["base_value"]), 1)
        if found["method"] not in {"occlusion", "leave-one-out"}:
            assert sum(contributions(found)) == pytest.approx(total, abs=1e-9 * scale)
        if found["exact"] and "attributions" in found:
            assert not any(one["error"] for one in found["attributions"])


def test_the_surrogate_is_there_for_every_model(served: ServedModel) -> None:
    """LIME, on request, in the model's own form."""
    found = explained(explain(served, example(served.endpoint.contract), method="lime", samples=8))
    assert found["method"] == "lime"
    assert found["fit"] <= 1
    assert np.isfinite(contributions(found)).all()


def test_both_dialects_explain_alike(served: ServedModel) -> None:
    """The same record and number of samples: the same explanation, as JSON in a tensor."""
    record = example(served.endpoint.contract)
    # Pictures and texts have methods that know no samples.
    options = {"samples": 4} if served.endpoint.name in TABLES else {}
    people = explained(explain(served, record, **options))
    parameters = {"explain": True, **{f"explain_{name}": value for name, value in options.items()}}
    body = {"inputs": as_tensors(served.endpoint.contract, [record]), "parameters": parameters}
    answer = served.call("POST", f"/v2/models/{served.endpoint.name}/infer", body)
    assert answer.status == 200, answer.body
    (text,) = next(one["data"] for one in answer.json["outputs"] if one["name"] == "explanation")
    programs = json.loads(text)
    assert contributions(programs) == pytest.approx(contributions(people), abs=1e-6)


def test_the_card_says_what_matters_in_general(served: ServedModel) -> None:
    """Global importance of a table's parts or a text's tokens, for people and for the console."""
    card = served.call("GET", f"/v1/models/{served.endpoint.name}").json
    told = card["explanation"]
    assert told["target"] in served.endpoint.contract.answers
    if isinstance(served.endpoint.explained, Grid):
        assert not told["importance"]
        return
    assert told["importance"]
    assert all(size > 0 for size in told["importance"].values())
    if served.endpoint.name in TABLES:
        fields = {label.partition(" ")[0].partition("[")[0] for label in told["importance"]}
        assert fields <= set(served.endpoint.contract.fields)


@pytest.mark.parametrize("cost", [4e-6, 2e-5])
@pytest.mark.parametrize("name", TABLES)
def test_a_budget_bounds_the_evaluations(name: str, cost: float) -> None:
    """With a clock that counts rows given to the model: one record costs no more than its budget."""
    version, contract = trained(name), endpoints()[name].contract
    stored = dict(zip(version.manifest.blobs[1:], version.blobs, strict=True))

    def read(blob: Blob) -> bytes:
        return stored[blob]

    model = Model.load(contract, version.manifest, Session(version.artifact), read)
    computed, quick = 0, model.quick

    def counted(matrix: Any) -> Any:
        nonlocal computed
        computed += len(matrix)
        return quick(matrix)

    model.quick = counted  # type: ignore[method-assign]
    explainer = Explainer(
        model, make_budget=lambda seconds, samples: Budget(seconds, samples, clock=lambda: computed * cost)
    )
    own = contract.parse([example(contract)])
    players = sum(len(share.parts) for share in shares(contract, own, model.background))
    (account,) = explainer.explain(own)
    # Two pairs of orders are taken to learn what one costs, whatever that is.
    assert computed * cost <= max(SECONDS, 4 * players * cost)
    assert account.evaluations == computed


def test_the_example_event_is_answered(served: ServedModel) -> None:
    """What `sam local invoke` is shown with is explained, by the function itself."""
    name = served.endpoint.name
    event = json.loads((FUNCTIONS / name / "events" / "explain.json").read_text(encoding="utf-8"))
    answer = served.call.handler(event, Context())
    assert answer["statusCode"] == 200, answer["body"]
    assert json.loads(answer["body"])["explanations"]
