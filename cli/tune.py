"""`maas tune`: a model's function at several memory sizes, and the one to take."""

from typing import Annotated, Any

import typer

from cli import console
from cli.cost import function_of
from cli.deployment import StackOption, find
from cli.failure import CommandError
from cli.invocation import Timing, measure
from cli.predict import examples
from cli.progress import Steps
from cli.target import JsonOption, ModelArgument
from maas.prices import Cost

SIZES = (512, 1024, 1769, 3008)
_LEAST, _MOST = 128, 10_240
# A size that costs this share more than the cheapest may win by being faster.
_WORTH = 0.10


def tune(
    model: ModelArgument,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="MB,MB,...", help="Memory sizes to try.")
    ] = ",".join(map(str, SIZES)),
    calls: Annotated[int, typer.Option("--calls", min=3, max=1000, help="Calls per size.")] = 20,
    rows: Annotated[int, typer.Option("--rows", min=1, max=10_000, help="Records per call.")] = 1,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Measure memory sizes on a deployed stack and recommend one.

    Works on the function's unpublished version, which nobody calls, and gives it back its size at the end.
    """
    wanted = _sizes(sizes)
    deployment = find(stack)
    client = deployment.client("lambda")
    function = function_of(deployment, model).rpartition(":")[0]  # without the alias
    records = examples(model)
    event = {"instances": [records[index % len(records)] for index in range(rows)]}
    settings = client.get_function_configuration(FunctionName=function)
    found: list[tuple[Cost, Timing]] = []
    try:
        with Steps() as steps, steps.step("measure") as step:
            for index, size in enumerate(wanted):
                step(f"{size} MB", index, len(wanted))
                _resize(client, function, size)
                timing = measure(client, function, event, calls)
                found.append((Cost(timing.median, size, settings["Architectures"][0]), timing))
    finally:
        _resize(client, function, settings["MemorySize"])
    best = recommend([cost for cost, _ in found])
    _report(model, found, best, settings["MemorySize"], as_json=as_json)


def recommend(costs: list[Cost]) -> Cost:
    """The fastest of those whose compute costs at most a tenth more than the cheapest's."""
    affordable = min(cost.compute for cost in costs) * (1 + _WORTH)
    return min(
        (cost for cost in costs if cost.compute <= affordable), key=lambda c: (c.milliseconds, c.memory)
    )


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and _LEAST <= int(part) <= _MOST for part in parts):
        raise typer.BadParameter(f"give whole numbers of MB, {_LEAST} to {_MOST}", param_hint="--sizes")
    return sorted({int(part) for part in parts})


def _resize(client: Any, function: str, megabytes: int) -> None:
    client.update_function_configuration(FunctionName=function, MemorySize=megabytes)
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    now = client.get_function_configuration(FunctionName=function)["MemorySize"]
    if now != megabytes:
        raise CommandError(
            f"{function} has {now} MB though {megabytes} were asked for.",
            next_step="somebody else changes this function: repeat when they have finished.",
        )


def _report(model: str, found: list[tuple[Cost, Timing]], best: Cost, present: int, *, as_json: bool) -> None:
    if as_json:
        console.emit(
            {
                "model": model,
                "present": present,
                "recommended": best.memory,
                "billed": all(timing.billed for _, timing in found),
                "sizes": [
                    {
                        "memory": cost.memory,
                        "milliseconds": timing.median,
                        "slowest": max(timing.milliseconds),
                        "usd_compute_per_thousand": cost.compute,
                    }
                    for cost, timing in found
                ],
            }
        )
        return
    longest = max(cost.milliseconds for cost, _ in found) or 1
    console.table(
        ["MB", "median ms", "slowest ms", "$ compute / 1,000", "", ""],
        [
            (
                cost.memory,
                cost.milliseconds,
                max(timing.milliseconds),
                f"{cost.compute:.5f}",
                "█" * max(1, round(24 * cost.milliseconds / longest)),
                ("<- take this" if cost == best else "") + (" (now)" if cost.memory == present else ""),
            )
            for cost, timing in found
        ],
        title=f"{model} at several memory sizes",
    )
    if best.memory != present:
        console.say(f"next:  set MemorySize: {best.memory} in {model}'s block of template.yaml, then deploy.")
    if not all(timing.billed for _, timing in found):
        console.remark("The log told no billed durations: measured by this computer's clock.")
