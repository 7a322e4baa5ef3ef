"""The one place that reads the environment."""

import logging
import os
import re
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
        metrics_namespace: Of the metrics; a stack has its own.
        log_level: A level name of the logging module.
        threads: Threads one inference may use, one per vCPU.
        refresh_seconds: How long a production pointer is trusted before it is read again.
        tracing: Whether X-Ray segments are to be recorded.
        signing_public_keys: The keys whose signatures count, PEM or base64; empty where none are asked for.
        signing_key: The KMS key that signs what this function releases; empty where it signs nothing.
        data_bucket: The S3 bucket for what comes with requests: remembered answers, captured records.
        idempotency_seconds: How long the answer to a request with an Idempotency-Key is remembered.
        round_digits: Digits that fractions are answered with; 0 for all there are.
    """

    models_bucket: str
    environment: str = "local"
    log_level: str = "INFO"
    threads: int = 1
    refresh_seconds: float = 30.0
    tracing: bool = False
    signing_public_keys: str = ""
    signing_key: str = ""
    data_bucket: str = ""
    idempotency_seconds: int = 86_400
    round_digits: int = 0
    metrics_namespace: str = "maas"

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
            # Where the stack's parameter is empty, `sam local` hands over the parameter's name.
            signing_public_keys=env.get("MAAS_SIGNING_PUBLIC_KEY", "").removeprefix("SigningPublicKey"),
            signing_key=env.get("MAAS_SIGNING_KEY", ""),
            data_bucket=env.get("MAAS_DATA_BUCKET", ""),
            idempotency_seconds=count(env, "MAAS_IDEMPOTENCY_SECONDS", 86_400),
            round_digits=count(env, "MAAS_ROUND_DIGITS", 0, least=0),
            metrics_namespace=env.get("POWERTOOLS_METRICS_NAMESPACE") or "maas",
        )


def runtime_api(service: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Where Lambda's runtime API is, if this process is `service` and is to work on after the answer."""
    env = os.environ if environ is None else environ
    # A function may import another one's handler, for its contract: that one has no invocations here.
    wanted = env.get("MAAS_AFTERWARDS") == "on" and env.get("POWERTOOLS_SERVICE_NAME") == service
    return env.get("AWS_LAMBDA_RUNTIME_API") if wanted else None


def environment() -> Mapping[str, str]:
    """This process's environment, for the settings of one function alone, which are declared elsewhere."""
    return os.environ


def trace_id(environ: Mapping[str, str] | None = None) -> str | None:
    """The trace that X-Ray records of the current invocation: Lambda's runtime sets it anew for each."""
    env = os.environ if environ is None else environ
    found = re.search(r"Root=([^;]+)", env.get("_X_AMZN_TRACE_ID", ""))
    return found and found[1]


def _level(text: str) -> str:
    if text.upper() not in logging.getLevelNamesMapping():
        raise ConfigurationError(f"MAAS_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is {text!r}")
    return text.upper()


def _threads(env: Mapping[str, str]) -> int:
    # os.cpucount() shows the host's cores in Lambda; the memory size tells what the function may use.
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


def count(env: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    """A whole number, at least `least`, from a variable.

    Raises:
        ConfigurationError: It is none.
    """
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise ConfigurationError(f"{name} must be a whole number, at least {least}; it is {text!r}")
    return int(text)


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Whose tokens the authorizer accepts.

    Attributes:
        issuer: The OpenID Connect issuer, as its tokens name it.
        base: Where its documents are read; the issuer itself, but for an emulator.
        audience: Whom tokens must be for; empty where the issuer serves this stack alone.
    """

    issuer: str
    base: str
    audience: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: No issuer is named, or its keys would be read in the clear.
        """
        env = os.environ if environ is None else environ
        issuer = base = env.get("MAAS_TOKEN_ISSUER", "").rstrip("/")
        if not issuer:
            raise ConfigurationError("MAAS_TOKEN_ISSUER is not set: this stack was not deployed for tokens")
        # What AWS_ENDPOINT_URL does to every other client of AWS.
        if (emulator := env.get("AWS_ENDPOINT_URL")) and issuer.startswith("https://cognito-idp."):
            base = emulator.rstrip("/") + "/" + issuer.rpartition("/")[2]
        if not base.startswith("https://") and env.get("MAAS_ENVIRONMENT", "local") != "local":
            raise ConfigurationError(f"MAAS_TOKEN_ISSUER must be https://; it is {issuer!r}")
        named = (name.strip() for name in env.get("MAAS_TOKEN_AUDIENCE", "").split(","))
        return cls(issuer, base, tuple(name for name in named if name))


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """What Lambda's runtime tells a function about reaching AWS; all empty outside of Lambda.

    Attributes:
        region: Where the function runs.
        access_key, secret_key, token: Its credentials, where the environment holds them.
        container_address, container_authorization: Where it gets them otherwise.
        s3_address: Of an emulator in S3's place.
    """

    region: str = ""
    access_key: str = ""
    secret_key: str = ""
    token: str = ""
    container_address: str = ""
    container_authorization: str = ""
    s3_address: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment)."""
        env = os.environ if environ is None else environ
        if "AWS_LAMBDA_RUNTIME_API" not in env:
            return cls()
        return cls(
            region=env.get("AWS_REGION", ""),
            access_key=env.get("AWS_ACCESS_KEY_ID", ""),
            secret_key=env.get("AWS_SECRET_ACCESS_KEY", ""),
            token=env.get("AWS_SESSION_TOKEN", ""),
            container_address=env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
            container_authorization=env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
            s3_address=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL", ""),
        )
