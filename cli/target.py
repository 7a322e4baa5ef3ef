"""Where commands work: the local stack, or a deployed one, named as a whole or by bucket and address."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cli.deployment import deployed
from cli.failure import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from cli.api import Api
    from cli.stack import Stack
    from maas.registry import Registry

START = (
    "`maas up` starts a local stack; --stack NAME, or MAAS_STACK in the environment, names a deployed one."
)

RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        envvar="MAAS_MODELS_BUCKET",
        metavar="s3://BUCKET",
        help="The model registry's bucket; by default the stack's.",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="MAAS_API_URL",
        metavar="https://...",
        help="The API's address; by default the stack's.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output, for programs.")
]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name, as in `maas models`.")]


@dataclass(frozen=True)
class Target:
    """One stack. Either everything is local, or everything was named: the two are never mixed.

    Attributes:
        named_bucket: The registry's bucket, where one was named.
        named_url: The API's address, where one was named.
        stack: The local stack, where nothing was named and one runs.
        named_stack: The deployed stack, where one was named; its outputs say what was not named besides.
    """

    named_bucket: str | None = None
    named_url: str | None = None
    stack: "Stack | None" = None
    named_stack: str | None = None

    @property
    def found(self) -> bool:
        """Whether there is any stack to work on."""
        return self.has_registry or self.has_api

    @property
    def has_registry(self) -> bool:
        """Whether a registry is known, or a stack that has one."""
        return bool(self.named_bucket or self.stack or self.named_stack)

    @property
    def has_api(self) -> bool:
        """Whether an API is known, or a stack that has one."""
        return bool(self.named_url or self.stack or self.named_stack)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name; empty where only a bucket or an address was named."""
        if self.stack:
            return self.stack.outputs()
        return deployed(self.named_stack).outputs if self.named_stack else {}

    @property
    def bucket(self) -> str:
        """The registry's bucket.

        Raises:
            CommandError: None is known, or the one that was named is not the named stack's.
        """
        own = self.outputs.get("ModelsBucket")
        if self.named_bucket and own and own != self.named_bucket:
            raise CommandError(
                f"The registry s3://{self.named_bucket} is not that of the stack {self.named_stack}.",
                next_step="name one of them: --stack or --registry, MAAS_STACK or MAAS_MODELS_BUCKET.",
            )
        if bucket := self.named_bucket or own:
            return bucket
        raise CommandError("No model registry to work on.", next_step=START)

    @property
    def url(self) -> str:
        """The API's address, without a slash at the end.

        Raises:
            CommandError: None is known.
        """
        if self.named_url:
            return self.named_url
        if self.stack:
            return self.stack.api_url(self.outputs)
        if "ApiUrl" in self.outputs:
            return self.outputs["ApiUrl"].rstrip("/")
        raise CommandError("No API to call.", next_step=START)

    def registry(self) -> "Registry":
        """The model registry; what is released in it is signed, where the stack has a key for that.

        Raises:
            CommandError: None is known.
        """
        from cli.signing import signer
        from maas.registry import Registry
        from maas.s3_client import s3_client
        from maas.store import ObjectStore

        store = ObjectStore(self.bucket, self._s3_client if self.stack else s3_client)
        return Registry(store, signer=signer(self))

    def api(self) -> "Api":
        """The API, with whatever there is to show it who calls: a signature, a token, a key.

        Raises:
            CommandError: None is known, or a secret would travel in the clear.
        """
        from cli.api import Api
        from cli.credentials import Credentials

        return Api(self.url, Credentials.find(self.url))

    def _s3_client(self) -> "S3Client":
        """The local stack's S3: endpoint and dummy credentials go to this one client and nowhere else."""
        if self.stack is None:
            raise CommandError("No local stack runs.", next_step=START)
        client: Any = self.stack.client("s3")
        return cast("S3Client", client)


def resolve(registry: str | None = None, url: str | None = None, stack: str | None = None) -> Target:
    """The stack that options or environment name, else the local one, else none.

    A registry or an address that is named comes before that of a stack that is named.

    Raises:
        typer.BadParameter: A name is not of the form it should have.
    """
    if registry or url or stack:
        return Target(_bucket(registry), _address(url), named_stack=stack or None)
    from cli.emulator import Emulator
    from cli.stack import Stack

    instance = Emulator().running()
    return Target(stack=Stack(instance.port) if instance else None)


def _bucket(registry: str | None) -> str | None:
    """A bucket's name from `s3://BUCKET`; the bare name is what the functions' environment holds."""
    bucket = (registry or "").removeprefix("s3://").rstrip("/")
    if "/" in bucket or ":" in bucket:
        raise typer.BadParameter(f"{registry!r} is no bucket: write s3://BUCKET", param_hint="--registry")
    return bucket or None


def _address(url: str | None) -> str | None:
    """An address without the slash at its end."""
    if url and not url.startswith(("https://", "http://")):
        raise typer.BadParameter(f"{url!r} is no address: it starts with https://", param_hint="--url")
    return url.rstrip("/") if url else None
