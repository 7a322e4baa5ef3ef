"""The gate: each check lets a good version pass and stops a bad one, with the figures that decided."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import numpy as np
import pytest
from pydantic import ValidationError

from maas.artifact import digest_of
from maas.contract import Columns
from maas.judgement import Check, Gate
from maas.manifest import Baseline, DataSource, Manifest
from maas.metrics import root_mean_squared_error
from maas.pointer import Pointer
from maas.rollout.admission import admit
from maas.runtime import Session
from models import gate as gates
from models.baseline import Mean
from models.budget import Budget
from models.evaluation import Evaluation, answers
from models.gate import judge
from models.incumbent import Incumbent
from models.recipe import Recipe
from models.report import report
from models.source import Source
from models.table import Table
from models.validation import Grouped
from tests.tiny_model import FEATURES, endpoint, golden, graph, version

TRUE = [float(i + 1) for i in range(len(FEATURES))]
CONTRACT = endpoint().contract


def bent(by: float) -> list[float]:
    """Weights that are off by a share."""
    return [weight * (1 + by) for weight in TRUE]


def records(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Records of all weathers, an hour apart."""
    source = np.random.default_rng(seed)
    return [
        {
            "timestamp": str(np.datetime64("2026-01-01T00:00:00") + np.timedelta64(hour, "h")),
            "temperature": round(float(source.normal(10, 8)), 3),
            "lanes": int(source.integers(1, 6)),
            "speeds": [round(float(speed), 3) for speed in source.uniform(20, 120, 2)],
            "weather": ["Clear", "Rain"][hour % 2],
        }
        for hour in range(n)
    ]


def table(rows: list[dict[str, Any]], *, noise: float = 1.0, **changes: Any) -> Table:
    """The records with what the true weights make of them, and some noise."""
    columns = CONTRACT.parse(rows)
    truth = answers(CONTRACT, Session(graph(TRUE)), columns)["volume"]
    body = json.dumps(rows).encode()
    fields: dict[str, Any] = {
        "name": "hours",
        "source": "s3://elsewhere/hours.json",
        "digest": digest_of(body),
        "rows": len(rows),
        "simulated": True,
    }
    target = truth + np.random.default_rng(1).normal(0, noise, len(rows))
    data = DataSource(**(fields | changes))
    return Table(columns=columns, target=np.round(target, 6), data=data, times=columns["timestamp"])


def metrics(truth: Any, predicted: Columns) -> dict[str, float]:
    return {"rmse": root_mean_squared_error(truth, predicted["volume"])}


RECIPE = Recipe(
    endpoint=endpoint(),
    title="Tiny",
    summary="A linear model.",
    load=lambda source: table(json.loads(source.data), digest=source.digest),
    sample=lambda seed: table(records(200, seed)),
    candidates=(),
    splitter=Grouped(),
    baseline=Mean("volume"),
    metrics=metrics,
    score="rmse",
    parity_tolerance=1e-3,
    slices={"weather": lambda columns: columns["weather"]},
)
HELD_OUT = table(records(200))


def judged(
    weights: list[float],
    incumbent: Incumbent | None = None,
    *,
    recipe: Recipe = RECIPE,
    held_out: Table = HELD_OUT,
    **changes: Any,
) -> Gate:
    """What the gate says of a version with these weights."""
    manifest, artifact = version(weights, **changes)
    return judge(recipe, manifest, artifact, evaluation(weights, recipe, held_out), incumbent)


def evaluation(weights: list[float], recipe: Recipe = RECIPE, held_out: Table = HELD_OUT) -> Evaluation:
    predicted = answers(recipe.endpoint.contract, Session(graph(weights)), held_out.columns)
    naive = recipe.baseline.predict(held_out, held_out)
    return Evaluation(
        table=held_out,
        predicted=predicted,
        naive=naive,
        metrics=metrics(held_out.target, predicted),
        baseline=metrics(held_out.target, naive),
    )


