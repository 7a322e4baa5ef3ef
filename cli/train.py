"""`maas train`: data to a published version, on this computer."""

import itertools
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.failure import CommandError
from cli.progress import Step, Steps
from cli.target import START, JsonOption, RegistryOption, Target, resolve
from cli.versions import actor

if TYPE_CHECKING:
    from models.job import TrainedModel
    from models.recipe import Recipe


def train(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A model's name; --all trains every one.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PATH|s3://...", help="Training data; by default a simulated sample."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of every random choice.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write artifact and manifest here, publish nothing."),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Train every model of this checkout.")] = False,
    promote: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Put the new version in production.")
    ] = False,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model, compare it with its baseline, and publish it.

    A published version does not serve until it is promoted.
    """
    target = resolve(registry)
    if out is None and not (target.stack or target.named_bucket):
        raise CommandError(
            "There is no registry to publish to.", next_step=f"{START} --out DIR writes to a folder."
        )
    chosen = recipes(model, everything=everything)
    if data and len(chosen) > 1:
        raise typer.BadParameter("--data goes with one model", param_hint="--data")
    results = []
    for name, recipe in chosen.items():
        with Steps() as steps, steps.step(f"train {name}") as step:
            trained = fit(recipe, data, seed=seed, step=step)
        where = store(trained, out) if out else publish(trained, target, promote=promote)
        results.append(record(trained) | where)
        if not as_json:
            report(trained, where, score=recipe.score)
    if as_json:
        console.emit(results if everything else results[0])


def recipes(model: str | None, *, everything: bool) -> "dict[str, Recipe]":
    """The recipes to train, by model name.

    Raises:
        ModelNotFound: There is no such model in this checkout.
        typer.BadParameter: Neither a model nor all of them, or both.
    """
    if (model is not None) == everything:
        raise typer.BadParameter("name one model, or give --all")
    from models.catalogue import discover, find

    return {model: find(model)} if model else discover()


def fit(recipe: "Recipe", source: str | None, *, seed: int, step: Step) -> "TrainedModel":
    """Train one recipe, telling `step` what it is doing."""
    from models.job import train as run

    # The job reports its data, each candidate, the held-out figures and the export, in this order.
    total, reported = len(recipe.candidates) + 3, itertools.count(1)
    return run(recipe, source, seed=seed, progress=lambda doing: step(doing, next(reported), total))


def fit_all(chosen: Iterable[str], step: Step) -> "dict[str, TrainedModel]":
    """Train models on their simulated samples, as many at a time as there are processors."""
    names = list(chosen)
    trained: dict[str, TrainedModel] = {}
    # Fresh processes: a forked one would share the locks of whatever runs threads here.
    workers = min(len(names), os.process_cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_fit_sample, name): name for name in names}
        for number, done in enumerate(as_completed(running), start=1):
            trained[running[done]] = done.result()
            manifest = trained[running[done]].manifest
            step(f"{manifest.model}, {manifest.training_seconds:.1f} s", number, len(names))
    return {name: trained[name] for name in names}


def _fit_sample(name: str) -> "TrainedModel":
    from models.catalogue import find
    from models.job import train as run

    return run(find(name))


def publish(
    trained: "TrainedModel", target: Target, *, promote: bool, reason: str = "maas train --promote"
) -> dict[str, Any]:
    """Publish what was trained, and promote it where asked; says where it went."""
    registry = target.registry()
    manifest = trained.manifest
    version = registry.publish(manifest, trained.artifact)
    if promote:
        registry.promote(manifest.model, version, actor=actor(), reason=reason)
    return {"published_to": f"s3://{target.bucket}", "promoted": promote}


def store(trained: "TrainedModel", folder: Path) -> dict[str, Any]:
    """Write what was trained as `<model>.onnx` and `<model>.json` into a folder, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    name = trained.manifest.model
    artifact, manifest = folder / f"{name}.onnx", folder / f"{name}.json"
    artifact.write_bytes(trained.artifact)
    manifest.write_bytes(trained.manifest.to_json())
    return {"artifact": str(artifact), "manifest": str(manifest), "promoted": False}


def record(trained: "TrainedModel") -> dict[str, Any]:
    """What was trained, for programs."""
    manifest = trained.manifest
    chosen = {"model", "metrics", "baseline", "candidates", "data", "training_seconds"}
    return manifest.model_dump(mode="json", include=chosen) | {
        "version": manifest.version,
        "artifact_bytes": manifest.artifact.size,
    }


def report(trained: "TrainedModel", where: dict[str, Any], *, score: str) -> None:
    """Print what was trained: candidates, scores against the baseline, version and next step."""
    from cli.score import scores

    manifest = trained.manifest
    simulated = ", simulated" if manifest.data.simulated else ""
    console.say(f"{manifest.model} {manifest.version}", style="bold")
    console.say(
        f"{manifest.data.name}: {manifest.data.rows:,} rows{simulated}; {manifest.training_seconds:.1f} s"
    )
    console.table(
        ["candidate", score, "spread", "chosen"],
        [(c.name, c.score, c.spread, "<-" if c.chosen else "") for c in manifest.candidates],
        title="Cross-validation",
    )
    console.table(
        ["metric", "this version", f"baseline: {manifest.baseline.name}", ""],
        [(one.metric, one.value, one.baseline, one.comparison) for one in scores(manifest)],
        title="Held-out data",
    )
    console.say(f"artifact: {console.size(manifest.artifact.size)}, sha256:{manifest.artifact.digest[:12]}")
    if "artifact" in where:
        console.say(f"written:  {where['artifact']}, {where['manifest']}")
    elif where["promoted"]:
        console.say(f"in production. next:  maas predict {manifest.model}")
    else:
        console.say(f"published to {where['published_to']}")
        console.say(f"next:  maas promote {manifest.model} {manifest.version} --reason ...")
