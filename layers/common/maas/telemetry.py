"""One log line for every request, which holds its metrics too, and segments where X-Ray listens. No bodies.

Powertools writes what is rare (warnings, errors, traces); the line of every request is made here, because
Powertools' Logger and Metrics take longer than all the rest of a request.
"""

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from http import HTTPStatus
from logging import INFO, getLevelNamesMapping
from typing import Any

from aws_lambda_powertools import Logger

from maas import emf
from maas.emf import Latency, Track
from maas.errors import MaasError, MaasInternalError
from maas.settings import Settings, trace_id

type Handler = Callable[[Any, Any], Any]

_NOTHING = nullcontext()
_FRAMES = 15


class Telemetry:
    """Log, metrics and traces of one service. Outside of a request only `shadowed` and `loaded` count."""

    def __init__(self, service: str, settings: Settings) -> None:
        self._dimensions = {"environment": settings.environment, "service": service}
        self._namespace = settings.metrics_namespace
        self._logger = Logger(service=service, level=settings.log_level)
        self._is_bound = False
        self._logs_requests = getLevelNamesMapping()[settings.log_level] <= INFO
        self._is_debug = settings.log_level == "DEBUG"
        self._is_cold = True
        self._metrics: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._latency: Latency = "Latency"
        self._tracer: Any = None
        if settings.tracing:
            # Importing the tracer costs a tenth of a second: only where X-Ray listens.
            from aws_lambda_powertools import Tracer

            self._tracer = Tracer(service=service, auto_patch=False)

    def wrap(self, handler: Handler) -> Handler:
        """The handler with one line per event and a trace segment."""

        def measured(event: Any, context: Any) -> Any:
            self._begin(context)
            try:
                return handler(event, context)
            finally:
                self._flush()

        if self._tracer is not None:
            return self._tracer.capture_lambda_handler(measured, capture_response=False)  # type: ignore[no-any-return]
        return measured

    def restored(self) -> None:
        """A snapshot was restored: the next request is the first one of this process."""
        self._is_cold = True

    @property
    def logger(self) -> Logger:
        """Powertools' logger, with the request's keys in its lines."""
        if not self._is_bound:
            self._logger.clear_state()
            self._logger.append_keys(**self._keys)
            self._is_bound = True
        return self._logger

    def note(self, **keys: Any) -> None:
        """Put keys into this request's line, and into whatever else is logged before it ends."""
        self._keys.update(keys)
        self._is_bound = False

    def served(self, *, version: str, track: Track = "stable") -> None:
        """This request is answered by `version`, in its role of `track`: dimensions of its metrics."""
        self.note(version=version, track=track)

    def timed_as(self, latency: Latency) -> None:
        """What this request takes goes into this metric, and not into that of predictions."""
        self._latency = latency

    def answered(self, seconds: float, *, status: int, **fields: Any) -> None:
        """Count the request and its outcome; `fields` go into its line and into nothing else."""
        failed = int(status >= HTTPStatus.INTERNAL_SERVER_ERROR)
        self._metrics |= {"Requests": 1, "Failed": failed, self._latency: _milliseconds(seconds)}
        if self._keys.get("track") == "canary":
            self.count("CanaryFailed", failed)
        self._fields = {"status": status, **fields}

    def shadowed(
        self,
        seconds: float,
        *,
        version: str,
        failed: bool,
        disagreement: float | None = None,
        differed: bool = False,
        **figures: Any,
    ) -> None:
        """A shadow has answered too, after the request and for nobody, so in a line of its own.

        Args:
            seconds: What its answer took.
            version: The shadow's version.
            failed: Whether it had no answer.
            disagreement: How far its answer is from the one that was given, on a scale of the caller's.
            differed: Whether it is another answer.
            figures: What else goes into the line.
        """
        metrics = {"Requests": 1, "Failed": int(failed), "Latency": _milliseconds(seconds)}
        metrics |= {"ShadowCompared": int(not failed), "ShadowDiffered": int(differed)}
        metrics |= {"ShadowFailed": int(failed)}
        if disagreement is not None:
            metrics["Disagreement"] = disagreement
        keys = {
            "level": "INFO",
            "message": "shadow",
            **self._dimensions,
            "version": version,
            "track": "shadow",
            **figures,
        }
        self._write(metrics, keys, shadow=True)

    def canary_failed(self, error: MaasError, *, version: str) -> None:
        """The canary had no answer, so stable gave one: it failed, though for the caller nothing did."""
        self.count("CanaryFailed")
        keys = {
            "level": "ERROR",
            "message": "canary failed",
            **self._dimensions,
            "version": version,
            "track": "canary",
            "request_id": self._keys.get("request_id"),
            "code": error.code,
            "reason": error.detail,
        }
        self._write({"Requests": 1, "Failed": 1}, keys, shadow=True)

    def loaded(self, seconds: float, *, version: str) -> None:
        """A version was loaded and checked: a line of its own, as it may be for a snapshot or a shadow."""
        keys = {"level": "INFO", "message": "loaded", **self._dimensions, "version": version}
        self._write({"ModelLoad": _milliseconds(seconds)}, keys)

    def apart(self, metric: str, message: str, **fields: Any) -> None:
        """Count what belongs to no request, in a line of its own; for any thread."""
        keys = {"level": "WARNING", "message": message, **self._dimensions, **fields}
        self._write({metric: 1}, keys)

    def about(self, service: str, metrics: Mapping[str, float], message: str, **fields: Any) -> None:
        """Metrics of another service, in a line of its own; for any thread."""
        keys = {"level": "INFO", "message": message, **self._dimensions, "service": service, **fields}
        self._write(metrics, keys)

    def refused(self, error: MaasError) -> None:
        """Note a request that got no answer; what is our fault is logged, what is the caller's is counted."""
        self.note(code=error.code)
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.logger.error("failed", extra={"reason": error.detail})
        else:
            self.count("Rejected")

    def crashed(self, error: Exception) -> MaasInternalError:
        """Log a fault nobody foresaw, and what to tell the caller about it.

        Where it happened, not its message, which might quote what somebody sent; LogLevel DEBUG shows it.
        """
        shown = error if self._is_debug else None
        self.logger.error(
            "crashed",
            exc_info=shown,
            extra={"exception_name": type(error).__qualname__, "frames": _frames(error)},
        )
        return MaasInternalError("Nobody foresaw this; the log has the trace.")

    def segment(self, name: str) -> AbstractContextManager[Any]:
        """A subsegment of the trace."""
        if self._tracer is None:
            return _NOTHING
        segment: AbstractContextManager[Any] = self._tracer.provider.in_subsegment(name)
        return segment

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
        self._metrics[name] = self._metrics.get(name, 0) + value

    def observe(self, name: str, numbers: Any) -> None:
        """Record a distribution of values: an array of any size."""
        self._metrics[name] = emf.values(numbers)

    def _write(
        self, metrics: Mapping[str, Any], properties: Mapping[str, Any], *, shadow: bool = False
    ) -> None:
        emf.write(emf.line(metrics, properties, shadow=shadow, namespace=self._namespace))

    def _begin(self, context: Any) -> None:
        self._metrics, self._fields, self._latency = {}, {}, "Latency"
        self._keys = {"function_request_id": getattr(context, "aws_request_id", None)}
        self._is_bound = False
        if self._is_cold:
            self._is_cold = False
            self._metrics["ColdStart"] = 1
        if self._tracer is not None:
            self._keys["xray_trace_id"] = trace_id()

    def _flush(self) -> None:
        if not self._metrics:
            return
        line = {**self._dimensions, **self._keys}
        if self._logs_requests and self._fields:
            told = {"level": "INFO", "message": "request", "timestamp": datetime.now(UTC)}
            line = {**told, **line, **self._fields}
        self._write(self._metrics, line)


def _milliseconds(seconds: float) -> float:
    """With three decimals; `round` takes ten times as long."""
    return int(seconds * 1e6 + 0.5) / 1000


def _frames(error: Exception) -> list[str]:
    """The places an error passed through, the innermost last."""
    passed = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in passed][-_FRAMES:]
