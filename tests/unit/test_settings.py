"""The environment, read once and refused when it makes no sense."""

import pytest

from maas.errors import ConfigurationError
from maas.settings import Settings

BUCKET = {"MAAS_MODELS_BUCKET": "models"}


def test_only_the_bucket_is_needed() -> None:
    """Everything else has a default."""
    assert Settings.from_environment(BUCKET) == Settings("models", "local", "INFO", 1, 30.0, tracing=False)


def test_everything_can_be_set() -> None:
    """Each variable reaches its setting."""
    environ = {
        **BUCKET,
        "MAAS_ENVIRONMENT": "prod",
        "MAAS_LOG_LEVEL": "debug",
        "MAAS_REFRESH_SECONDS": "0.5",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3538",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "POWERTOOLS_METRICS_NAMESPACE": "maas/mine",
    }
    assert Settings.from_environment(environ) == Settings(
        "models", "prod", "DEBUG", 2, 0.5, tracing=True, metrics_namespace="maas/mine"
    )


def test_what_comes_with_requests() -> None:
    """Answers are remembered for a day and not rounded, unless the template's parameters say otherwise."""
    assert Settings.from_environment(BUCKET).idempotency_seconds == 86_400
    assert Settings.from_environment({**BUCKET, "MAAS_ROUND_DIGITS": "0"}).round_digits == 0
    environ = {"MAAS_DATA_BUCKET": "data", "MAAS_IDEMPOTENCY_SECONDS": "60", "MAAS_ROUND_DIGITS": "3"}
    settings = Settings.from_environment({**BUCKET, **environ})
    assert (settings.data_bucket, settings.idempotency_seconds, settings.round_digits) == ("data", 60, 3)


def test_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the process's own variables are read."""
    monkeypatch.setenv("MAAS_MODELS_BUCKET", "mine")
    assert Settings.from_environment().models_bucket == "mine"


@pytest.mark.parametrize(
    ("memory", "threads"),
    [("128", 1), ("1769", 1), ("3537", 1), ("3538", 2), ("10240", 5), ("99999", 6), ("", 1), ("many", 1)],
)
def test_threads_follow_the_memory_size(memory: str, threads: int) -> None:
    """One thread per whole vCPU, which Lambda gives by memory size; six at most."""
    assert Settings.from_environment({**BUCKET, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}).threads == threads


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAAS_MODELS_BUCKET", ""),
        ("MAAS_REFRESH_SECONDS", "soon"),
        ("MAAS_REFRESH_SECONDS", "-1"),
        ("MAAS_REFRESH_SECONDS", "nan"),
        ("MAAS_REFRESH_SECONDS", "inf"),
        ("MAAS_LOG_LEVEL", "LOUD"),
        ("MAAS_IDEMPOTENCY_SECONDS", "0"),
        ("MAAS_ROUND_DIGITS", "-1"),
        ("MAAS_ROUND_DIGITS", "few"),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: str) -> None:
    """The error says which variable to set, and what it is now."""
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment({**BUCKET, name: value})
