"""What the batch function is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maas.errors import ConfigurationError
from maas.settings import count, environment


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What the batch function needs to know besides.

    Attributes:
        data_bucket: The S3 bucket with inbox, outbox and jobs.
        functions: What the names of the models' functions begin with, `<stack>-`.
        queue: The URL of its own queue.
        dead_letters: The URL of the queue for what cannot be scored.
        state_machine: The ARN of the state machine for large files; empty where there is none.
        width: Blocks of one file that are scored at once.
        memory: Of this function, in MB: what it costs is estimated as if the models' had as much.
        attempts: How often the queue delivers a message before it gives up; the template says the same.
    """

    data_bucket: str
    functions: str
    queue: str
    dead_letters: str
    state_machine: str = ""
    width: int = 16
    memory: int = 1024
    attempts: int = 5

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: A variable is missing or has no usable value.
        """
        env = environment() if environ is None else environ
        needed = ("MAAS_DATA_BUCKET", "MAAS_FUNCTIONS", "MAAS_BATCH_QUEUE", "MAAS_BATCH_DEAD_LETTERS")
        for name in needed:
            if not env.get(name):
                raise ConfigurationError(f"{name} is not set: the template sets it")
        return cls(
            data_bucket=env["MAAS_DATA_BUCKET"],
            functions=env["MAAS_FUNCTIONS"],
            queue=env["MAAS_BATCH_QUEUE"],
            dead_letters=env["MAAS_BATCH_DEAD_LETTERS"],
            state_machine=env.get("MAAS_BATCH_STATE_MACHINE", ""),
            width=count(env, "MAAS_BATCH_WIDTH", 16),
            memory=count(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024),
        )
