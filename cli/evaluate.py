"""`maas evaluate`: how good a published version is on data of one's own."""

from typing import Annotated

import typer

from cli import console
from cli.progress import Steps
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve
from cli.versions import chosen


def evaluate(
    model: ModelArgument,
    *,
    data: Annotated[
        str, typer.Option("--data", metavar="PATH|s3://...", help="A labelled file, as for `maas train`.")
    ],
    version: Annotated[
        str | None, typer.Option("--version", help="Production's, or the newest, where left out.")
    ] = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score any published version on a labelled file, beside its scores when it was trained."""
    from cli.score import Score, in_order
    from models.catalogue import find
    from models.evaluation import evaluate_version

    store = resolve(registry).registry()
    recipe = find(model)
    manifest, _ = chosen(store, model, version)
    with Steps() as steps, steps.step(f"score {model} {manifest.version}"):
        metrics = evaluate_version(recipe, manifest, store.artifact(manifest), data)
    if as_json:
        measured = {"metrics": metrics, "metrics_when_trained": manifest.metrics}
        console.emit({"model": model, "version": manifest.version, "data": data} | measured)
        return
    rows = in_order([Score(name, value, manifest.metrics.get(name)) for name, value in metrics.items()])
    console.table(
        ["metric", "on this file", "when trained", ""],
        [(score.metric, score.value, score.baseline, score.comparison) for score in rows],
        title=f"{model} {manifest.version} on {data}",
    )
