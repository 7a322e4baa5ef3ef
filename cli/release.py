"""`maas promote`, `withdraw`, `rollback`, `history`: which version answers, and which ones are on trial."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.deployment import StackOption
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve

if TYPE_CHECKING:
    from maas.pointer import Pointer

VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version: its name, or 8 or more characters of it.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


def promote(
    model: ModelArgument,
    version: VersionArgument,
    canary: Annotated[
        int | None,
        typer.Option(
            "--canary",
            min=1,
            max=99,
            metavar="PERCENT",
            help="Let it answer this share of the requests only; again: another share.",
        ),
    ] = None,
    reason: ReasonOption = "",
    registry: RegistryOption = None,
    *,
    stack: StackOption = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Let it compute the answers unseen, to be compared.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a version in production: at once, for a share of the requests, or as a shadow."""
    if canary is not None and shadow:
        raise typer.BadParameter("--canary answers requests, --shadow does not: give one of them")
    versions, who = resolve(registry, stack=stack).registry(), actor()
    if shadow:
        pointer = versions.shadow(model, version, actor=who, reason=reason)
    elif canary is not None:
        pointer = versions.canary(model, version, canary, actor=who, reason=reason)
    else:
        pointer = versions.promote(model, version, actor=who, reason=reason)
    _tell(pointer, as_json=as_json)


def withdraw(
    model: ModelArgument,
    reason: ReasonOption = "",
    registry: RegistryOption = None,
    *,
    stack: StackOption = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="End the shadow only; a canary goes on.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End canary and shadow: the version in production answers alone."""
    versions, who = resolve(registry, stack=stack).registry(), actor()
    if shadow:
        pointer = versions.shadow(model, None, actor=who, reason=reason)
    else:
        pointer = versions.withdraw(model, actor=who, reason=reason)
    _tell(pointer, as_json=as_json)


def rollback(
    model: ModelArgument,
    reason: ReasonOption = "",
    registry: RegistryOption = None,
    *,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw the canary if one runs; else put the version that served before back in production."""
    pointer = resolve(registry, stack=stack).registry().rollback(model, actor=actor(), reason=reason)
    _tell(pointer, as_json=as_json)


def history(
    model: ModelArgument,
    registry: RegistryOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List every move of a model's production pointer, newest first."""
    moves = sorted(
        resolve(registry, stack=stack).registry().history(model), key=lambda move: move.seq, reverse=True
    )
    if as_json:
        console.emit([move_record(move) for move in moves])
        return
    if not moves:
        console.say(f"{model} has never been in production.")
        console.remark(f"next:  `maas promote {model} VERSION --reason ...`")
        return
    console.table(
        ["", "time (UTC)", "action", "production", "canary", "shadow", "before", "by", "reason"],
        [
            (
                move.seq,
                f"{move.time:%Y-%m-%d %H:%M:%S}",
                move.action,
                move.version,
                share(move),
                trials(move)["shadow"],
                _before(move),
                move.actor,
                move.reason,
            )
            for move in moves
        ],
        title=model,
    )


def actor() -> str:
    """Who moves a pointer, for the history: the login name (access itself is S3's to decide)."""
    try:
        return getpass.getuser()
    except OSError:  # a container's user id may have no name
        return "unknown"


def trials(pointer: "Pointer | None") -> dict[str, Any]:
    """The versions on trial beside production, for programs."""
    from maas.manifest import VERSION_LENGTH

    canary = pointer.canary if pointer else None
    return {
        "canary": canary.version if canary else None,
        "canary_percent": canary.weight if canary else None,
        "shadow": pointer.shadow[:VERSION_LENGTH] if pointer and pointer.shadow else None,
    }


def share(pointer: "Pointer | None") -> str | None:
    """The canary and its share, for people."""
    canary = pointer.canary if pointer else None
    return f"{canary.version} {canary.weight} %" if canary else None


def move_record(move: "Pointer") -> dict[str, Any]:
    """One move of a pointer, for programs."""
    return {
        "model": move.model,
        "seq": move.seq,
        "action": move.action,
        "version": move.version,
        **trials(move),
        "previous": _before(move),
        "time": move.time,
        "actor": move.actor,
        "reason": move.reason,
    }


def _before(move: "Pointer") -> str | None:
    """The short name of the version that a rollback would return to."""
    from maas.manifest import VERSION_LENGTH

    return move.previous[:VERSION_LENGTH] if move.previous else None


def _tell(pointer: "Pointer", *, as_json: bool) -> None:
    """Say who answers now, and what can be done next."""
    if as_json:
        console.emit(move_record(pointer))
        return
    model, found = pointer.model, trials(pointer)
    console.say(f"{model} {pointer.version} is in production (move {pointer.seq}).", style="bold green")
    if pointer.canary:
        console.say(
            f"  {found['canary']} is the canary: it answers {found['canary_percent']} % of the requests."
        )
    if found["shadow"]:
        console.say(f"  {found['shadow']} is the shadow: it computes every answer, and is compared.")
    if pointer.canary:
        console.say(f"next:  maas promote {model} {found['canary']}    # or --canary with another share")
        console.say(f"       maas withdraw {model}")
        if pointer.action == "canary":
            console.remark(
                "Nobody widens it, and only its alarms watch it: one that is raised after this takes it back."
            )
        return
    if before := _before(pointer):
        console.say(f"  before it: {before}; `maas rollback {model}` returns to it.")
    console.say(f"next:  maas predict {model}")
