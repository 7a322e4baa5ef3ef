"""`maas diff`: two versions of a model, side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.deployment import StackOption
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve

if TYPE_CHECKING:
    from maas.manifest import Manifest

_MISSING = None
_LABEL = 60  # characters of a record
Pairs = dict[str, tuple[Any, Any]]


def diff(
    model: ModelArgument,
    old: Annotated[str, typer.Argument(metavar="V1", help="A version: its name, or 8 or more of it.")],
    new: Annotated[str, typer.Argument(metavar="V2", help="Another version.")],
    registry: RegistryOption = None,
    stack: StackOption = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show what is equal too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two versions: scores, features, settings, libraries, data, size, answers."""
    versions = resolve(registry, stack=stack).registry()
    first, second = versions.manifest(model, old), versions.manifest(model, new)
    found = {title: pairs for title, pairs in compared(first, second).items() if pairs}
    if not everything:
        found = {
            title: kept
            for title, pairs in found.items()
            if (kept := {name: pair for name, pair in pairs.items() if pair[0] != pair[1]})
        }
    if as_json:
        sections = {
            title: {name: {"old": one, "new": other} for name, (one, other) in pairs.items()}
            for title, pairs in found.items()
        }
        console.emit({"model": model, "old": first.version, "new": second.version, "differences": sections})
        return
    if first.digest == second.digest:
        console.say(f"{model} {first.version} is one version under two names.")
        return
    if not found:
        console.say("They differ in nothing but the time they were made.")
    for title, pairs in found.items():
        change = title in _MEASURED
        console.table(
            ["", first.version, second.version, *(["change"] if change else [])],
            [
                (name, *map(_shown, pair), *([_change(*pair)] if change else []))
                for name, pair in pairs.items()
            ],
            title=title,
        )


_MEASURED = ("Scores on held-out data", "Size and time")


def compared(first: "Manifest", second: "Manifest") -> dict[str, Pairs]:
    """The two manifests' values by section and name; None where one has none."""
    return {
        "Scores on held-out data": _pairs(first.metrics, second.metrics)
        | _pairs(_baseline(first), _baseline(second)),
        "Size and time": {
            "model bytes": (_size(first), _size(second)),
            "training seconds": (first.training_seconds, second.training_seconds),
        },
        "Features": _features(first.feature_names, second.feature_names),
        "Settings": _pairs(first.hyperparameters, second.hyperparameters),
        "Data": _pairs(_document(first.data), _document(second.data)),
        "Libraries": _pairs(first.libraries, second.libraries),
        "Made by": _pairs(_origin(first), _origin(second)),
        "Answers to golden samples": _answers(first, second),
    }


def _size(manifest: "Manifest") -> int:
    return manifest.artifact.size + (manifest.weights.size if manifest.weights else 0)


def _baseline(manifest: "Manifest") -> dict[str, float]:
    return {f"baseline {name}": value for name, value in manifest.baseline.metrics.items()}


def _document(part: Any) -> dict[str, Any]:
    found: dict[str, Any] = part.model_dump(mode="json")
    return found


def _origin(manifest: "Manifest") -> dict[str, Any]:
    made = _document(manifest.reproduction) if manifest.reproduction else {}
    return {"code revision": manifest.code_revision, **made}


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> Pairs:
    names = [*first, *(name for name in second if name not in first)]
    return {name: (first.get(name, _MISSING), second.get(name, _MISSING)) for name in names}


def _features(first: tuple[str, ...], second: tuple[str, ...]) -> Pairs:
    """Each feature with its place, counted from 1."""
    places = [{name: place for place, name in enumerate(names, 1)} for names in (first, second)]
    return _pairs(*places)


def _answers(first: "Manifest", second: "Manifest") -> Pairs:
    """What both were asked, and what each answered."""
    theirs = _golden(second)
    found: Pairs = {}
    for instance, answer in _golden(first):
        other = next((given for asked, given in theirs if asked == instance), None)
        if other is not None:
            # A picture is thousands of characters: its beginning and its number tell it apart.
            found[f"{len(found) + 1}. {console.plain(instance)[:_LABEL]}"] = (answer, other)
    return found


def _golden(manifest: "Manifest") -> list[tuple[Any, Any]]:
    return list(zip(manifest.golden.instances, manifest.golden.predictions, strict=True))


def _shown(value: Any) -> Any:
    # More digits than elsewhere: what differs in the fifth must not look equal.
    return value if isinstance(value, str) else console.plain(value, 6)


def _change(first: Any, second: Any) -> str | None:
    if not isinstance(first, int | float) or not isinstance(second, int | float) or not first:
        return None
    return f"{100 * (second - first) / abs(first):+.1f} %"
