"""A recipe: all that makes one model's training differ from another's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from maas.contract import Columns
from maas.endpoint import Endpoint
from models.candidate import Baseline, Candidate
from models.source import Source
from models.table import Table
from models.validation import Splitter

type Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Recipe:
    """How one model is trained.

    Attributes:
        endpoint: The function the model is for; its name and contract are the model's.
        title: For people.
        summary: What the model does, in a sentence or two.
        load: Reads a source into a labelled table, through the contract.
        sample: Simulates such a table from a seed, for a demonstration without data.
        candidates: What is tried; the best in cross-validation is kept.
        splitter: How rows are held out and folds made.
        baseline: What the model has to beat.
        metrics: Truth and predictions (the prediction's fields) to named figures.
        score: The metric candidates are compared by.
        greater_is_better: Which way `score` is good.
        parity_tolerance: Largest allowed difference between the export and the fitted model, in the
            target's unit.
        refit: Whether the published model is fitted once more on all rows, the held-out ones included;
            the manifest's metrics stay those of the model that had not seen them.
        limits: What the card warns of.
    """

    endpoint: Endpoint[Any, Any]
    title: str
    summary: str
    load: Callable[[Source], Table]
    sample: Callable[[int], Table]
    candidates: Sequence[Candidate]
    splitter: Splitter
    baseline: Baseline
    metrics: Callable[[NDArray[Any], Columns], Metrics]
    score: str
    parity_tolerance: float
    greater_is_better: bool = False
    refit: bool = True
    limits: Sequence[str] = ()

    @property
    def model(self) -> str:
        """The model's name."""
        return self.endpoint.name
