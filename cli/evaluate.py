"""`maas evaluate`: how good a version is on data of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.progress import Steps
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve
from cli.versions import chosen

if TYPE_CHECKING:
    from maas.manifest import Manifest


def evaluate(
    model: ModelArgument,
    *,
    data: Annotated[
        str,
        typer.Option(
            "--data", metavar="PATH|s3://...", help="A labelled file or folder, as for `maas train`."
        ),
    ],
    version: Annotated[
        str | None, typer.Option("--version", help="Production's, or the newest, where left out.")
    ] = None,
    artifact: Annotated[
        Path | None,
        typer.Option(
            "--artifact",
            metavar="DIR",
            help="What `maas train --out DIR` wrote, in place of a published version.",
        ),
    ] = None,
    registry: RegistryOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a version on labelled data, beside the scores that it and its baseline had when it was trained.

    A published version, or with --artifact one in a folder: then no stack is needed.
    """
    from cli.score import Score, in_order
    from models.catalogue import find
    from models.evaluation import evaluate_version

    if artifact is not None and (version is not None or registry is not None):
        raise typer.BadParameter("a folder has one version", param_hint="--artifact")
    recipe = find(model)
    if artifact is not None:
        manifest, content = trained(artifact, model)
    else:
        store = resolve(registry, stack=stack).registry()
        manifest, _ = chosen(store, model, version)
        content = store.artifact(manifest)
    with Steps() as steps, steps.step(f"score {model} {manifest.version}"):
        metrics = evaluate_version(recipe, manifest, content, data)
    if as_json:
        measured = {
            "metrics": metrics,
            "metrics_when_trained": manifest.metrics,
            "baseline_when_trained": manifest.baseline.model_dump(mode="json"),
        }
        console.emit({"model": model, "version": manifest.version, "data": data} | measured)
        return
    rows = in_order([Score(name, value, manifest.metrics.get(name)) for name, value in metrics.items()])
    naive = manifest.baseline.metrics
    console.table(
        ["metric", "on this data", "when trained", "", f"{manifest.baseline.name}, when trained"],
        [(one.metric, one.value, one.baseline, one.comparison, naive.get(one.metric)) for one in rows],
        title=f"{model} {manifest.version} on {data}",
    )


def trained(folder: Path, model: str) -> "tuple[Manifest, bytes]":
    """Manifest and artifact that `maas train --out` or `python -m models --out` wrote into a folder.

    Raises:
        CommandError: They are not there.
        BrokenArtifact: The manifest is none.
    """
    from maas.manifest import Manifest

    manifest, artifact = folder / f"{model}.json", folder / f"{model}.onnx"
    if manifest.is_file() and artifact.is_file():
        return Manifest.from_json(manifest.read_bytes()), artifact.read_bytes()
    raise CommandError(
        f"{folder} holds no trained {model}.", next_step=f"`maas train {model} --out {folder}` writes one."
    )
