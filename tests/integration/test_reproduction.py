"""The same data, code and seed give the same bytes; `maas reproduce` says so, or what differs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import models.traffic_flow.train as traffic_flow
from cli.main import app
from maas.manifest import Manifest
from maas.registry import Registry
from models import provenance
from models.traffic_flow.simulation import simulate

ROOT = Path(__file__).parents[2]
MODEL = "traffic_flow"
# Support vectors are what a converter once wrote in an order that changed from process to process.
TRAIN = """
from dataclasses import replace
from models.job import train
from models.traffic_flow.simulation import simulate
from models.traffic_flow.train import RECIPE
few = replace(RECIPE, sample=lambda seed: simulate(seed, days=28), candidates=RECIPE.candidates[:1])
few = replace(few, parity_tolerance=1e3)
manifest = train(few).manifest
print(manifest.artifact.digest, manifest.reproduction.code)
"""


def test_two_processes_train_the_same_bytes() -> None:
    """Whatever the order of their sets and dictionaries."""
    told = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}:{ROOT}/layers/common"}
        done = subprocess.run(
            [sys.executable, "-c", TRAIN],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
    assert told[0] == told[1]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real recipe with four weeks of data and its first candidate only."""
    recipe = replace(
        traffic_flow.RECIPE,
        sample=lambda seed: simulate(seed, days=28),
        candidates=traffic_flow.RECIPE.candidates[:1],
        parity_tolerance=1e3,
    )
    monkeypatch.setattr(traffic_flow, "RECIPE", recipe)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("small")
def test_a_version_is_trained_again_and_compared(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal bytes end well; other data, code and settings end with exit code 1 and are named."""
    version = json.loads(run("train", MODEL, "--seed", "3", "--json").stdout)["version"]
    made = registry.manifest(MODEL, version).reproduction
    assert made is not None
    assert (made.command, made.seed, made.source) == (f"maas train {MODEL} --seed 3", 3, None)
    same = run("reproduce", MODEL, version)
    assert same.exit_code == 0, same.output
    assert registry.manifest(MODEL, version).artifact.digest in same.stdout
    assert [manifest.version for manifest in registry.versions(MODEL)] == [version]

    less = replace(traffic_flow.RECIPE, sample=lambda seed: simulate(seed, days=27))
    monkeypatch.setattr(traffic_flow, "RECIPE", less)
    monkeypatch.setattr("models.job.code_revision", lambda: "f" * 40)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    other = run("reproduce", MODEL, version, "--json")
    assert other.exit_code == 1
    found: dict[str, Any] = json.loads(other.stdout)
    assert found["same"] is False
    assert found["now"] != found["then"]
    assert found["then"][0] == registry.manifest(MODEL, version).artifact.digest
    assert {"data", "rows", "code revision", "variable OMP_NUM_THREADS"} <= found["differs"].keys()
    assert found["differs"]["code revision"]["now"] == "f" * 40
    assert "library numpy" not in found["differs"]
    shown = run("reproduce", MODEL, version)
    assert shown.exit_code == 1
    assert "Another artifact" in shown.stdout
    assert "code revision" in shown.stdout


def test_a_version_that_does_not_say_where_its_data_lies_asks_for_it(registry: Registry) -> None:
    """Versions from before this was recorded need --data."""
    from maas.manifest import DataSource
    from tests.manifests import manifest_of

    data = DataSource(name="counts", source="counts.csv", digest="0" * 64, rows=4, simulated=False)
    version = registry.publish(manifest_of(b"a", model=MODEL, data=data), b"a")
    refused = run("reproduce", MODEL, version)
    assert refused.exit_code == 1
    assert "--data" in refused.stderr


def test_code_counts_whether_committed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of the code changes with any file that takes part, and with no other one."""
    folders = ("layers/common/maas", "functions/one", "functions/two", "models/one", "models/two", "cli")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file.py").write_text("a = 1\n")
    (tmp_path / "models" / "job.py").write_text("b = 1\n")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    before = provenance.code_digest("one")
    for folder in ("functions/two", "models/two", "cli"):
        (tmp_path / folder / "file.py").write_text("a = 2\n")
    assert provenance.code_digest("one") == before
    seen = {before}
    for folder in ("layers/common/maas", "functions/one", "models/one", "models"):
        file = "job.py" if folder == "models" else "file.py"
        (tmp_path / folder / file).write_text("changed\n")
        seen.add(provenance.code_digest("one"))
    (tmp_path / "models/job.py").rename(tmp_path / "models/work.py")
    assert len(seen | {provenance.code_digest("one")}) == 6


def test_without_a_repository_the_image_s_note_is_the_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training image has no history: its build leaves a note, and nobody knows whether anything changed."""
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.code_revision() == "unknown"
    (tmp_path / "models" / "REVISION").write_text("a1b2\n")
    assert provenance.code_revision() == "a1b2"
    assert provenance.reproduction("one", None, 0).changed is None


def test_what_changes_results_is_recorded(registry: Registry) -> None:
    """Variables that matter and are set; where the data came from; and it survives the registry."""
    from tests.manifests import manifest_of

    made = provenance.reproduction(
        MODEL, "s3://data/a b.csv", 5, environ={"KERAS_BACKEND": "jax", "HOME": "/root", "XLA_FLAGS": ""}
    )
    assert made.environment == {"KERAS_BACKEND": "jax"}
    assert made.command == f"maas train {MODEL} --data 's3://data/a b.csv' --seed 5"
    assert made.processor
    assert made.threads >= 1
    version = registry.publish(manifest_of(b"a", reproduction=made), b"a")
    assert registry.manifest(MODEL, version).reproduction == made
    assert Manifest.from_json(manifest_of(b"a").to_json()).reproduction is None
