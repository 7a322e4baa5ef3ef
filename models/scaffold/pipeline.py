"""A fitted scikit-learn estimator as an ONNX file; nothing pickled is ever read."""

from typing import Any

from maas.errors import ConfigurationError
from models.export import converted


def to_onnx(estimator: Any) -> tuple[bytes, list[str]]:
    """Convert a fitted estimator or pipeline of numbers.

    Returns:
        The ONNX file, and the names of its inputs where the estimator was fitted on a data frame.

    Raises:
        ConfigurationError: It is not fitted, no estimator, or has no ONNX form.
    """
    from sklearn.base import is_classifier

    width = getattr(estimator, "n_features_in_", None)
    if not isinstance(width, int):
        raise ConfigurationError(f"{type(estimator).__name__} is no fitted scikit-learn estimator")
    outputs = ["label", "probabilities"] if is_classifier(estimator) else ["value"]
    try:
        model = converted(estimator, width, outputs)
    except Exception as error:  # skl2onnx raises many kinds
        first = str(error).strip().split("\n", 1)[0][:200]
        raise ConfigurationError(f"{type(estimator).__name__} has no ONNX form: {first}") from error
    return bytes(model.SerializeToString()), [
        str(name) for name in getattr(estimator, "feature_names_in_", ())
    ]
