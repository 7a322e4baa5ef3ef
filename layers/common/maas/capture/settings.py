"""Whether and how a function captures requests, as its environment says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from maas.contract import Contract
from maas.errors import ConfigurationError
from maas.settings import environment

if TYPE_CHECKING:
    from maas.capture.sampler import Sampler
    from maas.masking import Pseudonyms
    from maas.telemetry import Telemetry


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


def sampler_of(
    model: str, contract: Contract[Any, Any], bucket: Callable[[], str], telemetry: "Telemetry"
) -> "Sampler | None":
    """The sampler that the environment asks for; None, and nothing imported, where it asks for none."""
    wanted = CaptureSettings.from_environment()
    if not wanted.rate:
        return None
    from maas.capture.sampler import Sampler, secret

    return Sampler(
        model,
        contract,
        rate=wanted.rate,
        bucket=bucket(),
        key=(lambda: secret(wanted.key)) if wanted.key else None,
        lost=lambda count: telemetry.apart("CaptureLost", "records were given up", records=count),
    )


def pseudonyms() -> "Pseudonyms | None":
    """What hashes the names of subjects, whether or not requests are captured; None where there is no key.

    Raises:
        ConfigurationError: The key cannot be read.
    """
    wanted = CaptureSettings.from_environment()
    if not wanted.key:
        return None
    from maas.capture.sampler import secret
    from maas.masking import Pseudonyms

    return Pseudonyms(secret(wanted.key))
