"""`maas train`: data to a published version, on this computer or as a job in the cloud."""

import itertools
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.bundle import signed
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.parts import (
    CandidateOption,
    ChoiceOption,
    JobsOption,
    NodesOption,
    SearchOption,
    TrialOption,
    leading,
    try_candidate,
    way_to_search,
)
from cli.progress import Step, Steps
from cli.remote import SIMULATED, train_remotely
from cli.target import START, JsonOption, RegistryOption, Target, resolve
from cli.trained import publish, record, report, store

if TYPE_CHECKING:
    from models.incumbent import Incumbent
    from models.job import TrainedModel
    from models.recipe import Recipe
    from models.selection import Search


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
    bundle_key: Annotated[
        Path | None,
        typer.Option("--bundle-key", metavar="FILE", help="With --out: sign the folder; see `maas bundle`."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Train every model of this checkout.")] = False,
    promote: Annotated[
        bool,
        typer.Option("--promote/--no-promote", help="Put the version in production, if the gate lets it."),
    ] = False,
    force: Annotated[
        str | None,
        typer.Option("--force", metavar="REASON", help="With --promote: even if the gate refuses."),
    ] = None,
    remote: Annotated[
        bool,
        typer.Option("--remote", help="Train as a job of a stack; with --promote, release it step by step."),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="With --remote: show it until it ends.")
    ] = True,
    stack: StackOption = None,
    run: Annotated[
        str | None,
        typer.Option("--run", hidden=True, help="The execution that waits for this training."),
    ] = None,
    jobs: JobsOption = 1,
    search: SearchOption = False,
    nodes: NodesOption = 1,
    trial_of: TrialOption = None,
    candidate: CandidateOption = None,
    choose_from: ChoiceOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model, compare it with its baseline, and publish it.

    A published version does not serve until it is promoted.
    """
    if force is not None and (remote or not promote):
        raise typer.BadParameter("it goes with --promote, on this computer", param_hint="--force")
    _check_folder(out, bundle_key)
    if remote:
        if model is None or everything or out:
            raise typer.BadParameter("it trains one model, and publishes it", param_hint="--remote")
        train_remotely(
            model,
            data,
            seed,
            release=promote,
            follow=follow,
            stack=stack,
            as_json=as_json,
            search=search,
            nodes=nodes,
        )
        return
    target = _target(registry, stack, out)
    chosen = recipes(model, everything=everything, wide=search)
    if data and len(chosen) > 1:
        raise typer.BadParameter("--data goes with one model", param_hint="--data")
    source = None if data == SIMULATED else data
    if trial_of is not None:
        try_candidate(chosen.values(), source, seed=seed, target=target, search=trial_of, candidate=candidate)
        return
    results = []
    for recipe in chosen.values():
        way = way_to_search(target, recipe.model, jobs=jobs, choose_from=choose_from)
        trained = _fitted(recipe, source, seed=seed, target=None if out else target, search=way)
        if trained is None:
            return
        where = (
            _stored(trained, out, bundle_key, target)
            if out
            else publish(trained, target, promote=promote, force=force, run=run)
        )
        results.append(record(trained) | where)
        if not as_json:
            report(trained.manifest, where, score=recipe.score)
    if as_json:
        console.emit(results if everything else results[0])


def _target(registry: str | None, stack: str | None, out: Path | None) -> Target:
    target = resolve(registry, stack=stack)
    if out is None and not target.has_registry:
        raise CommandError(
            "There is no registry to publish to.", next_step=f"{START} --out DIR writes to a folder."
        )
    return target


def _fitted(
    recipe: "Recipe", source: str | None, *, seed: int, target: Target | None, search: "Search"
) -> "TrainedModel | None":
    """Train one recipe beside the version in production there; None: another node of this job did."""
    with leading(recipe) as leads:
        if not leads:
            return None
        with Steps() as steps, steps.step(f"train {recipe.model}") as step:
            rival = incumbent(target, recipe.model) if target else None
            return fit(recipe, source, seed=seed, step=step, rival=rival, search=search)


def _check_folder(out: Path | None, bundle_key: Path | None) -> None:
    if bundle_key is not None and out is None:
        raise typer.BadParameter("it signs the folder of --out", param_hint="--bundle-key")


def _stored(trained: "TrainedModel", out: Path, bundle_key: Path | None, target: Target) -> dict[str, Any]:
    """Write what was trained into a folder, and sign that where a key was given."""
    where = store(trained, out)
    return where | ({"bundle": str(signed(out, bundle_key, target))} if bundle_key else {})


def recipes(model: str | None, *, everything: bool, wide: bool = False) -> "dict[str, Recipe]":
    """The recipes to train, by model name; `wide` with their grids.

    Raises:
        ModelNotFound: There is no such model in this checkout.
        typer.BadParameter: Neither a model nor all of them, or both.
    """
    if (model is not None) == everything:
        raise typer.BadParameter("name one model, or give --all")
    from models.catalogue import discover, find

    found = {model: find(model)} if model else discover()
    return {name: recipe.widened() for name, recipe in found.items()} if wide else found


def incumbent(target: Target, model: str) -> "Incumbent | None":
    """The version in production, which a new one is compared with."""
    from models.incumbent import Incumbent

    return Incumbent.of(target.registry(), model)


def fit(
    recipe: "Recipe",
    source: str | None,
    *,
    seed: int,
    step: Step,
    rival: "Incumbent | None" = None,
    search: "Search | None" = None,
) -> "TrainedModel":
    """Train one recipe, telling `step` what it is doing."""
    from models.job import train as run
    from models.trial import one_by_one

    # The job reports its data, each candidate, the held-out figures, the export and the gate, in this order.
    total, reported = len(recipe.candidates) + 4, itertools.count(1)
    return run(
        recipe,
        source,
        seed=seed,
        progress=lambda doing: step(doing, next(reported), total),
        incumbent=rival,
        search=search or one_by_one,
    )


def fit_all(chosen: Iterable[str], step: Step, target: Target) -> "dict[str, TrainedModel]":
    """Train models on their simulated samples, as many at a time as there are processors."""
    names = list(chosen)
    rivals = {name: incumbent(target, name) for name in names}
    trained: dict[str, TrainedModel] = {}
    # Fresh processes: a forked one would share the locks of whatever runs threads here.
    workers = min(len(names), os.process_cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_fit_sample, name, rivals[name]): name for name in names}
        for number, done in enumerate(as_completed(running), start=1):
            trained[running[done]] = done.result()
            manifest = trained[running[done]].manifest
            step(f"{manifest.model}, {manifest.training_seconds:.1f} s", number, len(names))
    return {name: trained[name] for name in names}


def _fit_sample(name: str, rival: "Incumbent | None") -> "TrainedModel":
    from models.catalogue import find
    from models.job import train as run

    return run(find(name), incumbent=rival)
