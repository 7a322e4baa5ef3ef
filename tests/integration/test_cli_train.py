"""`maas train` and `maas evaluate` with a real recipe, made small enough to run in a moment."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import models.traffic_flow.train as traffic_flow
from cli.main import app
from maas.artifact import digest_of
from maas.manifest import Manifest
from maas.registry import Registry
from maas.rollout.plan import receipt_key
from models.__main__ import main as train_and_write_card
from models.budget import Budget
from models.report import report_key
from models.traffic_flow.simulation import simulate
from tests.signing_keys import LocalKey

MODEL = "traffic_flow"


@pytest.fixture(autouse=True)
def recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real recipe with six weeks of data and its first candidate only."""
    real = traffic_flow.RECIPE
    small = replace(
        real,
        sample=lambda seed: simulate(seed, days=42),
        candidates=real.candidates[:1],
        parity_tolerance=1e3,
    )
    monkeypatch.setattr(traffic_flow, "RECIPE", small)


def maas(*arguments: str) -> Result:
    """Run a command that is expected to succeed."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def document(*arguments: str) -> Any:
    """Run a command with --json; standard output must be one JSON document and nothing else."""
    return json.loads(maas(*arguments, "--json").stdout)


def test_training_publishes_and_promotes_on_request(registry: Registry) -> None:
    """What is printed is what is in the registry; it serves only when that was asked for."""
    first = document("train", MODEL)
    assert registry.manifest(MODEL, first["version"]).metrics == first["metrics"]
    assert registry.production(MODEL) is None
    again = ("--data", "simulated", "--run", "an-execution", "--seed", "1")  # as a job is told
    second = document("train", MODEL, "--promote", *again)
    pointer = registry.production(MODEL)
    assert pointer is not None
    assert pointer.version == second["version"]
    assert [manifest.version for manifest in registry.versions(MODEL)] == [
        second["version"],
        first["version"],
    ]
    word = json.loads(registry.store.read(receipt_key(MODEL, "an-execution")).body)
    assert word["version"] == pointer.stable


def test_the_gate_keeps_a_version_out_of_production(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version over its budget is published and not promoted; a reason overrules that, and is remembered."""
    strict = replace(traffic_flow.RECIPE, budget=Budget(megabytes=1e-9))
    monkeypatch.setattr(traffic_flow, "RECIPE", strict)
    refused = CliRunner().invoke(app, ["train", MODEL, "--promote"])
    assert refused.exit_code == 1
    assert "megabytes of the artifact" in refused.stderr
    assert registry.production(MODEL) is None
    [published] = registry.versions(MODEL)
    assert published.gate is not None
    assert published.gate.decision == "refuse"
    page = registry.store.read(report_key(MODEL, published.digest)).body.decode()
    assert "REFUSED" in page
    assert "REFUSED" in maas("show", MODEL, published.version).stdout
    forced = maas("train", MODEL, "--promote", "--force", "a demonstration")
    assert "Gate: refuse" in forced.stdout
    [move] = registry.history(MODEL)
    assert "a demonstration" in move.reason
    assert "megabytes of the artifact" in move.reason
    alone = CliRunner().invoke(app, ["train", MODEL, "--force", "without --promote"])
    assert alone.exit_code == 2


def test_people_see_candidates_scores_and_the_next_step(registry: Registry) -> None:
    """The report has candidates, both columns of scores, version and next step; progress is apart."""
    result = maas("train", MODEL)
    [published] = registry.versions(MODEL)
    for text in (
        published.version,
        published.candidates[0].name,
        "baseline",
        "rmse",
        f"maas promote {MODEL}",
    ):
        assert text in result.stdout
    assert "rows" in result.stderr
    assert "Cross-validation" not in result.stderr


def test_a_folder_gets_manifest_and_artifact(tmp_path: Path) -> None:
    """Without a registry, --out writes both files, and they belong together."""
    (tmp_path / "trainer.pem").write_bytes(LocalKey().private_pem)
    signed = ("--bundle-key", str(tmp_path / "trainer.pem"))
    written = document("train", MODEL, "--out", str(tmp_path / "new"), *signed)
    assert Path(written["bundle"]) == tmp_path / "new" / "model.sig"
    manifest = Manifest.from_json(Path(written["manifest"]).read_bytes())
    assert manifest.version == written["version"]
    assert digest_of(Path(written["artifact"]).read_bytes()) == manifest.artifact.digest


def test_a_published_version_is_scored_on_a_file(registry: Registry, tmp_path: Path) -> None:
    """The file's scores stand beside those of training; the registry is not changed by it."""
    version = document("train", MODEL)["version"]
    path = tmp_path / "labelled.csv"
    _write(path, simulate(7, days=21))
    found = document("evaluate", MODEL, "--data", str(path))
    assert found["version"] == version
    assert found["metrics"].keys() == found["metrics_when_trained"].keys()
    assert found["metrics"]["mae"] > 0
    assert found["baseline_when_trained"]["metrics"].keys() == found["metrics"].keys()
    shown = maas("evaluate", MODEL, "--data", str(path), "--version", version[:8]).stdout
    assert "when trained" in shown
    assert found["baseline_when_trained"]["name"] in shown
    assert len(registry.versions(MODEL)) == 1


@pytest.mark.parametrize("command", ["maas train", "python -m models"])
def test_a_trained_folder_is_scored_without_a_stack(command: str, tmp_path: Path) -> None:
    """What either command wrote is scored where it lies; a folder without it says what would write one."""
    folder, path = tmp_path / "trained", tmp_path / "labelled.csv"
    _write(path, simulate(7, days=21))
    if command == "maas train":
        maas("train", MODEL, "--out", str(folder))
    else:
        train_and_write_card([MODEL, "--out", str(folder), "--card", str(tmp_path)])
    found = document("evaluate", MODEL, "--artifact", str(folder), "--data", str(path))
    assert found["metrics"].keys() == found["metrics_when_trained"].keys()
    missing = CliRunner().invoke(app, ["evaluate", MODEL, "--artifact", str(tmp_path), "--data", str(path)])
    assert missing.exit_code == 1
    assert f"maas train {MODEL} --out" in missing.stderr


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["train", "no_such_model"], "no_such_model"),
        (["train", MODEL, "--data", "missing.csv"], "missing.csv"),
        (["train", MODEL, "--data", __file__], "no column"),
        (["evaluate", MODEL, "--data", "missing.csv"], "no published version"),
    ],
)
def test_unusable_input_is_one_clear_message(arguments: list[str], text: str) -> None:
    """Unknown models and unreadable files are errors with a name, never tracebacks."""
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def _write(path: Path, table: Any) -> None:
    """A table as the CSV file that the recipe reads."""
    columns = table.columns
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(
            [
                "holiday",
                "temp",
                "rain_1h",
                "snow_1h",
                "clouds_all",
                "weather_main",
                "date_time",
                "traffic_volume",
            ]
        )
        for row, truth in enumerate(table.target):
            time = str(columns["timestamp"][row]).replace("T", " ")
            kelvin = columns["temperature"][row] + 273.15
            weather = [columns[name][row] for name in ("rain", "snow", "clouds", "weather")]
            out.writerow(["None", kelvin, *weather, time, truth])
