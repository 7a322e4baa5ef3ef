"""`maas models`, `promote`, `rollback` and `history`: which versions there are, and which one serves."""

import getpass
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve
from maas.errors import IntegrityError, ModelNotFound

if TYPE_CHECKING:
    from maas.manifest import Manifest
    from maas.pointer import Pointer
    from maas.registry import Registry

VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version: its name, or 8 or more characters of it.")
]
_COLUMNS = (
    "model",
    "production",
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
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


def models(registry: RegistryOption = None, *, as_json: JsonOption = False) -> None:
    """List the published models with their production versions and scores."""
    rows = list(overview(resolve(registry).registry()))
    if as_json:
        console.emit(rows)
        return
    if not rows:
        console.say("Nothing is published yet.")
        console.remark("next:  `maas train MODEL` (or `maas train --all`) trains and publishes.")
        return
    console.table(
        ["model", "production", "versions", "metric", "score", "baseline", "", "age"],
        [
            (
                row["model"],
                row["production"] or ("damaged" if row["problem"] else "none"),
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


def promote(
    model: ModelArgument,
    version: VersionArgument,
    reason: ReasonOption = "",
    registry: RegistryOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Put a version in production: from now on it answers for its model."""
    pointer = resolve(registry).registry().promote(model, version, actor=actor(), reason=reason)
    _moved(pointer, as_json=as_json)


def rollback(
    model: ModelArgument,
    reason: ReasonOption = "",
    registry: RegistryOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Put the version that served before back in production."""
    pointer = resolve(registry).registry().rollback(model, actor=actor(), reason=reason)
    _moved(pointer, as_json=as_json)


def history(model: ModelArgument, registry: RegistryOption = None, *, as_json: JsonOption = False) -> None:
    """List every move of a model's production pointer, newest first."""
    moves = sorted(resolve(registry).registry().history(model), key=lambda move: move.seq, reverse=True)
    if as_json:
        console.emit([move_record(move) for move in moves])
        return
    if not moves:
        console.say(f"{model} has never been in production.")
        console.remark(f"next:  `maas promote {model} VERSION --reason ...`")
        return
    console.table(
        ["", "time (UTC)", "action", "version", "before", "by", "reason"],
        [
            (
                move.seq,
                f"{move.time:%Y-%m-%d %H:%M:%S}",
                move.action,
                move.version,
                _before(move),
                move.actor,
                move.reason,
            )
            for move in moves
        ],
        title=model,
    )


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
        "newest": published[0].version,
        "versions": len(published),
        "comparison": best.comparison if best else None,
        "simulated_data": current.data.simulated,
        "created": current.created,
    }


def actor() -> str:
    """Who moves a pointer, for the history: the login name (access itself is S3's to decide)."""
    try:
        return getpass.getuser()
    except OSError:  # a container's user id may have no name
        return "unknown"


def age(moment: datetime) -> str:
    """How long ago a moment is, in the largest unit that fits."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def move_record(move: "Pointer") -> dict[str, Any]:
    """One move of a pointer, for programs."""
    return {
        "model": move.model,
        "seq": move.seq,
        "action": move.action,
        "version": move.version,
        "previous": _before(move) or None,
        "time": move.time,
        "actor": move.actor,
        "reason": move.reason,
    }


def _before(move: "Pointer") -> str:
    """The short name of the version that a rollback would return to."""
    from maas.manifest import VERSION_LENGTH

    return (move.previous or "")[:VERSION_LENGTH]


def _moved(pointer: "Pointer", *, as_json: bool) -> None:
    """Say what is in production now."""
    if as_json:
        console.emit(move_record(pointer))
        return
    console.say(
        f"{pointer.model} {pointer.version} is in production (move {pointer.seq}).", style="bold green"
    )
    if before := _before(pointer):
        console.say(f"  before it: {before}; `maas rollback {pointer.model}` returns to it.")
    console.say(f"next:  maas predict {pointer.model}")
