"""`maas cost`: what a thousand calls of `:predict` cost, as measured, and when an own server is cheaper."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli import console
from cli.deployment import Deployment, StackOption, find
from cli.failure import CommandError
from cli.invocation import measure
from cli.predict import examples
from cli.progress import Steps
from cli.target import JsonOption
from maas.prices import Cost

_DAYS = 7
_CALLS = 20
_MONTH = 30


def cost(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="One model; by default all of the stack.")
    ] = None,
    calls: Annotated[
        float | None,
        typer.Option("--calls", min=0, help="Calls a month; by default as the last seven days went."),
    ] = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Estimate the price of calls of :predict from their measured durations and the function's memory size.

    Durations are those that the functions recorded in the last seven days, without explanations and files;
    where nobody called, a few calls are made.
    """
    deployment = find(stack)
    names = [model] if model else models(deployment)
    rows = []
    with Steps() as steps, steps.step("measure") as step:
        for index, name in enumerate(names):
            step(name, index, len(names))
            rows.append(_row(deployment, name, calls))
    if as_json:
        console.emit(rows)
        return
    _show(rows)


def models(deployment: Deployment) -> list[str]:
    """The names of the stack's models that this checkout knows."""
    from models.catalogue import discover
    from models.scaffold.template_block import camel

    return [name for name in sorted(discover()) if f"{camel(name)}Function" in deployment.outputs]


def function_of(deployment: Deployment, model: str) -> str:
    """The ARN, alias included, of a model's function.

    Raises:
        CommandError: The stack has no such model.
    """
    from models.scaffold.template_block import camel

    name = f"{camel(model)}Function"
    if name not in deployment.outputs:
        raise CommandError(
            f"The stack has no model {model}.", next_step="`maas models` lists what is published."
        )
    return deployment.outputs[name]


def _row(deployment: Deployment, model: str, calls: float | None) -> dict[str, Any]:
    function = function_of(deployment, model)
    client = deployment.client("lambda")
    settings = client.get_function_configuration(FunctionName=function)
    recorded = _recorded(deployment, model)
    if recorded is None:
        try:
            timing = measure(client, function, {"instances": examples(model)[:1]}, _CALLS)
        except CommandError as error:
            return {"model": model, "problem": str(error)}
        milliseconds, seen = timing.mean, 0.0
        source = f"{_CALLS} calls just now" + ("" if timing.billed else ", by this clock")
    else:
        milliseconds, seen = recorded
        source = f"the last {_DAYS} days"
    estimate = Cost(milliseconds, settings["MemorySize"], settings["Architectures"][0])
    monthly = calls if calls is not None else seen / _DAYS * _MONTH
    return {"model": model, "measured": source, **estimate.to_json(monthly)}


def _recorded(deployment: Deployment, model: str) -> tuple[float, float] | None:
    """Mean milliseconds and number of calls of `:predict` in the last days; None where there were none."""
    from maas.emf import NAMESPACE  # which imports NumPy

    # Not Lambda's own Duration, which is of blocks of files and explanations too.
    dimensions = {"environment": deployment.output("ApiStage"), "service": model}
    end = datetime.now(UTC)
    points = deployment.client("cloudwatch").get_metric_statistics(
        Namespace=f"{NAMESPACE}/{deployment.name}",
        MetricName="Latency",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=end - timedelta(days=_DAYS),
        EndTime=end,
        Period=_DAYS * 86400,
        Statistics=["Average", "SampleCount"],
    )["Datapoints"]
    count = sum(point["SampleCount"] for point in points)
    if not count:
        return None
    return sum(point["Average"] * point["SampleCount"] for point in points) / count, count


def _show(rows: list[dict[str, Any]]) -> None:
    good = [row for row in rows if "problem" not in row]
    console.table(
        [
            "model",
            "ms",
            "MB",
            "$ / 1,000 calls",
            "$ / month idle",
            "calls / month",
            "$ / month",
            "break-even",
        ],
        [
            (
                row["model"],
                row["milliseconds"],
                row["memory"],
                f"{row['usd_per_thousand']:.4f}",
                f"{row['usd_standing_per_month']:.2f}",
                f"{row['calls_per_month']:,.0f}",
                f"{row['usd_per_month']:.2f}",
                f"{row['break_even_calls_per_month']:,.0f}",
            )
            for row in good
        ],
        title="What calls of :predict cost",
    )
    for row in rows:
        if "problem" in row:
            console.remark(f"{row['model']}: {row['problem']}", style="red")
    if good:
        console.say(
            f"{good[0]['always_on']}: ${good[0]['usd_always_on_per_month']:.2f} a month, called or not; "
            "break-even is the number of calls a month at which the model costs as much."
        )
        console.remark(
            f"List prices of {good[0]['prices']}. Starts and work after the answer are not in them."
        )
        for source in dict.fromkeys(row["measured"] for row in good):
            measured = ", ".join(row["model"] for row in good if row["measured"] == source)
            console.remark(f"Measured over {source}: {measured}.")
