"""What the function that releases versions reads from its environment, besides what every function does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maas.errors import ConfigurationError
from maas.settings import environment


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """What the function that releases versions needs to know besides.

    Attributes:
        data_bucket: The S3 bucket with the training data.
        functions: What the names of the models' functions begin with, `<stack>-`.
        alarms: What the names of the canary alarms begin with, `<stack>-canary-`.
        state_machine: The ARN of the release state machine.
        weights: A canary's shares of the requests, one after the other, in percent.
        pause: Seconds between two looks at a canary.
        looks: How often a canary is looked at with one share, at most.
        requests: Fewer requests do not judge a canary.
        failures: The share of failures that a canary may have more than the version beside it.
        slower: The latency that a canary may have, over that of the version beside it.
    """

    data_bucket: str
    functions: str
    alarms: str
    state_machine: str
    weights: tuple[int, ...] = (10, 50)
    pause: int = 300
    looks: int = 24
    requests: int = 100
    failures: float = 0.01
    slower: float = 2.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: A variable is missing or has no usable value.
        """
        env = environment() if environ is None else environ
        needed = ("MAAS_DATA_BUCKET", "MAAS_FUNCTIONS", "MAAS_CANARY_ALARMS", "MAAS_RELEASE_STATE_MACHINE")
        for name in needed:
            if not env.get(name):
                raise ConfigurationError(f"{name} is not set: the template sets it")
        return cls(
            data_bucket=env["MAAS_DATA_BUCKET"],
            functions=env["MAAS_FUNCTIONS"],
            alarms=env["MAAS_CANARY_ALARMS"],
            state_machine=env["MAAS_RELEASE_STATE_MACHINE"],
            weights=_weights(env.get("MAAS_CANARY_WEIGHTS", "10,50")),
            pause=int(_number(env, "MAAS_CANARY_SECONDS", 300)),
            looks=int(_number(env, "MAAS_CANARY_LOOKS", 24)),
            requests=int(_number(env, "MAAS_CANARY_REQUESTS", 100)),
            failures=_number(env, "MAAS_CANARY_FAILURES", 0.01),
            slower=_number(env, "MAAS_CANARY_SLOWER", 2.0),
        )


def _weights(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    weights = tuple(int(part) if part.isascii() and part.isdecimal() else 0 for part in parts)
    if not all(0 < weight < 100 for weight in weights) or list(weights) != sorted(set(weights)):  # noqa: PLR2004
        raise ConfigurationError(f"MAAS_CANARY_WEIGHTS must be ascending percents below 100; it is {text!r}")
    return weights


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"{name} must be a number, at least 0; it is {text!r}")
    return value
