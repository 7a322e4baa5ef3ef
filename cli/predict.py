"""`maas predict`: one request to a deployed model, in either of the API's dialects."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli import console, records
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.records import Instance
from cli.target import JsonOption, ModelArgument, UrlOption, resolve

if TYPE_CHECKING:
    from cli.api import Answer, Api
    from maas.contract import Contract

Protocol = Literal["v1", "v2"]
EXACT = 9  # significant digits: a prediction is shown as it came
SHOWN = 6  # records side by side; more do not fit a terminal


def predict(
    model: ModelArgument,
    *,
    instances: Annotated[
        str | None,
        typer.Option("--instances", metavar="JSON", help="Records: one, a list, or {'instances': [...]}."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The same from a file; - is standard input.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field", "-f", metavar="NAME=VALUE", help="One field of a single record; repeat per field."
        ),
    ] = None,
    protocol: Annotated[
        Protocol,
        typer.Option("--protocol", help="v1: records (KServe V1). v2: tensors (Open Inference Protocol)."),
    ] = "v1",
    version: Annotated[
        str | None,
        typer.Option("--version", help="A version (8 or more characters) instead of production's."),
    ] = None,
    curl: Annotated[bool, typer.Option("--curl", help="Also print the request as a curl command.")] = False,
    url: UrlOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a deployed model for predictions.

    Records come from --instances, --file, --field or standard input; without any, the contract's
    own examples are sent.
    """
    api = resolve(url=url, stack=stack).api()
    sent = given(model, instances, file, field)
    path = route(model, protocol, version)
    body = request(api, model, protocol, sent)
    if curl:
        from cli.api import curl as command

        # Beside a JSON document on standard output, the command would spoil it.
        (console.remark if as_json else console.say)(command(api, path, body))
    answer = api.post(path, body)
    if as_json:
        console.emit(answer.document)
        return
    show(model, sent, predictions(answer, protocol), answer)


def route(model: str, protocol: Protocol, version: str | None = None) -> str:
    """The path that predicts, in one of the dialects."""
    pinned = f"/versions/{version}" if version else ""
    return f"/v1/models/{model}{pinned}:predict" if protocol == "v1" else f"/v2/models/{model}{pinned}/infer"


def request(api: "Api", model: str, protocol: Protocol, sent: list[Instance]) -> dict[str, Any]:
    """The body that asks for predictions for n records; V2's tensors are those of the model's metadata."""
    if protocol == "v1":
        return {"instances": sent}
    metadata = api.get(f"/v2/models/{model}").document
    return records.tensors(sent, metadata["inputs"])


def predictions(answer: "Answer", protocol: Protocol) -> list[Instance]:
    """The predictions of an answer, one per record.

    Raises:
        CommandError: The answer has none.
    """
    name = "predictions" if protocol == "v1" else "outputs"
    found = answer.document.get(name) if isinstance(answer.document, dict) else None
    if not isinstance(found, list):
        raise CommandError(f"The answer has no {name}.", next_step="check the address given as --url.")
    return found if protocol == "v1" else records.from_tensors(found)


def contract(model: str) -> "Contract[Any, Any] | None":
    """The contract of a model whose function is in this checkout."""
    from importlib import import_module
    from importlib.util import find_spec

    if not model.isidentifier() or find_spec(f"functions.{model}") is None:
        return None
    found: Contract[Any, Any] = import_module(f"functions.{model}.handler").handler.contract
    return found


def examples(model: str) -> list[Instance]:
    """Records made of the examples that a model's contract gives for its fields.

    Raises:
        CommandError: There is no such contract in this checkout, or a required field has no example.
    """
    found = contract(model)
    advice = "give --instances, --file or --field."
    if found is None:
        raise CommandError(
            f"No contract of {model} in this checkout to take examples from.", next_step=advice
        )
    given = {name: field.info.examples or [] for name, field in found.fields.items()}
    if missing := [name for name, field in found.fields.items() if field.required and not given[name]]:
        raise CommandError(f"{model} has no example for {', '.join(missing)}.", next_step=advice)
    filled = {name: values for name, values in given.items() if values}
    # The i-th examples of all fields belong together, as far as the shortest list goes.
    return [dict(zip(filled, row, strict=True)) for row in zip(*filled.values(), strict=False)]


def show(model: str, sent: list[Instance], received: list[Instance], answer: "Answer") -> None:
    """Print records and predictions side by side, one column per record."""
    shown = min(SHOWN, len(received))
    rows = [*_rows(sent[:shown]), *_rows(received[:shown], "-> ")]
    title = model + (f" {answer.version}" if answer.version else "") + f", {answer.seconds * 1000:.0f} ms"
    console.table(["", *(f"record {number}" for number in range(shown))], rows, title=title)
    if len(received) > shown:
        console.remark(f"... and {len(received) - shown} more; --json prints all.")


def given(model: str, instances: str | None, file: Path | None, fields: list[str] | None) -> list[Instance]:
    """The records the person gave, else the contract's examples."""
    return _given(model, instances, file, fields) or _examples(model)


def _given(model: str, instances: str | None, file: Path | None, fields: list[str] | None) -> list[Instance]:
    """The records the person gave, or none."""
    if sum(bool(source) for source in (instances, file, fields)) > 1:
        raise typer.BadParameter("give one of --instances, --file and --field")
    if instances:
        return records.from_json(instances, "--instances")
    if file:
        return records.from_file(file)
    if fields:
        found = contract(model)
        return [records.from_fields(fields, {t.name: t.datatype for t in found.inputs()} if found else {})]
    text = records.piped()
    return records.from_json(text, "standard input") if text else []


def _examples(model: str) -> list[Instance]:
    """The contract's examples, saying so."""
    console.remark(f"No records given: sending the examples of {model}'s contract.")
    return examples(model)


def _rows(documents: list[Instance], mark: str = "") -> list[list[object]]:
    """One row per field, one cell per document."""
    names = list(dict.fromkeys(name for document in documents for name in document))
    return [
        [mark + name, *(console.plain(document.get(name), EXACT) for document in documents)] for name in names
    ]
