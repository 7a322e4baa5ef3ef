"""The one place that reads the environment."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maas.errors import ConfigurationError

_MEGABYTES_PER_VCPU = 1769  # Lambda gives one vCPU at this memory size and scales in proportion


@dataclass(frozen=True, slots=True)
class Settings:
    """What a function needs to know about where it runs.

    Attributes:
        models_bucket: The S3 bucket with blobs, manifests and production pointers.
        environment: `local`, `dev` or `prod`; a dimension of logs and metrics.
        log_level: A level name of the logging module.
        threads: Threads one inference may use, one per vCPU.
        refresh_seconds: How long a production pointer is trusted before it is read again.
        tracing: Whether X-Ray segments are to be recorded.
    """

    models_bucket: str
    environment: str = "local"
    log_level: str = "INFO"
    threads: int = 1
    refresh_seconds: float = 30.0
    tracing: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: A variable is missing or has no usable value.
        """
        env = os.environ if environ is None else environ
        bucket = env.get("MAAS_MODELS_BUCKET", "")
        if not bucket:
            raise ConfigurationError("MAAS_MODELS_BUCKET is not set: name the bucket that holds the models")
        return cls(
            models_bucket=bucket,
            environment=env.get("MAAS_ENVIRONMENT", "local"),
            log_level=_level(env.get("MAAS_LOG_LEVEL") or "INFO"),
            threads=_threads(env),
            refresh_seconds=_seconds(env, "MAAS_REFRESH_SECONDS", 30.0),
            tracing="AWS_XRAY_DAEMON_ADDRESS" in env,
        )


def _level(text: str) -> str:
    if text.upper() not in logging.getLevelNamesMapping():
        raise ConfigurationError(f"MAAS_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is {text!r}")
    return text.upper()


def _threads(env: Mapping[str, str]) -> int:
    # os.cpu_count() shows the host's cores in Lambda; the memory size tells what the function may use.
    memory = env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if not memory.isdecimal():
        return 1
    return min(6, max(1, int(memory) // _MEGABYTES_PER_VCPU))


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"{name} must be a number of seconds, at least 0; it is {text!r}")
    return value


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
        memory: Of a model's function, in MB.
        attempts: How often the queue delivers a message before it gives up.
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
        env = os.environ if environ is None else environ
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
            width=_count(env, "MAAS_BATCH_WIDTH", 16),
            memory=_count(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024),
            attempts=_count(env, "MAAS_BATCH_ATTEMPTS", 5),
        )


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise ConfigurationError(f"{name} must be a whole number above 0; it is {text!r}")
    return int(text)