def production(weights: list[float], **changes: Any) -> Incumbent:
    """A version in production with these weights, made from data of its own."""
    fields = {"metrics": {"rmse": 1.0}, "data": table(records(200, 7), source="gone").data}
    return Incumbent(*version(weights, **(fields | changes)))


def check(gate: Gate, name: str) -> Check:
    [found] = [one for one in gate.checks if one.name == name]
    return found


def test_a_good_first_version_passes_every_check() -> None:
    """Without anything in production there is the baseline, the export, the budget and the slices."""
    gate = judged(TRUE)
    assert (gate.decision, gate.production, gate.reason) == ("pass", None, "")
    assert [one.name for one in gate.checks] == [
        "rmse against the baseline",
        "rmse against production",
        "export against the fitted model",
        "golden samples",
        "megabytes of the artifact",
        "milliseconds for one row",
        "rmse where weather is Clear, against the baseline",
        "rmse where weather is Rain, against the baseline",
    ]


def test_what_does_not_beat_the_baseline_is_refused() -> None:
    """As good as the naive method is not good enough."""
    gate = judged(bent(3.0))
    assert gate.decision == "refuse"
    found = check(gate, "rmse against the baseline")
    assert found.value is not None
    assert found.limit is not None
    assert found.value > found.limit
    assert "rmse against the baseline" in gate.reason


@pytest.mark.parametrize(
    ("ours", "theirs", "decision"),
    [(0.0, 0.0, "pass"), (0.0, 0.1, "pass"), (0.1, 0.0, "refuse"), (0.05, 0.0501, "pass")],
)
def test_production_is_judged_on_the_same_rows(ours: float, theirs: float, decision: str) -> None:
    """A better version passes, a worse one does not, whatever production's own figures once were."""
    incumbent = production(bent(theirs))
    gate = judged(bent(ours), incumbent)
    assert gate.production == incumbent.manifest.digest
    found = check(gate, "rmse against production")
    assert found.passed == (decision == "pass")
    reached = metrics(HELD_OUT.target, incumbent.predict(RECIPE, HELD_OUT.columns))["rmse"]
    assert found.limit == pytest.approx(1.02 * reached)


def test_the_tolerance_is_the_recipes() -> None:
    """The same two versions, and a recipe that allows more."""
    patient = replace(RECIPE, budget=Budget(worse=20.0, slice_worse=20.0))
    assert judged(bent(0.01), production(TRUE)).decision == "refuse"
    assert judged(bent(0.01), production(TRUE), recipe=patient).decision == "pass"


def test_points_of_a_score_and_shares_of_an_error() -> None:
    """Where greater is better the tolerance is in points and below, else a share and above."""
    budget = Budget()
    assert budget.loosened(0.9, greater_is_better=True) == pytest.approx(0.895)
    assert budget.loosened(10.0, greater_is_better=False) == pytest.approx(10.2)
    assert budget.loosened(10.0, greater_is_better=False, part=True) == pytest.approx(12.0)


def test_the_same_data_are_compared_by_recorded_figures() -> None:
    """Production was fitted on these very rows in the end: only its own held-out figures say something."""
    learnt = production(TRUE, data=HELD_OUT.data, metrics={"rmse": 2.0})
    gate = judged(bent(0.005), learnt)
    found = check(gate, "rmse against production")
    assert found.limit == pytest.approx(2.04)
    assert "made from the same data" in found.note


