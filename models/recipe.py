"""A recipe: all that makes one model's training differ from another's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from maas.contract import Columns
from maas.endpoint import Endpoint
from models.budget import Budget
from models.candidate import Baseline, Candidate
from models.source import Source
from models.table import Table
from models.validation import Fold, Splitter

if TYPE_CHECKING:
    from models.evaluation import Evaluation

type Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Recipe:
    """How one model is trained.

    Attributes:
        endpoint: The function the model is for; its name and contract are the model's.
        title: For people.
        summary: What the model does, in a sentence or two.
        load: Reads a source into a labelled table, through the contract.
        training_file: What `load` reads, as Markdown for the card: the kind of file, its columns and units.
        sample: Simulates such a table from a seed, for a demonstration without data.
        candidates: What is tried; the best in cross-validation is kept.
        grid: What a wider search tries besides: settings that are worth an hour, not each training's minutes.
        splitter: How rows are held out and folds made.
        baseline: What the model has to beat.
        metrics: Truth and predictions (the prediction's fields) to named figures.
        score: The metric candidates are compared by.
        greater_is_better: Which way `score` is good.
        preferred: The candidate to keep, unless another's score is better by more than `margin`.
        margin: In the score's unit; what chance alone may make of two equals.
        parity_tolerance: Largest allowed difference between the export and the fitted model, in the
            target's unit.
        refit: Whether the published model is fitted once more on all rows, the held-out ones included;
            the manifest's metrics stay those of the model that had not seen them.
        optimise: Whether smaller forms of the chosen model are tried (models/optimise.py).
        optimise_budget: What the smallest form may lose against the best: a share of an error, or points of a
            score where greater is better. By default 0.01 of an error, or 0.002 points.
        public_data: The public training data of the model, as patterns of paths below a data folder. The
            first match of each, a file or a folder, is a source for `load` and a row of `docs/results.md`.
        held_out: Gives several parts to hold out in turn, each judged by models chosen and fitted without it:
            for tables so small that one part would say little. By default the splitter's one part.
        slices: Properties of the rows, shape (n,) of text or None, by which the card gives the figures
            separately, and in none of which the gate lets them collapse.
        budget: What the gate allows a new version.
        plots: The card's plots by name, each drawn on an empty figure, where the general ones say little.
        limits: What the card warns of.
        wide: Whether the grid is among the candidates.
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
    training_file: str = ""
    grid: Sequence[Candidate] = ()
    greater_is_better: bool = False
    preferred: str | None = None
    margin: float = 0.0
    refit: bool = True
    optimise: bool = True
    optimise_budget: float | None = None
    public_data: Sequence[str] = ()
    held_out: Callable[[Table], Sequence[Fold]] | None = None
    slices: Mapping[str, Callable[[Columns], NDArray[Any]]] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    plots: Mapping[str, Callable[[Any, "Evaluation"], None]] = field(default_factory=dict)
    limits: Sequence[str] = ()
    wide: bool = False

    @property
    def model(self) -> str:
        """The model's name."""
        return self.endpoint.name

    def widened(self) -> "Recipe":
        """The same with its grid among the candidates."""
        return replace(self, candidates=(*self.candidates, *self.grid), grid=(), wide=True)
