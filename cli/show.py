"""`maas show`: everything about one version of a model, on one page."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console, signing
from cli.deployment import StackOption
from cli.predict import contract
from cli.release import share, trials
from cli.target import JsonOption, ModelArgument, RegistryOption, resolve
from cli.trained import gate_table
from cli.versions import age, chosen

if TYPE_CHECKING:
    from pydantic import BaseModel

    from maas.manifest import Manifest, TensorSpec
    from maas.pointer import Pointer

BOUNDS = {"minimum": ">= ", "exclusiveMinimum": "> ", "maximum": "<= ", "exclusiveMaximum": "< "}


def show(
    model: ModelArgument,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Production's, or the newest, where left out.")
    ] = None,
    registry: RegistryOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show one version: scores against the baseline, inputs with units and bounds, data, size."""
    target = resolve(registry, stack=stack)
    manifest, pointer = chosen(target.registry(), model, version)
    signature = signing.state(target, manifest)
    if as_json:
        in_production = pointer is not None and pointer.stable == manifest.digest
        extra = {"version": manifest.version, "digest": manifest.digest, "in_production": in_production}
        extra |= {"signature": signature} | trials(pointer)
        console.emit(extra | manifest.model_dump(mode="json"))
        return
    card(manifest, pointer, signing.described(signature))


def card(manifest: "Manifest", pointer: "Pointer | None", signature: str) -> None:
    """Print a manifest as people read it."""
    from cli.score import scores

    state = role(manifest, pointer)
    console.say(f"{manifest.model} {manifest.version}", style="bold")
    console.say(
        f"{manifest.summary}\n{state}, {age(manifest.created)} old, {console.size(manifest.artifact.size)}"
    )
    console.table(
        ["metric", "this version", f"baseline: {manifest.baseline.name}", ""],
        [(score.metric, score.value, score.baseline, score.comparison) for score in scores(manifest)],
        title="Held-out data",
    )
    found = contract(manifest.model)
    columns = ["type", "unit", "bounds", "meaning"]
    takes = described(manifest.inputs, found.record if found else None)
    console.table(["input", *columns], takes, title="Takes")
    answers = described(manifest.outputs, found.prediction if found else None)
    console.table(["output", *columns], answers, title="Answers")
    console.table(["", ""], _facts(manifest, signature), title="Made from")
    gate_table(manifest)
    if pointer is None or manifest.digest != pointer.stable:
        console.remark(f"next:  `maas promote {manifest.model} {manifest.version} --reason ...`")


def role(manifest: "Manifest", pointer: "Pointer | None") -> str:
    """What a version does at the moment."""
    if pointer and pointer.stable == manifest.digest:
        beside = {"canary": share(pointer), "shadow": trials(pointer)["shadow"]}
        running = [f"the {part} {version}" for part, version in beside.items() if version]
        return f"in production beside {' and '.join(running)}" if running else "in production"
    if pointer and pointer.canary and pointer.canary.manifest == manifest.digest:
        return f"canary, answers {pointer.canary.weight} % of the requests"
    return "shadow" if pointer and pointer.shadow == manifest.digest else "not in production"


def described(tensors: "Iterable[TensorSpec]", record: "type[BaseModel] | None") -> list[tuple[object, ...]]:
    """Name, type, unit, bounds and meaning of each tensor; without its record only name and type."""
    from maas.schema import fields_of

    fields = fields_of(record) if record else {}
    properties = record.model_json_schema()["properties"] if record else {}
    rows: list[tuple[object, ...]] = []
    for tensor in tensors:
        field, schema = fields.get(tensor.name), properties.get(tensor.name, {})
        shape = " x ".join(str(length) for length in tensor.shape[1:])
        kind = field.kind if field else tensor.datatype
        row = (tensor.name, f"{kind} [{shape}]" if shape else kind, field and field.unit, bounds(schema))
        rows.append((*row, schema.get("description")))
    return rows


def bounds(schema: dict[str, Any]) -> str:
    """What a JSON Schema permits of a value, in short: `>= 0, <= 23`, or its choices."""
    inner = schema.get("items", {})
    # An optional value is a choice between its own schema and null.
    branches = [schema, inner, *(branch for branch in schema.get("anyOf", []))]
    found = [
        f"{sign}{console.plain(part[key])}"
        for part in branches
        for key, sign in BOUNDS.items()
        if key in part
    ]
    choices = [str(choice) for part in branches for choice in part.get("enum", [part.get("const")]) if choice]
    optional = ["or null"] if any(part.get("type") == "null" for part in branches) else []
    default = [f"by default {console.plain(schema['default'])}"] if schema.get("default") is not None else []
    return ", ".join([*found, *([" | ".join(choices)] if choices else []), *optional, *default])


def _facts(manifest: "Manifest", signature: str) -> list[tuple[str, object]]:
    """Where a version comes from."""
    data = manifest.data
    origin = f"{data.name}: {data.rows:,} rows" + (", simulated" if data.simulated else "")
    method = next((candidate.name for candidate in manifest.candidates if candidate.chosen), "")
    return [
        ("data", origin + (f", {data.period}" if data.period else "")),
        ("source", data.source),
        ("method", f"{method}, best of {len(manifest.candidates)}" if method else None),
        ("settings", manifest.hyperparameters),
        ("training", f"{manifest.training_seconds:.1f} s"),
        ("export", f"differs by {manifest.parity.max_abs_difference:.2g} over {manifest.parity.rows:,} rows"),
        ("code", manifest.code_revision),
        ("libraries", manifest.libraries),
        ("artifact", f"sha256:{manifest.artifact.digest}"),
        ("signature", signature),
    ]