def test_rows_that_production_has_learnt_do_not_count(aws: None) -> None:
    """Its training data are read again: what they hold is left out, and it is judged by the rest."""
    del aws
    old = records(120)
    boto3.client("s3").create_bucket(Bucket="data")
    stored = json.dumps(old).encode()
    boto3.client("s3").put_object(Bucket="data", Key="training/tiny/old.json", Body=stored)
    held_out = table(records(200))
    # As if it had learnt the first 120 by heart: there it errs by nothing, and we by the noise.
    perfect = answers(CONTRACT, Session(graph(bent(0.2))), held_out.columns)["volume"]
    target = np.where(np.arange(200) < 120, perfect, held_out.target)
    held_out = replace(held_out, target=target)
    data = DataSource(
        name="old.json",
        source="s3://data/training/tiny/old.json",
        digest=digest_of(stored),
        rows=120,
        simulated=True,
    )
    learnt = production(bent(0.2), data=data)

    def load(source: Source) -> Table:
        found = table(json.loads(source.data), digest=source.digest)
        return replace(found, target=target[:120])

    gate = judged(TRUE, learnt, recipe=replace(RECIPE, load=load), held_out=held_out)
    found = check(gate, "rmse against production")
    assert found.passed, found
    assert "80 rows" in found.note
    moved = production(bent(0.2), data=data.model_copy(update={"digest": "0" * 64}))
    gate = judged(TRUE, moved, recipe=replace(RECIPE, load=load), held_out=replace(held_out, times=None))
    found = check(gate, "rmse against production")
    assert not found.passed
    assert "which favours it" in found.note


def test_rows_later_than_its_data_are_new_to_production() -> None:
    """Without the data themselves their period tells."""
    period = "2026-01-01T00:00:00/2026-01-05T23:00:00"
    earlier = production(bent(0.1), data=table(records(9, 3), source="gone", period=period).data)
    found = check(judged(TRUE, earlier), "rmse against production")
    assert f"{200 - 120} rows: rows later" in found.note
    late = "2026-01-01T00:00:00/2026-01-09T00:00:00"
    nearly = production(
        bent(0.1), metrics={"rmse": 50.0}, data=table(records(9, 3), source="gone", period=late).data
    )
    found = check(judged(TRUE, nearly), "rmse against production")
    assert found.limit == pytest.approx(51.0)  # too few new rows: its own figures


def test_another_contract_is_not_compared() -> None:
    """A version that answers another question is no measure; the note says so."""
    other = production(TRUE)
    manifest = Manifest(**{**_fields(other.manifest), "feature_names": ("only",)})
    gate = judged(TRUE, Incumbent(manifest, other.artifact))
    found = check(gate, "rmse against production")
    assert found.passed
    assert found.value is None
    assert "another contract" in found.note
    assert gate.production == manifest.digest


def test_golden_samples_that_are_not_reproduced_are_refused() -> None:
    """What the function would refuse to serve never gets that far."""
    gate = judged(TRUE, golden=golden(graph(bent(1.0))))
    assert [one.name for one in gate.objections] == ["golden samples"]
    assert "volume" in gate.reason


@pytest.mark.parametrize(
    ("budget", "objection"),
    [
        (Budget(megabytes=1e-5), "megabytes of the artifact"),
        (Budget(milliseconds=0.0), "milliseconds for one row"),
    ],
)
def test_budgets_hold(budget: Budget, objection: str) -> None:
    """A version that is too large or too slow is refused, however good it is."""
    gate = judged(TRUE, recipe=replace(RECIPE, budget=budget))
    assert [one.name for one in gate.objections] == [objection]


