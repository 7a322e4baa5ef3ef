"""What answering costs: one dated table of list prices, and the sums that people ask for.

US dollars, us-east-1, without free tier, discounts, storage and transfer. Estimates, not bills.
"""

from dataclasses import dataclass

AS_OF = "2026-11"
REGION = "us-east-1"

LAMBDA_GIGABYTE_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
LAMBDA_REQUEST = 0.20e-6
SNAPSTART_CACHE_GIGABYTE_SECOND = 0.0000015046
API_REQUEST = 3.50e-6
S3_WRITE, S3_READ = 5e-6, 0.4e-6
# On demand, by the hour: what a small service of one's own would run on. vCPUs and GiB.
INSTANCE, INSTANCE_HOUR, INSTANCE_VCPUS, INSTANCE_GIGABYTES = "t3.medium", 0.0416, 2, 4
LOAD_BALANCER_HOUR = 0.0225

HOURS_PER_MONTH = 730
_THOUSAND = 1000
_MEGABYTES_PER_GIGABYTE = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls of one model cost.

    Attributes:
        milliseconds: Billed per call.
        memory: Of the function, in MB.
        architecture: `x86_64` or `arm64`.
    """

    milliseconds: float
    memory: int
    architecture: str = "x86_64"

    @property
    def compute(self) -> float:
        """Lambda's part of a thousand calls."""
        return _THOUSAND * (compute_price(self.milliseconds, self.memory, self.architecture) + LAMBDA_REQUEST)

    @property
    def gateway(self) -> float:
        """API Gateway's part of a thousand calls."""
        return _THOUSAND * API_REQUEST

    @property
    def per_thousand(self) -> float:
        """A thousand calls through the API."""
        return self.compute + self.gateway

    @property
    def standing(self) -> float:
        """A month in which nobody calls: the cached snapshot of one published version."""
        gigabytes = self.memory / _MEGABYTES_PER_GIGABYTE
        return gigabytes * SNAPSTART_CACHE_GIGABYTE_SECOND * HOURS_PER_MONTH * 3600

    def month(self, calls: float) -> float:
        """A month with `calls` calls."""
        return self.standing + calls / _THOUSAND * self.per_thousand

    @property
    def break_even(self) -> float:
        """Calls a month from which an always-on instance would be cheaper, if it could carry them."""
        return max(0.0, (always_on() - self.standing) / self.per_thousand * _THOUSAND)

    def to_json(self, calls: float) -> dict[str, float | str | int]:
        """The figures for a month with `calls` calls, as the console and `maas cost --json` show them."""
        return {
            "milliseconds": self.milliseconds,
            "memory": self.memory,
            "architecture": self.architecture,
            "usd_per_thousand": self.per_thousand,
            "usd_compute_per_thousand": self.compute,
            "usd_gateway_per_thousand": self.gateway,
            "usd_standing_per_month": self.standing,
            "calls_per_month": calls,
            "usd_per_month": self.month(calls),
            "usd_always_on_per_month": always_on(),
            "always_on": f"one {INSTANCE} behind a load balancer",
            "break_even_calls_per_month": self.break_even,
            "prices": f"{REGION}, {AS_OF}",
        }


def compute_price(milliseconds: float, memory: int, architecture: str = "x86_64") -> float:
    """Lambda's compute for a duration at a memory size in MB, without the price per request."""
    gigabytes = memory / _MEGABYTES_PER_GIGABYTE
    return milliseconds / 1000 * gigabytes * LAMBDA_GIGABYTE_SECOND[architecture]


def always_on() -> float:
    """A month of one instance behind a load balancer, whether anybody calls or not."""
    return HOURS_PER_MONTH * (INSTANCE_HOUR + LOAD_BALANCER_HOUR)
