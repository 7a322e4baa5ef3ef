"""A model card: models/<model>/README.md with plots, made from a manifest so that no figure is typed.

Source of the sections: M. Mitchell and others, "Model cards for model reporting", FAT* 2019.
"""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

from maas.manifest import Manifest
from models import plots
from models.evaluation import field_importance
from models.job import TrainedModel
from models.recipe import Recipe
from models.results import figure
from models.slices import Slice, slices

_MOST_IMPORTANT = 12


def write_card(recipe: Recipe, trained: TrainedModel, folder: Path) -> Path:
    """Write README.md and plots/*.svg into `folder`; return the README's path."""
    drawings = plots.draw(recipe, trained.evaluation, trained.manifest)
    importance = field_importance(recipe, trained.artifact, trained.evaluation.table)
    # With one input in use, all the score is lost without it: no news.
    if sum(gain != 0 for gain in importance.values()) > 1:
        drawings["importance"] = plots.importance(recipe, importance)
    if (moving := plots.contributions(trained.manifest)) is not None:
        drawings["contributions"] = moving
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    for name, svg in drawings.items():
        (folder / "plots" / f"{name}.svg").write_bytes(svg)
    readme = folder / "README.md"
    parts = slices(recipe, trained.evaluation)
    readme.write_text(render(recipe, trained.manifest, drawings, parts), encoding="utf-8")
    return readme


def render(
    recipe: Recipe, manifest: Manifest, drawings: Mapping[str, bytes], parts: Sequence[Slice] = ()
) -> str:
    """The card as Markdown."""
    sections = [
        f"# {recipe.title}",
        manifest.summary,
        "This card is made by the training job; see *Making it again* below.",
        "## Data",
        _data(manifest),
        "## Training file",
        training_file(recipe),
        "## Inputs",
        _inputs(recipe),
        "## How good it is",
        _quality(recipe, manifest),
        *(["### For parts of the held-out rows", _slices(parts)] if parts else []),
        "### Candidates",
        _candidates(recipe, manifest),
        *(["### Smaller forms", _optimisation(recipe, manifest)] if len(manifest.optimisation) > 1 else []),
        *(f"![{plots.title(name)}](plots/{name}.svg)" for name in drawings if name != "contributions"),
        *_importance(manifest, drawn="contributions" in drawings),
        "## Limits",
        "\n".join(f"- {limit}" for limit in recipe.limits),
        "## The version",
        _version(manifest),
        "## Making it again",
        _again(manifest),
    ]
    return "\n\n".join(sections) + "\n"


def _data(manifest: Manifest) -> str:
    data = manifest.data
    kind = (
        "**Simulated data**: nothing in it was measured, and its figures say nothing about real roads."
        if data.simulated
        else "Measured data."
    )
    lines = [kind, "", f"- {data.name}, {data.rows} rows"]
    if data.period is not None:
        lines.append(f"- from {data.period.replace('/', ' to ')}")
    lines.append(f"- SHA-256 `{data.digest}`")
    return "\n".join(lines)


def training_file(recipe: Recipe) -> str:
    """What `--data` takes, as Markdown: in the recipe's words, else in those of what reads it."""
    if recipe.training_file:
        return recipe.training_file
    said = (inspect.getdoc(recipe.load) or "").partition("\n\nRaises:")[0]
    return f"{said}\n\n`load` in models/{recipe.model}/train.py reads it."


def _inputs(recipe: Recipe) -> str:
    lines = ["| field | unit | meaning |", "|---|---|---|"]
    for name, field in recipe.endpoint.contract.fields.items():
        lines.append(f"| `{name}` | {field.unit or ''} | {field.info.description or ''} |")
    return "\n".join(lines)


def _quality(recipe: Recipe, manifest: Manifest) -> str:
    held_out = manifest.hyperparameters.get("held_out_rows")
    lines = [
        f"On {held_out} held-out rows that neither the choice nor the fit had seen:",
        "",
        f"| metric | model | {manifest.baseline.name} |",
        "|---|---|---|",
    ]
    for name, value in manifest.metrics.items():
        naive = manifest.baseline.metrics.get(name)
        lines.append(f"| {name} | {figure(value)} | {'' if naive is None else figure(naive)} |")
    if recipe.refit:
        lines += [
            "",
            "The published model was then fitted once more on all rows, the held-out ones included.",
        ]
    return "\n".join(lines)


def _slices(parts: Sequence[Slice]) -> str:
    names = list(dict.fromkeys(name for part in parts for name in part.metrics))
    lines = [f"| | | rows | {' | '.join(names)} |", f"|---|---|---|{'---|' * len(names)}"]
    for part in parts:
        figures = [figure(part.metrics[name]) if name in part.metrics else "" for name in names]
        lines.append(f"| {part.by} | {part.value} | {part.rows} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _candidates(recipe: Recipe, manifest: Manifest) -> str:
    lines = [
        f"| candidate | {recipe.score}, mean over the folds | standard deviation | |",
        "|---|---|---|---|",
    ]
    for one in manifest.candidates:
        chosen = "chosen" if one.chosen else ""
        lines.append(f"| {one.name} | {figure(one.score)} | {figure(one.spread)} | {chosen} |")
    return "\n".join(lines)


def _optimisation(recipe: Recipe, manifest: Manifest) -> str:
    lines = [
        "The smallest whose loss is within the budget is published. Judged on the held-out rows:",
        "",
        f"| form | bytes | {recipe.score} | time for one row, of the unchanged | |",
        "|---|---|---|---|---|",
    ]
    for one in manifest.optimisation:
        chosen = "chosen" if one.chosen else ""
        lines.append(f"| {one.name} | {one.bytes} | {figure(one.score)} | {one.latency_ratio:g} | {chosen} |")
    return "\n".join(lines)


def _importance(manifest: Manifest, *, drawn: bool) -> list[str]:
    """The section on global importance, as paragraphs."""
    told = manifest.explanation
    if told is None or not told.importance:
        return []
    scale = "" if told.scale == "answer" else f", in {told.scale}"
    ordered = sorted(told.importance.items(), key=lambda one: -one[1])[:_MOST_IMPORTANT]
    lines = [f"| | mean size of the contribution{scale} |", "|---|---|"]
    lines += [f"| {name.replace('|', ' ')} | {figure(size)} |" for name, size in ordered]
    return [
        "## What moves its answers",
        (
            f"Mean size of the Shapley values for `{told.target}` over {told.rows} held-out rows. Single "
            "answers are explained by `:explain`; docs/explanations.md says what the numbers mean."
        ),
        *([f"![{plots.title('contributions')}](plots/contributions.svg)"] if drawn else []),
        "\n".join(lines),
    ]


def _version(manifest: Manifest) -> str:
    parity = manifest.parity
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(manifest.libraries.items()))
    return "\n".join(
        [
            f"- method: {manifest.hyperparameters['method']}, {len(manifest.feature_names)} features",
            f"- ONNX file: {manifest.artifact.size} bytes, SHA-256 `{manifest.artifact.digest}`",
            f"- export against fitted model: {parity.max_abs_difference:.2g} apart at most",
            f"- allowed: {parity.tolerance:g}, compared on {parity.rows} rows",
            f"- libraries: {libraries}",
        ]
    )


def _again(manifest: Manifest) -> str:
    source = "" if manifest.data.simulated else f" --data PATH/{manifest.data.name}"
    seed = manifest.hyperparameters["seed"]
    return f"```\npython -m models {manifest.model}{source} --seed {seed}\n```"
