"""`maas reproduce`: train a version again and see whether the same bytes come out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.progress import Steps
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve
from cli.train import fit
from cli.versions import chosen

if TYPE_CHECKING:
    from maas.manifest import Manifest


def reproduce(
    model: ModelArgument,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Production's, or the newest, where left out.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PATH|s3://...", help="The data, where it lies elsewhere by now."),
    ] = None,
    registry: RegistryOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Train a version again from its data, code and seed, and compare the result byte for byte.

    Nothing is published. Ends with exit code 1 where the artifact is another one, and says what differs.
    """
    from models.catalogue import find

    manifest, _ = chosen(resolve(registry, stack=stack).registry(), model, version)
    source, seed = data or _source(manifest), _seed(manifest)
    recipe = find(model)
    if manifest.reproduction is not None and manifest.reproduction.search:
        recipe = recipe.widened()
    with Steps() as steps, steps.step(f"train {model} as {manifest.version} was") as step:
        again = fit(recipe, source, seed=seed, step=step).manifest
    same = _blobs(again) == _blobs(manifest)
    found = differences(manifest, again)
    if as_json:
        pairs = {name: {"then": then, "now": now} for name, (then, now) in found.items()}
        digests = {"then": _blobs(manifest), "now": _blobs(again)}
        console.emit(
            {"model": model, "version": manifest.version, "same": same} | digests | {"differs": pairs}
        )
    else:
        _report(manifest, again, found, same=same)
    if not same:
        raise typer.Exit(1)


def _blobs(manifest: "Manifest") -> list[str]:
    """The digests of the bytes that compute: the graph and, where they lie apart, its weights."""
    return [blob.digest for blob in (manifest.artifact, manifest.weights) if blob is not None]


def differences(then: "Manifest", now: "Manifest") -> dict[str, tuple[Any, Any]]:
    """What could have made the artifact another one, where the two trainings differ in it."""
    sides = [_circumstances(then), _circumstances(now)]
    names = [*sides[0], *(name for name in sides[1] if name not in sides[0])]
    pairs = {name: (sides[0].get(name), sides[1].get(name)) for name in names}
    return {name: (one, other) for name, (one, other) in pairs.items() if one != other}


def _circumstances(manifest: "Manifest") -> dict[str, Any]:
    made = manifest.reproduction
    found: dict[str, Any] = {
        "data": manifest.data.digest,
        "rows": manifest.data.rows,
        "code revision": manifest.code_revision,
        "settings": manifest.hyperparameters,
    }
    found |= {f"library {name}": version for name, version in manifest.libraries.items()}
    if made is not None:
        found |= made.model_dump(mode="json", exclude={"command", "source", "environment"})
        found |= {f"variable {name}": value for name, value in made.environment.items()}
    return found


def _source(manifest: "Manifest") -> str | None:
    if manifest.reproduction is not None:
        return manifest.reproduction.source
    if manifest.data.simulated:
        return None
    raise CommandError(
        f"{manifest.version} does not say where its data lies: {manifest.data.source}.",
        next_step="--data PATH names it.",
    )


def _seed(manifest: "Manifest") -> int:
    if manifest.reproduction is not None:
        return manifest.reproduction.seed
    seed = manifest.hyperparameters.get("seed", 0)
    return seed if isinstance(seed, int) else 0


def _named(manifest: "Manifest") -> str:
    return " ".join(f"sha256:{digest}" for digest in _blobs(manifest))


def _report(then: "Manifest", now: "Manifest", found: dict[str, tuple[Any, Any]], *, same: bool) -> None:
    if same:
        console.say(f"The same: {_named(now)}", style="bold green")
    else:
        console.say("Another artifact came out.", style="bold red")
        console.say(f"  then  {_named(then)}")
        console.say(f"  now   {_named(now)}")
    if found:
        title = "Differs all the same" if same else "What differs"
        console.table(
            ["", "then", "now"],
            [(name, console.plain(one, 9), console.plain(other, 9)) for name, (one, other) in found.items()],
            title=title,
        )
    elif not same:
        console.say("Data, code, libraries and machine are the same: this training is not deterministic.")
    if not same and then.reproduction is not None and "code" in found:
        console.remark(f"next:  git checkout {then.code_revision}; {then.reproduction.command}")
