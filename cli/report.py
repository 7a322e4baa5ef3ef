"""`maas report`: train on the public data, and write docs/results.md and the cards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.failure import CommandError
from cli.progress import Steps
from cli.target import JsonOption
from cli.train import fit

if TYPE_CHECKING:
    from models.recipe import Recipe


def report(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Which models; by default every one.")
    ] = None,
    *,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="The data folder; docs/evaluate.md has its layout.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write results.md and cards here, not into the checkout."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of every random choice.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train models on their public data, one after another; write one table, and the cards with their plots.

    The table keeps what it has of other models.
    """
    from models.catalogue import discover, find

    if not data.is_dir():
        raise CommandError(
            f"{data} is no folder.", next_step="docs/evaluate.md has the layout it should have."
        )
    recipes = {name: find(name) for name in models} if models else discover()
    results = []
    with Steps() as steps:
        for recipe in recipes.values():
            results += _results(steps, recipe, data, out=out, seed=seed)
    if not results:
        raise CommandError(
            f"{data} holds none of these models' data.",
            next_step="docs/evaluate.md has the layout it should have.",
        )
    if as_json:
        console.emit([result.__dict__ for result in results])
        return
    console.table(
        ["model", "data", "metric", "baseline", "ours", "seconds", "artifact"],
        [
            (one.model, one.data, metric, naive, ours, one.seconds, console.size(one.artifact_bytes))
            for one in results
            for metric, (naive, ours) in list(one.figures.items())[:1]
        ],
    )
    console.say(f"written:  {_table(out)}")


def _results(steps: Steps, recipe: "Recipe", data: Path, *, out: Path | None, seed: int) -> list[Any]:
    """One result per source of the model's; the first source's card is the model's."""
    from models.card import write_card
    from models.results import Result, sources

    found = sources(recipe, data)
    if not found:
        console.remark(f"{recipe.model}: no data in {data}")
    results = []
    for place, source in enumerate(found):
        with steps.step(f"train {recipe.model} on {source.name}") as step:
            trained = fit(recipe, str(source), seed=seed, step=step)
            results.append(Result.of(recipe, trained))
            # At once: a later model's failure must not cost what took minutes.
            _write(results[-1:], out)
            if place == 0:
                write_card(recipe, trained, _folder("models", out) / recipe.model)
    return results


def _table(out: Path | None) -> Path:
    return (out or _folder("docs", None)) / "results.md"


def _write(results: list[Any], out: Path | None) -> None:
    from models.results import merged

    table = _table(out)
    table.parent.mkdir(parents=True, exist_ok=True)
    before = table.read_text(encoding="utf-8") if table.is_file() else ""
    table.write_text(merged(before, results), encoding="utf-8")


def _folder(name: str, out: Path | None) -> Path:
    """A folder of this checkout, or of the one to write into instead."""
    import models

    return (out or Path(str(models.__file__)).parents[1]) / name
