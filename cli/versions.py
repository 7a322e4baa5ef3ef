"""`maas models`: which models are published, which of their versions serve, and how good these are."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import console
from cli.deployment import StackOption
from cli.release import trials
from cli.target import JsonOption, RegistryOption, resolve
from maas.errors import IntegrityError, ModelNotFound

if TYPE_CHECKING:
    from maas.manifest import Manifest
    from maas.pointer import Pointer
    from maas.registry import Registry

_COLUMNS = (
    "model",
    "production",
    "canary",
    "canary_percent",
    "shadow",
    "newest",
    "versions",
    "metric",
    "score",
    "baseline",
    "comparison",
    "simulated_data",
    "created",
    "problem",
)


def models(
    registry: RegistryOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the published models with their production versions and scores."""
    rows = list(overview(resolve(registry, stack=stack).registry()))
    if as_json:
        console.emit(rows)
        return
    if not rows:
        console.say("Nothing is published yet.")
        console.remark("next:  `maas train MODEL` (or `maas train --all`) trains and publishes.")
        return
    console.table(
        ["model", "production", "canary", "shadow", "versions", "metric", "score", "baseline", "", "age"],
        [
            (
                row["model"],
                row["production"] or ("damaged" if row["problem"] else "none"),
                f"{row['canary']} {row['canary_percent']} %" if row["canary"] else None,
                row["shadow"],
                row["versions"],
                row["metric"],
                row["score"],
                row["baseline"],
                row["comparison"],
                age(row["created"]) if row["created"] else None,
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["problem"]:
            console.remark(f"{row['model']}: {row['problem']}", style="red")


def chosen(registry: "Registry", model: str, version: str | None) -> "tuple[Manifest, Pointer | None]":
    """The version that was named, else production's, else the newest; and the production pointer.

    Raises:
        ModelNotFound: Nothing is published under this name.
        VersionNotFound: No such version.
    """
    pointer = registry.production(model)
    named = version or (pointer.stable if pointer else None)
    if named:
        return registry.manifest(model, named), pointer
    published = registry.versions(model)
    if not published:
        raise ModelNotFound(f"{model} has no published version.")
    return published[0], None


def overview(registry: "Registry") -> Iterator[dict[str, Any]]:
    """What fits on one line about each published model.

    The scores are those of the version in production, or of the newest one where none is. A model whose
    objects are damaged has its `problem` on its line and keeps no other model from being listed.
    """
    for model in registry.models():
        row = dict.fromkeys(_COLUMNS) | {"model": model}
        try:
            yield row | _summary(registry.versions(model), registry.production(model))
        except IntegrityError as error:
            yield row | {"problem": error.detail}


def _summary(published: "list[Manifest]", pointer: "Pointer | None") -> dict[str, Any]:
    """One model's line, without its name."""
    from cli.score import scores

    if not published:
        return {"versions": 0}
    current = next((m for m in published if pointer and m.digest == pointer.stable), published[0])
    best = next(iter(scores(current)), None)
    found = {"metric": best.metric, "score": best.value, "baseline": best.baseline} if best else {}
    return found | {
        "production": pointer.version if pointer else None,
        **trials(pointer),
        "newest": published[0].version,
        "versions": len(published),
        "comparison": best.comparison if best else None,
        "simulated_data": current.data.simulated,
        "created": current.created,
    }


def age(moment: datetime) -> str:
    """How long ago a moment is, in the largest unit that fits."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
