"""How predictions are spread: the few values of an answer that become metrics."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.emf import CLASS
from maas.truth import OF_ANSWER, extra, outcomes_of

MOST_CLASSES = 50  # that are texts: each has a metric of its own


class Spread:
    """What was predicted and how sure the model is of it.

    `Prediction` is the first field whose truth may be reported: a number as it is, a class by its number, no
    and yes as 0 and 1. Classes that are texts are counted instead, each under its own name.
    """

    def __init__(self, contract: Contract[Any, Any]) -> None:
        numbers = [field for field in contract.answers.values() if field.kind == "float" and not field.shape]
        sure = [field for field in numbers if extra(field, "probability_of") is not None]
        outcome = next(iter(outcomes_of(contract)), None)
        self._outcome = outcome.field if outcome else None
        self._is_text = outcome is not None and contract.answers[outcome.field].kind == "text"
        self._classes = outcome.values if outcome and len(outcome.values) <= MOST_CLASSES else ()
        self._probability = sure[0].name if sure else None
        self._is_of_answer = bool(sure) and extra(sure[0], "probability_of") == OF_ANSWER

    def of(self, answers: Columns) -> Iterator[tuple[str, NDArray[Any]]]:
        """The metrics' names and values, shape (n,), or (1,) for the count of a class."""
        if self._outcome is not None:
            if not self._is_text:
                yield "Prediction", answers[self._outcome]
            elif self._classes:
                counts = Counter(answers[self._outcome].tolist())
                for name in self._classes:
                    yield f"{CLASS}{name}", np.array([counts[name]])
        if self._probability is not None:
            probability = answers[self._probability]
            yield (
                "Confidence",
                probability if self._is_of_answer else np.maximum(probability, 1 - probability),
            )
