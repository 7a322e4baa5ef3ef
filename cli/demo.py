"""`maas demo`: the whole way once, from an empty computer to predictions over HTTP."""

import time
from typing import TYPE_CHECKING, Any

from cli import console
from cli.api import curl
from cli.failure import CommandError
from cli.predict import EXACT, examples, predictions, request, route
from cli.progress import Step, Steps
from cli.target import JsonOption, Target
from cli.train import fit_all, recipes
from cli.trained import publish, record
from cli.up import DEFAULT_PORT, PortOption, description, start

if TYPE_CHECKING:
    from cli.api import Answer
    from cli.predict import Protocol
    from models.job import TrainedModel

# A warm function trusts the pointer it has read for half a minute (maas.settings: refresh_seconds).
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 1.0


def demo(port: PortOption = DEFAULT_PORT, *, as_json: JsonOption = False) -> None:
    """Start the local stack, train every model on its sample, promote it and call it over HTTP.

    Needs no AWS account and no Docker. May be run again: it publishes new versions beside the old ones.
    """
    with Steps() as steps:
        target = Target(stack=start(steps, port))
        with steps.step("train every model") as step:
            trained = fit_all(recipes(None, everything=True), step, target)
        results = [_one(steps, target, name, model) for name, model in trained.items()]
    if as_json:
        seconds = {step.name: round(step.seconds, 3) for step in steps.done}
        console.emit(description(target) | {"seconds": seconds, "models": results})
        return
    _report(steps, target, results)


def _one(steps: Steps, target: Target, model: str, trained: "TrainedModel") -> dict[str, Any]:
    """One model's way: publish, promote, and one call in each dialect."""
    with steps.step(f"publish and promote {model}"):
        publish(trained, target, promote=True, reason="maas demo", force="a demonstration shows every model")
    sent = examples(model)
    result = record(trained) | {"instances": sent}
    for protocol in ("v2", "v1"):
        with steps.step(f"call {route(model, protocol)}") as step:
            answer = call(target, model, protocol, trained.manifest.version, step)
        result[protocol] = {
            "predictions": predictions(answer, protocol),
            "milliseconds": round(answer.seconds * 1000, 1),
        }
    return result


def call(target: Target, model: str, protocol: "Protocol", version: str, step: Step) -> "Answer":
    """Ask for predictions of the contract's examples, once the function has taken `version` up.

    Raises:
        CommandError: It does not answer well, or another version goes on answering.
    """
    api, deadline = target.api(), time.monotonic() + PATIENCE_SECONDS
    path, body = route(model, protocol), None
    while True:
        try:
            body = body or request(api, model, protocol, examples(model))
            answer = api.post(path, body)
            if answer.version in {version, None}:
                return answer
            problem = CommandError(f"{model} still answers with version {answer.version}, not {version}.")
        except CommandError as error:
            # A model without a production version a moment ago may not know of it yet; all else is final.
            if error.http_status != 503:  # noqa: PLR2004 - HTTP's own number
                raise
            problem = error
        if time.monotonic() > deadline:
            raise problem
        step(f"waiting for version {version}")
        time.sleep(PAUSE_SECONDS)


def _report(steps: Steps, target: Target, results: list[dict[str, Any]]) -> None:
    """Print what was done, what came back, and how to go on."""
    console.table(
        ["step", "seconds"], [(step.name, f"{step.seconds:.2f}") for step in steps.done], title="What it did"
    )
    for result in results:
        model = result["model"]
        pairs = zip(result["instances"], result["v1"]["predictions"], strict=False)
        console.table(
            ["record", "prediction"],
            [(console.plain(sent, EXACT), console.plain(received, EXACT)) for sent, received in pairs],
            title=f"{model} {result['version']} answered in {result['v1']['milliseconds']:.0f} ms",
        )
    console.say(f"Console:  {target.url}/", style="bold")
    console.say(f"API:      {target.url}", style="bold")
    if results:
        first = results[0]
        console.say("Try:")
        console.say(
            "  " + curl(target.api(), route(first["model"], "v1"), {"instances": first["instances"][:1]})
        )
        console.say(f"  maas predict {first['model']}")
        console.say("  maas models")
    console.say("End:   maas down")
