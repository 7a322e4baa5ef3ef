"""The batch side of a stack: its buckets and queues, by the stack's outputs."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.failure import CommandError
from cli.target import START, resolve

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack", envvar="MAAS_STACK", metavar="NAME", help="A deployed stack; by default the local one."
    ),
]


@dataclass(frozen=True)
class Deployment:
    """A stack's outputs by name, and what makes clients for it."""

    outputs: dict[str, str]
    make: Any

    def client(self, service: str) -> Any:
        """A boto3 client of the place where the stack is."""
        return self.make(service)

    def output(self, name: str) -> str:
        """One output.

        Raises:
            CommandError: The stack has no such output.
        """
        if name not in self.outputs:
            raise CommandError(
                f"The stack has no output {name}.", next_step="deploy the present template: `maas up`."
            )
        return self.outputs[name]


def find(stack: str | None) -> Deployment:
    """The stack of this name, or the local one.

    Raises:
        CommandError: There is none.
    """
    if stack is None:
        target = resolve()
        if target.stack is None:
            raise CommandError("No stack to work on.", next_step=START)
        return Deployment(target.outputs, target.stack.client)
    import boto3

    answer = boto3.client("cloudformation").describe_stacks(StackName=stack)
    found = answer["Stacks"][0].get("Outputs", [])
    return Deployment({o["OutputKey"]: o["OutputValue"] for o in found}, boto3.client)
