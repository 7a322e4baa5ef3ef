"""A stack and its outputs: the one place where stacks are found, deployed ones and the local one."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.failure import CommandError

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack", envvar="MAAS_STACK", metavar="NAME", help="A deployed stack; by default the local one."
    ),
]


@dataclass(frozen=True)
class Deployment:
    """A stack's outputs by name, what makes clients for it, and its name."""

    outputs: dict[str, str]
    make: Any
    name: str = ""

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
                f"The stack has no output {name}.",
                next_step="deploy the present template: `make deploy`, or `maas up` for the local stack.",
            )
        return self.outputs[name]


def find(stack: str | None) -> Deployment:
    """The stack of this name, or the local one.

    Raises:
        CommandError: There is none.
    """
    if stack is not None:
        return deployed(stack)
    from cli.target import START, resolve

    target = resolve()
    if target.stack is None:
        raise CommandError("No stack to work on.", next_step=START)
    return Deployment(target.outputs, target.stack.client, target.stack.name)


def deployed(stack: str) -> Deployment:
    """The deployed stack of this name, read with the caller's AWS credentials and region.

    Raises:
        CommandError: There is none there, or it may not be read.
    """
    from boto3.session import Session
    from botocore.exceptions import ClientError

    session: Any = Session()
    try:
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise CommandError(
            f"The stack {stack} cannot be read: {error}",
            next_step="check its name, your region and account: `aws sts get-caller-identity`.",
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return Deployment(outputs, session.client, stack)
