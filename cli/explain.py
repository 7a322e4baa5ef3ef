"""`maas explain`: where an answer comes from, as bars, a map or coloured words."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli import console, predict
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import JsonOption, ModelArgument, UrlOption, resolve

WIDTH = 24  # characters of the longest bar
MOST = 16  # bars shown
_UP, _DOWN = "green", "red"
_SHADES = " ░▒▓█"

Method = Annotated[
    str | None,
    typer.Option("--method", help="sampling, lime, occlusion or leave-one-out; by default what fits best."),
]


def explain(
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
    method: Method = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="FIELD", help="The number of the answer to explain."),
    ] = None,
    class_: Annotated[
        int | None,
        typer.Option("--class", metavar="N", help="The class to explain, of a model that has several."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option("--samples", metavar="N", help="For the same figures on every machine; 2 to 512."),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", help="A version (8 or more characters) instead of production's."),
    ] = None,
    curl: Annotated[bool, typer.Option("--curl", help="Also print the request as a curl command.")] = False,
    url: UrlOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a deployed model where its answers come from.

    Records are given as for `maas predict`. Bars to the right raise the answer, bars to the left lower it.
    """
    api = resolve(url=url, stack=stack).api()
    sent = predict.given(model, instances, file, field)
    asked = {"method": method, "target": target, "class": class_, "samples": samples}
    parameters = {name: value for name, value in asked.items() if value is not None}
    body: dict[str, Any] = {"instances": sent, **({"parameters": parameters} if parameters else {})}
    path = predict.route(model, "v1", version).replace(":predict", ":explain")
    if curl:
        from cli.api import curl as command

        (console.remark if as_json else console.say)(command(api, path, body))
    answer = api.post(path, body)
    if as_json:
        console.emit(answer.document)
        return
    predictions, found = (
        answer.document.get(name) if isinstance(answer.document, dict) else None
        for name in ("predictions", "explanations")
    )
    if not isinstance(predictions, list) or not isinstance(found, list):
        raise CommandError("The answer has no explanations.", next_step="check the address given as --url.")
    for number, (prediction, explanation) in enumerate(zip(predictions, found, strict=True)):
        show(f"{model}, record {number}", prediction, explanation)


def show(title: str, prediction: dict[str, Any], explanation: dict[str, Any]) -> None:
    """Print one prediction and where it comes from."""
    console.say(title, style="bold")
    console.say(", ".join(f"{name}: {console.plain(value)}" for name, value in prediction.items()))
    of_class = f", class {explanation['class']}" if "class" in explanation else ""
    scale = "" if explanation["scale"] == "answer" else f" ({explanation['scale']})"
    exact = ", exact" if explanation["exact"] else ""
    console.say(
        f"{explanation['target']}{of_class}{scale}: {console.plain(explanation['value'])}, without it all "
        f"{console.plain(explanation['base_value'])}; by {explanation['method']}{exact}"
    )
    if "map" in explanation:
        for line in shaded(explanation["map"]["values"]):
            console.stdout().print(line)
    elif "tokens" in explanation:
        console.stdout().print(coloured(explanation["tokens"]), soft_wrap=True)
    else:
        bars(explanation["attributions"])


def bars(attributions: list[dict[str, Any]]) -> None:
    """Print contributions as bars to either side, the largest first."""
    moving = [one for one in attributions if one["contribution"]]
    most = max((abs(one["contribution"]) for one in moving), default=0.0)
    rows = [
        (
            one["field"] + _piece(one.get("part")),
            console.plain(one.get("value")),
            bar(one["contribution"], most),
            Text(f"{one['contribution']:+.4g}", style=_UP if one["contribution"] > 0 else _DOWN),
            f"± {one['error']:.2g}" if one["error"] else "",
        )
        for one in moving[:MOST]
    ]
    console.table(["", "value", "lowers | raises", "by", "error"], rows)
    idle = len(attributions) - len(moving)
    hidden = len(moving) - len(rows)
    if hidden or idle:
        parts = [f"{hidden} smaller ones" if hidden else "", f"{idle} that change nothing" if idle else ""]
        console.remark(f"not shown: {' and '.join(part for part in parts if part)}; --json prints all.")


def bar(contribution: float, most: float) -> Text:
    """A bar of WIDTH characters at most, to the left of the middle where it lowers."""
    length = max(1, round(WIDTH * abs(contribution) / most)) if contribution else 0
    drawn = "█" * length
    if contribution < 0:
        return Text(drawn.rjust(WIDTH), style=_DOWN) + Text("│" + " " * WIDTH, style="dim")
    return Text(" " * WIDTH + "│", style="dim") + Text(drawn.ljust(WIDTH), style=_UP)


def coloured(tokens: list[dict[str, Any]]) -> Text:
    """Words in the colour of their direction; the strongest stand out."""
    most = max((abs(one["contribution"]) for one in tokens), default=0.0)
    text = Text()
    for one in tokens:
        share = abs(one["contribution"]) / most if most else 0.0
        direction = _UP if one["contribution"] > 0 else _DOWN
        strong = f"bold reverse {direction}" if share > 0.5 else direction  # noqa: PLR2004 - half of the strongest
        text.append(one["token"], style=strong if share > 0.05 else "dim")  # noqa: PLR2004 - next to nothing
        text.append(" ")
    return text


def shaded(values: list[list[float]]) -> list[Text]:
    """A picture's map: the darker, the more hiding the place would change; red where it would raise."""
    most = max((abs(value) for row in values for value in row), default=0.0) or 1.0
    lines = []
    for row in values:
        line = Text()
        for value in row:
            shade = _SHADES[min(len(_SHADES) - 1, round(abs(value) / most * (len(_SHADES) - 1)))]
            line.append(shade * 2, style=_UP if value >= 0 else _DOWN)
        lines.append(line)
    return lines


def _piece(part: str | None) -> str:
    if part is None:
        return ""
    return part if part.startswith("[") else f" {part}"
