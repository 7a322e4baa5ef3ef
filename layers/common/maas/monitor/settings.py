"""What the monitor reads from its environment, besides what every function does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maas.errors import ConfigurationError
from maas.monitor.watch import LONGEST_DAYS, RETENTION_DAYS, WINDOWS
from maas.settings import count, environment

_LONGEST = 24.0 * LONGEST_DAYS


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """How models are watched.

    Attributes:
        windows: Lengths of the windows that are compared, in hours.
        state_machine: What a drift starts a training with; empty where it starts none.
        threshold: The ratio to a limit from which it does; alarms have the same.
        retention_days: How long captures are kept.
    """

    windows: tuple[float, ...] = WINDOWS
    state_machine: str = ""
    threshold: float = 1.25
    retention_days: int = RETENTION_DAYS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: The windows are no hours, the threshold no ratio, or the days no number.
        """
        env = environment() if environ is None else environ
        text = env.get("MAAS_MONITOR_WINDOWS", "")
        threshold = env.get("MAAS_DRIFT_THRESHOLD") or "1.25"
        try:
            ratio = float(threshold)
        except ValueError:
            ratio = 0.0
        if not 1 <= ratio < float("inf"):
            raise ConfigurationError(f"MAAS_DRIFT_THRESHOLD must be a number from 1 on; it is {threshold!r}")
        windows = windows_of(text) if text else WINDOWS
        days = count(env, "MAAS_CAPTURE_RETENTION_DAYS", RETENTION_DAYS)
        return cls(windows, env.get("MAAS_RETRAIN_STATE_MACHINE", ""), ratio, days)


def windows_of(text: str) -> tuple[float, ...]:
    """Lengths in hours, separated by commas; `7d` is 168.

    Raises:
        ConfigurationError: One is none, or longer than captures can be.
    """
    found = []
    for part in text.split(","):
        number, factor = (part.strip()[:-1], 24.0) if part.strip().endswith("d") else (part.strip(), 1.0)
        try:
            hours = float(number.removesuffix("h")) * factor
        except ValueError:
            hours = 0.0
        if not 0 < hours <= _LONGEST:
            raise ConfigurationError(f"{part.strip()!r} is no window: write hours, as 24, or days, as 7d")
        found.append(hours)
    return tuple(sorted(set(found)))
