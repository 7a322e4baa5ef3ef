"""Every model's function, found by itself, and a version of each trained on a few rows, once per run."""

import importlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from maas.endpoint import Endpoint
from models.catalogue import find
from models.job import TrainedModel, train

FUNCTIONS = Path(__file__).parents[1] / "functions"
_ROWS = 1000


@cache
def endpoints() -> dict[str, Endpoint[Any, Any]]:
    """The handlers of all models' functions, by folder."""
    found = {}
    for file in sorted(FUNCTIONS.glob("*/handler.py")):
        handler = getattr(importlib.import_module(f"functions.{file.parent.name}.handler"), "handler", None)
        if isinstance(handler, Endpoint):
            found[file.parent.name] = handler
    return found


@cache
def trained(model: str) -> TrainedModel:
    """A version from a thousand rows of the recipe's own sample, with its first candidate only."""
    recipe = find(model)
    table = recipe.sample(0)
    rows = np.unique(np.linspace(0, len(table) - 1, _ROWS).astype(np.intp))
    few = replace(recipe, sample=lambda _: table.take(rows), candidates=recipe.candidates[:1])
    return train(few, seed=0)
