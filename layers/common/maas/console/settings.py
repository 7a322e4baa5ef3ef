"""What the console is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from maas.errors import ConfigurationError
from maas.settings import count, environment


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """What the console needs to know besides.

    Attributes:
        data_bucket: The S3 bucket with inbox and outbox.
        region: Where the stack is.
        authentication: How callers show who they are: `AWS_IAM`, `JWT`, or empty for not at all.
        login: Where people log in, where tokens are asked for: addresses and the client's name.
        memory: Of this function, in MB: the best guess at a model's, until one has told its own.
        architecture: `x86_64` or `arm64`, for the same.
    """

    data_bucket: str
    region: str
    authentication: str = ""
    login: Mapping[str, str] = field(default_factory=dict)
    memory: int = 1024
    architecture: str = "x86_64"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: A variable is missing or has no usable value.
        """
        env = environment() if environ is None else environ
        bucket, region = env.get("MAAS_DATA_BUCKET", ""), env.get("AWS_REGION", "")
        if not bucket:
            raise ConfigurationError("MAAS_DATA_BUCKET is not set: the template sets it")
        login = {
            name: env[variable]
            for name, variable in (("authorize", "MAAS_LOGIN_URL"), ("client", "MAAS_LOGIN_CLIENT"))
            if env.get(variable)
        }
        return cls(
            data_bucket=bucket,
            region=region,
            authentication=env.get("MAAS_AUTHENTICATION", ""),
            login=login,
            memory=count(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024),
            architecture=env.get("MAAS_ARCHITECTURE", "x86_64"),
        )
