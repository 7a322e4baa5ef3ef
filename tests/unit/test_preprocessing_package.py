"""The package as a whole: its examples run, its names are exported, its import is light."""

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

from maas import preprocessing

MODULES = sorted(module.name for module in pkgutil.iter_modules(preprocessing.__path__))
# The layers below the feature functions: other modules of the package use them, models do not.
INTERNAL = {"series", "weekday_of", "holidays_around"}
IMPORTS = """
import sys
before = set(sys.modules)
import maas.preprocessing
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(",".join(sorted(loaded - sys.stdlib_module_names)))
"""


@pytest.mark.parametrize("module", [name for name in MODULES if name not in INTERNAL])
def test_examples_run(module: str) -> None:
    """Every module shows examples, and they give what they say."""
    result = doctest.testmod(importlib.import_module(f"maas.preprocessing.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("module", [name for name in MODULES if name not in INTERNAL])
def test_exports_every_public_name(module: str) -> None:
    """A public function or class defined in a module is in the package's `__all__`."""
    source = importlib.import_module(f"maas.preprocessing.{module}")
    defined = {
        name
        for name, value in vars(source).items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == source.__name__
        and not name.startswith("_")
    }
    assert defined - INTERNAL <= set(preprocessing.__all__)


def test_import_needs_numpy_only() -> None:
    """Importing the package loads no third-party package but NumPy: it runs inside every function."""
    result = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "maas,numpy"
