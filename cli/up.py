"""`maas up` and `maas down`: the stack on this computer, without an AWS account and without Docker."""

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.progress import Steps
from cli.target import JsonOption, Target

if TYPE_CHECKING:
    from cli.stack import Stack

PortOption = Annotated[
    int,
    typer.Option("--port", min=1024, max=65535, help="The port the AWS emulator listens on, loopback only."),
]
DEFAULT_PORT = 4566


def up(port: PortOption = DEFAULT_PORT, *, as_json: JsonOption = False) -> None:
    """Start the local stack: AWS emulator, `sam build`, `sam deploy`.

    Again on a running stack, it builds and deploys what has changed.
    """
    with Steps() as steps:
        target = Target(stack=start(steps, port))
    if as_json:
        console.emit(description(target))
        return
    console.say("The stack is up.", style="bold green")
    for name, value in description(target).items():
        if value:
            console.say(f"  {name:<9} {value}")
    console.say("next:  maas train --all --promote   (or `maas demo`, which does everything)")


def down(*, as_json: JsonOption = False) -> None:
    """End the local stack and remove all it kept: models published to it are gone."""
    from cli.emulator import STATE, Emulator

    ended = Emulator().stop()
    shutil.rmtree(STATE, ignore_errors=True)
    if as_json:
        console.emit({"ended": ended})
    else:
        console.say("The stack is down; nothing of it is left." if ended else "No stack was running.")


def start(steps: Steps, port: int) -> "Stack":
    """Start emulator and stack, one step each; what already runs is kept and brought up to date.

    Raises:
        EmulatorError: The port is taken, or the emulator does not come up.
        StackError: The build or the deployment failed.
    """
    from cli.emulator import Emulator
    from cli.stack import Stack

    emulator = Emulator()
    with steps.step("start the AWS emulator"):
        emulator.start(port)
        emulator.wait_until_ready()
    stack = Stack(port)
    with steps.step("sam build"):
        stack.build()
    with steps.step("sam deploy"):
        stack.deploy()
    return stack


def description(target: Target) -> dict[str, str]:
    """Where a local stack's parts are."""
    from cli.emulator import endpoint_url

    stack = target.stack
    return {
        "console": f"{target.url}/",
        "api": target.url,
        "registry": f"s3://{target.bucket}",
        "aws": endpoint_url(stack.port) if stack else "",
        "stack": stack.name if stack else "",
    }
