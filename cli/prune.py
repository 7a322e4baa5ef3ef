"""`maas prune`: what nobody needs any more in the registry, shown first and removed when told so."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import JsonOption, RegistryOption, resolve
from cli.versions import age

if TYPE_CHECKING:
    from maas.garbage import Find, Survey

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_LEAST_DAYS = 2


def _grace(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([hdw])", text)
    grace = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if grace < timedelta(days=_LEAST_DAYS):
        raise typer.BadParameter(f"{text!r}: write 30d or 4w, at least {_LEAST_DAYS}d")
    return grace


def prune(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="One model's versions; by default all.")
    ] = None,
    grace: Annotated[
        str,
        typer.Option("--grace", metavar="30d", help="Leave alone what is younger: 12w, 30d; at least 2d."),
    ] = "30d",
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", min=0, help="Remove versions too that were never released, but for the newest so many."
        ),
    ] = None,
    spare: Annotated[
        str | None, typer.Option("--spare", metavar="VERSION", help="Keep a version that is marked.")
    ] = None,
    registry: RegistryOption = None,
    *,
    stack: StackOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this nothing is changed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no version needs: bytes of publications that broke off, and with --keep old versions.

    Nothing goes that a pointer or any entry of a history names. Versions are marked for deletion first, and
    removed by a run a day later or more; meanwhile nobody can release them, and --spare keeps them.
    """
    from maas.garbage import Garbage

    versions = resolve(registry, stack=stack).registry()
    unneeded = Garbage(versions.store, grace=_grace(grace))
    if spare is not None:
        if model is None:
            raise typer.BadParameter("say whose version it is: maas prune MODEL --spare VERSION")
        manifest = versions.manifest(model, spare)
        lifted = unneeded.spare(manifest)
        if as_json:
            console.emit({"model": model, "version": manifest.version, "spared": lifted})
        else:
            text = "is kept" if lifted else "was not marked for deletion"
            console.say(f"{model} {manifest.version} {text}.")
        return
    survey = unneeded.survey(model, keep=keep)
    refused = {find.key: why for find, why in unneeded.sweep(survey)} if yes else {}
    rows = _rows(survey, done=yes, refused=refused)
    if as_json:
        console.emit({"done": yes, "bytes": _bytes(survey, refused), "objects": rows})
    else:
        _report(survey, rows, refused, done=yes)
    if refused:
        raise CommandError(
            f"S3 refuses to remove {len(refused)} of them: {next(iter(refused.values()))}",
            next_step="objects under Object Lock go when their time is over; run it again then.",
        )


def _rows(survey: "Survey", *, done: bool, refused: dict[str, str]) -> list[dict[str, Any]]:
    """Every find with what is, or would be, done about it."""
    plan: list[tuple[str, list[Find]]] = [
        ("keep" if not done else "kept", survey.lifted),
        ("mark" if not done else "marked", survey.condemned),
        ("wait", survey.waiting),
        ("remove" if not done else "removed", survey.removed),
    ]
    return [
        {
            "action": "refused" if find.key in refused else action,
            "kind": find.kind,
            "model": find.model,
            "name": find.digest[:12],
            "bytes": find.size,
            "modified": find.modified,
            "reason": refused.get(find.key, find.reason),
            "key": find.key,
        }
        for action, finds in plan
        for find in finds
    ]


def _bytes(survey: "Survey", refused: dict[str, str]) -> int:
    return sum(find.size for find in survey.removed if find.key not in refused)


def _report(survey: "Survey", rows: list[dict[str, Any]], refused: dict[str, str], *, done: bool) -> None:
    if not rows:
        console.say("Nothing to remove: everything is needed, or too young.")
        return
    console.table(
        ["", "what", "model", "name", "size", "age", "why"],
        [
            (
                row["action"],
                row["kind"],
                row["model"],
                row["name"],
                console.size(row["bytes"]),
                age(row["modified"]),
                row["reason"],
            )
            for row in rows
        ],
    )
    removed = len(survey.removed) - len(refused)
    total = console.size(_bytes(survey, refused))
    if done:
        console.say(
            f"{removed} objects removed, {total}; {len(survey.condemned)} versions marked for deletion."
        )
    else:
        console.say(
            f"{removed} objects to remove, {total}; {len(survey.condemned)} versions to mark for deletion."
        )
        console.say("Nothing was changed.", style="bold")
        console.say("next:  the same with --yes")
