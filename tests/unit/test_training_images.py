"""Classes of pictures: figures, folds of a part, plots, and the card they end up in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maas.artifact import digest_of
from maas.manifest import DataSource
from models.card import write_card
from models.catalogue import find
from models.classes import class_metrics
from models.job import train
from models.table import Table
from models.validation import Grouped, Sampled


def test_each_class_counts_alike() -> None:
    """Accuracy counts rows, recall and F1 the classes, however few rows they have."""
    truth, answers = np.array([0] * 8 + [1, 2]), np.array([0] * 8 + [0, 2])
    figures = class_metrics("digit")(truth, {"digit": answers})
    assert figures["accuracy"] == pytest.approx(0.9)
    assert figures["macro_recall"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx((16 / 17 + 0 + 1) / 3)


def test_a_part_of_the_rows_keeps_what_the_splitter_keeps_apart() -> None:
    """Fewer rows and folds, the same held-out part, no group on both sides, the same rows each time."""
    data = DataSource(name="t", source="t", digest=digest_of(b""), rows=1000, simulated=True)
    table = Table(columns={}, target=np.arange(1000), data=data, groups=np.arange(1000) // 10)
    whole = Grouped(n_folds=5, held_out=0.2)
    part = Sampled(whole, rows=200, n_folds=2)
    assert part.hold_out(table).test.tolist() == whole.hold_out(table).test.tolist()
    folds = part.folds(table)
    assert [(len(fold.train), len(fold.test)) for fold in folds] == [(160, 40)] * 2
    for fold, full in zip(folds, whole.folds(table), strict=False):
        assert set(fold.train) <= set(full.train)
        assert set(fold.test) <= set(full.test)
        assert not set(fold.train // 10) & set(fold.test // 10)
    assert all(
        np.array_equal(one.train, again.train) for one, again in zip(folds, part.folds(table), strict=True)
    )
    assert len(Sampled(whole, rows=9999, share=0.5).folds(table)[0].train) == 400


@pytest.mark.parametrize("model", ["digits", "traffic_signs"])
def test_card_shows_pictures(model: str, tmp_path: Path) -> None:
    """Confusion, examples and mistakes are drawn from the held-out pictures, and named in the card."""
    recipe = find(model)
    table = recipe.sample(1).take(np.arange(350))
    few = replace(recipe, sample=lambda _: table, candidates=recipe.candidates[:1])
    trained = train(few, seed=1)
    card = write_card(few, trained, tmp_path).read_text()
    for name, size in (("confusion", 10_000), ("some_recognised", 10_000)):
        assert f"plots/{name}.svg" in card
        assert (tmp_path / f"plots/{name}.svg").stat().st_size > size
    again: dict[str, Any] = {file.name: file.read_bytes() for file in (tmp_path / "plots").iterdir()}
    write_card(few, trained, tmp_path)
    assert again == {file.name: file.read_bytes() for file in (tmp_path / "plots").iterdir()}
    # The one field in use needs no plot of what each is worth.
    assert "importance" not in card
