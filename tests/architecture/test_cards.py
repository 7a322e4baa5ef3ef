"""The models' cards say what `--data` takes, as their recipes say it."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.card import training_file
from models.catalogue import discover

ROOT = Path(__file__).parents[2]
RECIPES = discover()
CARDS = {name: (ROOT / "models" / name / "README.md").read_text(encoding="utf-8") for name in RECIPES}
MADE = [name for name, card in CARDS.items() if "made by the training job" in card]


@pytest.mark.parametrize("name", MADE)
def test_a_card_describes_the_training_file(name: str) -> None:
    """The card has the recipe's description, though it was made when its figures were."""
    assert f"## Training file\n\n{training_file(RECIPES[name])}\n\n## Inputs" in CARDS[name]


def test_a_recipe_without_a_description_is_described_by_what_reads_its_file() -> None:
    """A model that `maas new` made has no description yet: the reader's own words stand in, and its place."""
    plain = replace(RECIPES["traffic_flow"], training_file="")
    assert training_file(plain).startswith("Read the UCI set's CSV")
    assert "Raises" not in training_file(plain)
    assert "models/traffic_flow/train.py" in training_file(plain)
