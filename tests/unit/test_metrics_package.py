"""What the metrics package offers and how it documents it."""

import doctest
import inspect
from types import ModuleType

import pytest

from maas import metrics
from maas.metrics import classification, drift, probability, regression

MODULES = [classification, drift, probability, regression]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_docstring_examples_run(module: ModuleType) -> None:
    """Every example in a docstring gives what it says."""
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_all_is_every_public_name() -> None:
    """What a module defines without an underscore is exported; helper types and aliases are not."""
    defined = {
        name
        for module in MODULES
        for name, value in inspect.getmembers(module, lambda v: inspect.isfunction(v) or inspect.isclass(v))
        if value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert set(metrics.__all__) == defined
    assert metrics.__all__ == sorted(metrics.__all__)


@pytest.mark.parametrize("name", [n for n in metrics.__all__ if inspect.isfunction(getattr(metrics, n))])
def test_every_function_shows_an_example(name: str) -> None:
    """A reader finds a runnable example beside every function."""
    assert ">>>" in (inspect.getdoc(getattr(metrics, name)) or "")
