"""One log line, a few metrics and, where tracing is on, segments for every request. No bodies, ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from maas.errors import MaasError, MaasInternalError
from maas.settings import Settings

NAMESPACE = "maas"

type Handler = Callable[[Any, Any], Any]


class Telemetry:
    """Powertools' logger, metrics and tracer for one service."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.logger = Logger(service=service, level=settings.log_level)
        self.metrics = Metrics(namespace=NAMESPACE, service=service)
        self.metrics.set_default_dimensions(environment=settings.environment)
        self._tracer: Any = None
        if settings.tracing:
            # Importing the tracer costs a tenth of a second: only where X-Ray listens.
            from aws_lambda_powertools import Tracer

            self._tracer = Tracer(service=service, auto_patch=False)

    def wrap(self, handler: Handler) -> Handler:
        """The handler with Lambda's context in each log line, metrics flushed and a trace segment."""
        wrapped: Handler = self.metrics.log_metrics(handler, capture_cold_start_metric=True)
        if self._tracer is not None:
            wrapped = self._tracer.capture_lambda_handler(wrapped, capture_response=False)
        # Named here, log_event cannot be switched on from the environment.
        return self.logger.inject_lambda_context(wrapped, clear_state=True, log_event=False)

    def refused(self, error: MaasError) -> None:
        """Count a request that got no answer; what is our fault is logged, what is the caller's is not."""
        ours = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        self.count("Failed" if ours else "Rejected")
        self.logger.append_keys(code=error.code)
        if ours:
            self.logger.error("failed", extra={"reason": error.detail})

    def crashed(self, error: Exception) -> MaasInternalError:
        """Log a fault nobody foresaw, and what to tell the caller about it."""
        self.logger.error("crashed", exc_info=error)
        return MaasInternalError("Nobody foresaw this; the log has the trace.")

    @contextmanager
    def segment(self, name: str) -> Iterator[None]:
        """A subsegment of the trace."""
        if self._tracer is None:
            yield
            return
        with self._tracer.provider.in_subsegment(name):
            yield

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
        self.metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)

    def time(self, name: str, seconds: float) -> None:
        """Record a duration."""
        self.metrics.add_metric(name=name, unit=MetricUnit.Milliseconds, value=seconds * 1000)