def test_a_version_that_is_much_slower_than_production_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratio counts where anybody would notice; below a millisecond nobody does."""
    eager = replace(RECIPE, budget=Budget(slower=0.0))
    assert judged(TRUE, production(TRUE), recipe=eager).decision == "pass"
    monkeypatch.setattr(gates, "UNNOTICED_MILLISECONDS", 0.0)
    gate = judged(TRUE, production(TRUE), recipe=eager)
    assert [one.name for one in gate.objections] == ["time for one row over production's"]


def wrong_in_rain(by: float) -> list[float]:
    """Weights that are off by `by` where it rains, and nowhere else."""
    return [weight + by * (name == "wet") for name, weight in zip(FEATURES, TRUE, strict=True)]


def test_a_slice_that_collapses_is_refused() -> None:
    """Better than the naive method on the whole is not enough where part of the rows are lost."""
    gate = judged(wrong_in_rain(400.0))
    assert [one.name for one in gate.objections] == ["rmse where weather is Rain, against the baseline"]


def test_a_slice_that_production_is_good_at_is_held() -> None:
    """On rows new to production both are compared slice by slice."""
    easy = replace(RECIPE, budget=Budget(worse=1e9))
    gate = judged(wrong_in_rain(10.0), production(TRUE), recipe=easy)
    assert [one.name for one in gate.objections] == ["rmse where weather is Rain, against production"]


def test_a_slice_is_held_to_what_production_once_reached() -> None:
    """Made from the same data, it is compared with the slice as the gate saw it then."""
    first = judged(TRUE)
    before = production(TRUE, data=HELD_OUT.data, metrics={"rmse": 1000.0}, gate=first)
    gate = judged(bent(0.2), before)
    assert {one.name for one in gate.objections} == {
        "rmse where weather is Clear, against production",
        "rmse where weather is Rain, against production",
    }


def test_small_slices_decide_nothing() -> None:
    """Fewer rows than the recipe asks for are not looked at."""
    picky = replace(RECIPE, budget=Budget(least_rows=101))
    assert not [one for one in judged(TRUE, recipe=picky).checks if "weather" in one.name]


def test_a_score_that_a_slice_does_not_have_decides_nothing() -> None:
    """Where one class only is left, some scores say nothing."""

    def some(truth: Any, predicted: Columns) -> dict[str, float]:
        return metrics(truth, predicted) if len(truth) > 150 else {}

    gate = judged(TRUE, recipe=replace(RECIPE, metrics=some))
    assert all("not defined" in one.note for one in gate.checks if "weather" in one.name)
    assert gate.decision == "pass"


def test_a_decision_follows_from_its_checks() -> None:
    """Nobody can write a manifest that passed with a check that did not."""
    failed = Check(name="a check", value=2.0, limit=1.0, passed=False)
    assert Gate.of((failed,), None).reason == "a check: 2, allowed is at most 1"
    with pytest.raises(ValidationError):
        Gate(decision="pass", checks=(failed,))


@pytest.mark.parametrize("beside", ["nothing", "another one", "another contract"])
def test_what_passes_is_admitted(beside: str) -> None:
    """Who releases makes every check again: what the gate writes stands up to that."""
    found = evaluation(TRUE)
    fields = {"metrics": found.metrics, "baseline": Baseline(name="mean", metrics=dict(found.baseline))}
    changes = {"feature_names": ("another",)} if beside == "another contract" else {}
    incumbent = None if beside == "nothing" else production(TRUE, **changes)
    gate = judge(RECIPE, *version(TRUE, **fields), found, incumbent)
    assert gate.decision == "pass", gate.reason
    pointer = incumbent and Pointer(
        model=RECIPE.model,
        seq=1,
        action="promote",
        stable=incumbent.manifest.digest,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        actor="test",
        reason="",
        nonce="0" * 32,
    )
    admit(version(TRUE, gate=gate, **fields)[0], pointer, lambda *_: cast("Incumbent", incumbent).manifest)


def test_manifests_without_a_decision_keep_their_digests() -> None:
    """Versions from before the gate are the versions they were."""
    manifest, _ = version(TRUE)
    assert b'"gate"' not in manifest.to_json()
    assert Manifest.from_json(manifest.to_json()).digest == manifest.digest


@pytest.mark.parametrize("good", [True, False])
def test_people_can_read_the_decision(*, good: bool) -> None:
    """The report names the decision, every check with its figures, and the data."""
    gate = judged(TRUE) if good else judged(bent(3.0), production(TRUE))
    manifest = version(TRUE, gate=gate)[0]
    page = report(manifest)
    assert ("**Passed**" if gate.decision == "pass" else "**Refused**") in page
    for one in gate.checks:
        assert f"| {one.name} |" in page
    assert manifest.data.digest in page
    assert "REFUSED" in page or gate.decision == "pass"


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in Manifest.model_fields}
