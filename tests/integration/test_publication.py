"""Publishing and promoting what was trained: report and word beside the version, and the gate in between."""

import json
from typing import cast

import pytest

from maas.errors import GateRefused, KeyMissing
from maas.judgement import Check
from maas.manifest import Manifest
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from models.evaluation import Evaluation
from models.incumbent import Incumbent
from models.job import TrainedModel
from models.publication import promote, publish
from models.report import report_key
from tests.tiny_model import NAME, decision, version

WHO = {"actor": "test", "reason": "trained"}
FAILED = Check(name="rmse against the baseline", value=3.0, limit=2.0, passed=False)


def trained(weight: float, *checks: Check, production: str | None = None) -> TrainedModel:
    gate = decision(production, **({"baseline": checks[0]} if checks else {}))
    manifest, artifact = version([weight] * 8, gate=gate)
    return TrainedModel(manifest, artifact, cast("Evaluation", None))


def published(registry: Registry, weight: float, *checks: Check, production: str | None = None) -> Manifest:
    model = trained(weight, *checks, production=production)
    publish(registry, model)
    return model.manifest


def test_a_version_comes_with_its_report(registry: Registry) -> None:
    """People find it beside the manifest; who waits for an execution finds the version's digest."""
    model = trained(1.0, FAILED)
    name = publish(registry, model, run="may")
    digest = model.manifest.digest
    assert digest.startswith(name)
    page = registry.store.read(report_key(NAME, digest)).body.decode()
    assert "rmse against the baseline: 3, allowed is at most 2" in page
    assert json.loads(registry.store.read(receipt_key(NAME, "may")).body) == {"version": digest}
    publish(registry, trained(2.0))
    with pytest.raises(KeyMissing):
        registry.store.read(receipt_key(NAME, "None"))


def test_the_gate_decides_about_production(registry: Registry) -> None:
    """What passed goes into production; what did not stays out, unless somebody says why it should not."""
    good, bad = published(registry, 1.0), published(registry, 2.0, FAILED)
    promote(registry, good, **WHO)
    with pytest.raises(GateRefused, match="rmse against the baseline"):
        promote(registry, bad, **WHO)
    pointer = registry.production(NAME)
    assert pointer is not None
    assert pointer.stable == good.digest
    forced = promote(registry, bad, **WHO, force="the old one is worse still")
    assert forced.stable == bad.digest
    for text in ("trained", "the old one is worse still", "rmse against the baseline"):
        assert text in forced.reason


def test_a_decision_holds_for_what_it_compared_with(registry: Registry) -> None:
    """Another version went into production meanwhile: nobody knows how the two compare."""
    first = published(registry, 1.0)
    late = published(registry, 2.0)  # compared with nothing
    promote(registry, first, **WHO)
    with pytest.raises(GateRefused, match=f"but {first.version} is in production"):
        promote(registry, late, **WHO)
    again = published(registry, 2.0, production=first.digest)
    assert promote(registry, again, **WHO).previous == first.digest


def test_the_version_in_production_is_the_one_to_beat(registry: Registry) -> None:
    """With its artifact; nothing where nothing is in production, or where it is damaged."""
    assert Incumbent.of(registry, NAME) is None
    model = trained(1.0)
    publish(registry, model)
    promote(registry, model.manifest, **WHO)
    found = Incumbent.of(registry, NAME)
    assert found is not None
    assert (found.manifest, found.artifact) == (model.manifest, model.artifact)
    registry.store.put(model.manifest.artifact.key, b"damaged")
    assert Incumbent.of(registry, NAME) is None
