"""Release: brings versions into production step by step, and takes them back, without anyone logging in.

The state machine calls it with one step at a time. Besides, an alarm about a canary takes the canary back,
and training data that arrive, or are due, start the state machine.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.function import Function
from maas.rollout.settings import ReleaseSettings

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_stepfunctions.client import SFNClient

    from maas.rollout.steps import Steps
    from maas.store import ObjectStore


class Release(Function):
    """Handles steps of the state machine, canary alarms, S3's news of training data, and schedules."""

    def dispatch(self, event: Any, context: Any) -> Any:
        """Answer one event by what it is."""
        del context
        if "step" in event:
            return self._step(event)
        if event.get("source") == "aws.cloudwatch":
            return self._alarm(event)
        if event.get("source") == "aws.s3":
            return self._arrived(event)
        return self._due(event)

    def _step(self, event: Any) -> dict[str, Any]:
        answer = self._steps(event)
        told = {key: answer[key] for key in ("model", "version", "weight", "next", "reason")}
        self.telemetry.logger.info(event["step"], extra={"run": answer["run"], **told})
        return answer

    def _alarm(self, event: Any) -> dict[str, Any]:
        from maas.rollout.alarm import withdraw

        moved = withdraw(self.make_registry(), event, self._release.alarms)
        if moved is not None:
            self.telemetry.count("CanaryWithdrawn")
            self.telemetry.logger.warning(
                "canary withdrawn", extra={"model": moved.model, "reason": moved.reason}
            )
        return {"withdrawn": moved is not None}

    def _arrived(self, event: Any) -> dict[str, Any]:
        from maas.rollout.arrival import arrival, start

        found = arrival(event)
        started = found is not None and start(
            self._states, self._release.state_machine, found, f"{found.data} arrived"
        )
        self.telemetry.logger.info("arrived", extra={"data": found and found.data, "started": started})
        return {"started": [found.execution] if found and started else []}

    def _due(self, event: Any) -> dict[str, Any]:
        from maas.rollout.arrival import due, start

        started = [
            found.execution
            for found in due(self._data, [name for name in event["models"] if name], str(event["time"]))
            if start(self._states, self._release.state_machine, found, f"due at {event['time']}")
        ]
        self.telemetry.logger.info("due", extra={"started": started})
        return {"started": started}

    @cached_property
    def _release(self) -> ReleaseSettings:
        return ReleaseSettings.from_environment()

    @cached_property
    def _steps(self) -> "Steps":
        from boto3.session import Session

        from maas.rollout.plan import Plan
        from maas.rollout.steps import Steps
        from maas.rollout.trial import Metrics, Tolerance

        settings = self._release
        plan = Plan(
            settings.weights,
            settings.pause,
            settings.looks,
            Tolerance(settings.requests, settings.failures, settings.slower),
        )
        metrics = Metrics(
            Session().client("cloudwatch"),
            environment=self.settings.environment,
            alarms=settings.alarms,
            namespace=self.settings.metrics_namespace,
        )
        is_local = self.settings.environment == "local"
        return Steps(self.make_registry(), plan, metrics, self._is_ready, simulated=is_local)

    def _is_ready(self, model: str, version: str) -> bool:
        from maas.rollout.readiness import is_ready

        return is_ready(self._functions, f"{self._release.functions}{model}:live", model, version)

    @cached_property
    def _functions(self) -> "LambdaClient":
        from boto3.session import Session

        return Session().client("lambda")

    @cached_property
    def _states(self) -> "SFNClient":
        from boto3.session import Session

        return Session().client("stepfunctions")

    @cached_property
    def _data(self) -> "ObjectStore":
        from maas.s3_client import s3_client
        from maas.store import ObjectStore

        return ObjectStore(self._release.data_bucket, s3_client)


handler = Release("release")
