"""Where commands work: the local stack, or a deployed one named by its registry bucket and its address."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cli.failure import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from cli.api import Api
    from cli.stack import Stack
    from maas.registry import Registry

START = (
    "`maas up` starts a local stack; a deployed one is named by --registry s3://BUCKET and --url https://..."
)

RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        envvar="MAAS_MODELS_BUCKET",
        metavar="s3://BUCKET",
        help="The model registry's bucket; by default the local stack's.",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="MAAS_API_URL",
        metavar="https://...",
        help="The API's address; by default the local stack's.",
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
    """

    named_bucket: str | None = None
    named_url: str | None = None
    stack: "Stack | None" = None

    @property
    def found(self) -> bool:
        """Whether there is any stack to work on."""
        return bool(self.named_bucket or self.named_url or self.stack)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The local stack's outputs by name; empty for a deployed one."""
        return self.stack.outputs() if self.stack else {}

    @property
    def bucket(self) -> str:
        """The registry's bucket.

        Raises:
            CommandError: None is known.
        """
        if bucket := self.named_bucket or self.outputs.get("ModelsBucket"):
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


def resolve(registry: str | None = None, url: str | None = None) -> Target:
    """The stack that options or environment name, else the local one, else none.

    Raises:
        typer.BadParameter: A name is not of the form it should have.
    """
    if registry or url:
        return Target(_bucket(registry), _address(url))
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
