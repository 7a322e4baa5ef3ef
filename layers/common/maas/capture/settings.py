"""Whether and how a function captures requests, as its environment says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maas.errors import ConfigurationError
from maas.settings import environment


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """Whether and how requests are captured.

    Attributes:
        rate: Share of the requests, 0 to 1; 0 captures nothing.
        key: The secret with the key of hashes; empty where there is none.
    """

    rate: float = 0.0
    key: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: this process's environment).

        Raises:
            ConfigurationError: The rate is no share.
        """
        env = environment() if environ is None else environ
        text = env.get("MAAS_CAPTURE_RATE") or "0"
        try:
            rate = float(text)
        except ValueError:
            rate = -1.0
        if not 0 <= rate <= 1:
            raise ConfigurationError(f"MAAS_CAPTURE_RATE must lie between 0 and 1; it is {text!r}")
        return cls(rate, env.get("MAAS_CAPTURE_KEY", ""))
