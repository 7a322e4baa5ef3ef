"""One table of what every model reaches on its public data: docs/results.md."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maas.manifest import Manifest
from models.job import TrainedModel
from models.recipe import Recipe
from models.validation import Grouped, Sampled, Stratified, TimeOrdered

_HEADER = (
    "| model | data | judged by | metric | baseline | ours | seconds | artifact bytes |",
    "|---|---|---|---|---:|---:|---:|---:|",
)
_INTRODUCTION = """\
# Results

Made by `make evaluate DATA=<folder>`, not by hand. Each model is trained on a part of its public data and
judged by the rest, which neither the choice of the method nor the fit had seen; the baseline is a naive
method judged by the same rows. Seconds are those of the whole training. The models' cards say more.
"""


@dataclass(frozen=True)
class Result:
    """What one model reached on one source.

    Attributes:
        model: The model's name.
        data: The source's name.
        judged_by: The rows held out, for people.
        baseline: The naive method's name.
        figures: By metric, the most important first: the baseline's, where it has one, and the model's.
        seconds: Of training.
        artifact_bytes: Of the ONNX file.
    """

    model: str
    data: str
    judged_by: str
    baseline: str
    figures: Mapping[str, tuple[float | None, float]]
    seconds: float
    artifact_bytes: int

    @classmethod
    def of(cls, recipe: Recipe, trained: TrainedModel) -> "Result":
        """The result of a training."""
        manifest = trained.manifest
        names = [recipe.score, *(name for name in manifest.metrics if name != recipe.score)]
        naive = manifest.baseline.metrics
        return cls(
            model=manifest.model,
            data=manifest.data.name,
            judged_by=judged_by(recipe, manifest),
            baseline=manifest.baseline.name,
            figures={name: (naive.get(name), manifest.metrics[name]) for name in names},
            seconds=manifest.training_seconds,
            artifact_bytes=manifest.artifact.size,
        )

    def lines(self) -> list[str]:
        """Its lines of the table, one per metric; what all share stands in the first."""
        lines = []
        for place, (metric, (naive, ours)) in enumerate(self.figures.items()):
            first = [self.model, self.data, self.judged_by] if place == 0 else ["", "", ""]
            last = [f"{self.seconds:.0f}", f"{self.artifact_bytes:,}"] if place == 0 else ["", ""]
            method = f" ({self.baseline})" if place == 0 else ""
            beside = "" if naive is None else f"{figure(naive)}{method}"
            lines.append(_line([*first, metric, beside, figure(ours), *last]))
        return lines


def judged_by(recipe: Recipe, manifest: Manifest) -> str:
    """Which rows were held out, in a few words."""
    held_out = manifest.hyperparameters.get("held_out_rows")
    if recipe.held_out is not None:
        return f"all {held_out:,} rows in turn" if isinstance(held_out, int) else "all rows in turn"
    rows = f"{held_out:,} of {manifest.data.rows:,} rows" if isinstance(held_out, int) else "rows held out"
    return f"{rows}: {_rule(recipe.splitter)}"


def _rule(splitter: Any) -> str:
    match splitter:
        case Sampled():
            return _rule(splitter.splitter)
        case TimeOrdered():
            return f"the latest {splitter.held_out:.0%}"
        case Grouped():
            return f"a random {splitter.held_out:.0%} of the groups"
        case Stratified():
            return f"a random {splitter.held_out:.0%} of each class"
    # A model's own way: the first sentence about it.
    return str(type(splitter).__doc__ or type(splitter).__name__).partition(".")[0].strip()


def sources(recipe: Recipe, folder: Path) -> list[Path]:
    """The public data of a model below a folder: the first match of each of its patterns that has one."""
    found = [sorted(folder.glob(pattern)) for pattern in recipe.public_data]
    return [matches[0] for matches in found if matches]


def merged(document: str, results: Iterable[Result]) -> str:
    """The document with these results in the place of older ones of the same model and data, sorted."""
    groups = _groups(document)
    for result in results:
        groups[result.model, result.data] = result.lines()
    lines = [line for _, group in sorted(groups.items()) for line in group]
    return "\n".join([_INTRODUCTION, *_HEADER, *lines]) + "\n"


def _groups(document: str) -> dict[tuple[str, str], list[str]]:
    """The table's lines by model and data."""
    groups: dict[tuple[str, str], list[str]] = {}
    key = ("", "")
    for line in document.splitlines():
        if not line.startswith("| ") or line in _HEADER:
            continue
        model, data = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:3])
        key = (model, data.replace("\\|", "|")) if model else key
        groups.setdefault(key, []).append(line)
    return groups


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |"


def figure(value: float) -> str:
    """A number as tables show it: four digits, or all before the point."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004 - where digits suffice
