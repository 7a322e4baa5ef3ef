"""The catalogue: every folder of `models` with a train module that has a RECIPE."""

import importlib
import pkgutil
from pathlib import Path

from maas.errors import ConfigurationError, ModelNotFound
from models.recipe import Recipe


def discover() -> dict[str, Recipe]:
    """All recipes by model name, in alphabetical order.

    Raises:
        ConfigurationError: A train module has no recipe, or one of another model.
    """
    return {name: find(name) for name in _names()}


def find(model: str) -> Recipe:
    """The recipe of one model.

    Raises:
        ModelNotFound: There is no such folder.
        ConfigurationError: Its train module has no recipe, or one of another model.
    """
    if model not in _names():
        raise ModelNotFound(f"no recipe for {model!r}; there are {', '.join(_names())}")
    recipe = getattr(importlib.import_module(f"models.{model}.train"), "RECIPE", None)
    if not isinstance(recipe, Recipe) or recipe.model != model:
        raise ConfigurationError(f"models/{model}/train.py needs RECIPE, a Recipe of {model}")
    return recipe


def _names() -> list[str]:
    folder = Path(__file__).parent
    packages = [module.name for module in pkgutil.iter_modules([str(folder)]) if module.ispkg]
    return sorted(name for name in packages if (folder / name / "train.py").is_file())
