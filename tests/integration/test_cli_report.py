"""`maas report`: the table of results and the cards, with a real recipe made small."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import models.diagnosis.train as diagnosis
from cli.main import app
from models.catalogue import discover
from models.results import merged, sources
from models.validation import Stratified

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("MAAS_DATA", ROOT.parent / "shared" / "data"))
OTHER = (
    "| other | data \\| one.csv | 9 of 9 rows | rmse | 2 (mean) | 1 | 3 | 4 |\n"
    "|  |  |  | mae | 2 | 1 |  |  |\n"
)
OLD = "| diagnosis | processed.cleveland.data | x | log_loss | 2 (mean) | 1 | 3 | 4 |\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with patients made up for this test, and a recipe of one candidate."""
    real = diagnosis.RECIPE
    small = replace(real, candidates=real.candidates[:1], splitter=Stratified(n_folds=2), held_out=None)
    monkeypatch.setattr(diagnosis, "RECIPE", small)
    folder = tmp_path / "data" / "medical"
    folder.mkdir(parents=True)
    rows = [
        f"{30 + n % 40}.0,{n % 2}.0,{1 + n % 4}.0,{110 + n}.0,{200 + n}.0,0.0,0.0,{100 + n}.0,{n % 2}.0,"
        f"{n % 5}.0,{1 + n % 3}.0,{n % 4}.0,3.0,{n % 2}"
        for n in range(80)
    ]
    (folder / "processed.cleveland.data").write_text("\n".join(rows) + "\n")
    return tmp_path / "data"


def test_the_table_and_the_card_are_written(data: Path, tmp_path: Path) -> None:
    """A model's lines take the place of its old ones, other models' stay, and the card has the figures."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.md").write_text(f"# Results\n\n{OTHER}{OLD}")
    done = CliRunner().invoke(app, ["report", "diagnosis", "--data", str(data), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    [result] = json.loads(done.stdout)
    table = (out / "results.md").read_text()
    assert OTHER in table
    assert OLD not in table
    naive, ours = result["figures"]["log_loss"]
    [line] = [line for line in table.splitlines() if line.startswith("| diagnosis ")]
    assert f"of 80 rows: a random 20% of each class | log_loss | {naive:.4g} (" in line
    assert f"{ours:.4g}" in (out / "models" / "diagnosis" / "README.md").read_text()
    assert (out / "models" / "diagnosis" / "plots" / "candidates.svg").is_file()


@pytest.mark.parametrize("arguments", [["no_such_model"], ["traffic_flow"]])
def test_a_model_without_data_is_one_clear_message(data: Path, arguments: list[str]) -> None:
    """Unknown models and folders without a model's data are errors with a name."""
    done = CliRunner().invoke(app, ["report", *arguments, "--data", str(data)])
    assert done.exit_code == 1
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_merging_nothing_changes_nothing() -> None:
    """A table is read back as it was written."""
    once = merged(OTHER + OLD, [])
    assert OTHER in once
    assert merged(once, []) == once


def test_the_page_lists_every_pattern() -> None:
    """docs/evaluate.md says where each model looks for its data."""
    page = (ROOT / "docs" / "evaluate.md").read_text()
    for recipe in discover().values():
        for pattern in recipe.public_data:
            assert f"`{pattern}`" in page, pattern


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the public data sets are not beside the checkout")
@pytest.mark.parametrize("model", discover())
def test_every_pattern_finds_data(model: str) -> None:
    """Each pattern that a recipe declares matches something in the public data."""
    recipe = discover()[model]
    assert len(sources(recipe, DATA)) == len(recipe.public_data)
