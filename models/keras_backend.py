"""Keras on JAX, an extra of the training side (requirements/deep.txt), loaded when a network is fitted."""

import importlib.util
import os
import warnings
from typing import Any

from maas.errors import ConfigurationError

EXTRA = "requirements/deep.txt"
_BACKEND = "jax"
# One thread for each operation: sums are then the same on every machine, and searches use the others.
_FLAGS = "--xla_cpu_multi_thread_eigen=false --xla_gpu_deterministic_ops=true"


def missing() -> str | None:
    """What has to be installed before a network can be fitted, or None."""
    lacking = [name for name in ("keras", "jax") if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    return f"{' and '.join(lacking)} not installed; `pip install -r {EXTRA}` brings it"


def load() -> Any:
    """The keras module, on JAX; a GPU is used where JAX finds one.

    Raises:
        ConfigurationError: Keras or JAX is not installed, or Keras runs on another backend already.
    """
    # Both read these when they are loaded, and nowhere else.
    os.environ["KERAS_BACKEND"] = _BACKEND
    if _FLAGS not in (flags := os.environ.get("XLA_FLAGS", "")):
        os.environ["XLA_FLAGS"] = f"{_FLAGS} {flags}".strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its dependencies' deprecations are nothing a trainer can act on
            import keras
    except ImportError as error:
        raise ConfigurationError(
            f"Deep models need Keras and JAX: `pip install -r {EXTRA}` ({error})"
        ) from error
    if (found := keras.backend.backend()) != _BACKEND:
        raise ConfigurationError(f"Keras was loaded with {found} before; networks here are trained with JAX")
    return keras
