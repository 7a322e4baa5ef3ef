"""The monitor: on a schedule, compares what models are asked and answer with what they were trained on."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.emf import LIVE
from maas.errors import MaasError, NoProductionVersion
from maas.function import Function
from maas.monitor.settings import MonitorSettings

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

    from maas.monitor.report import Report
    from maas.registry import Registry


class MonitoringFailed(Exception):
    """Some models could not be watched: the event is to come again."""


class Monitor(Function):
    """Handles a schedule's event, or `{"model": ...}` for one model."""

    def dispatch(self, event: Any, context: Any) -> dict[str, Any]:
        """Watch every model; one that cannot be watched does not keep the others from it.

        Raises:
            MonitoringFailed: At least one could not be.
        """
        del context
        named = event.get("model") if isinstance(event, dict) else None
        states: dict[str, str] = {}
        for model in [named] if named else self._registry.models():
            try:
                states[model] = self._watch(model)
            except NoProductionVersion:
                states[model] = "nothing in production"
            except MaasError as error:
                states[model] = "failed"
                self.telemetry.count("Failed")
                self.telemetry.logger.warning(
                    "not watched", extra={"model": model, "code": error.code, "reason": error.detail}
                )
            except Exception as error:  # noqa: BLE001 -- other models are still to be watched
                states[model] = "failed"
                self.telemetry.count("Failed")
                self.telemetry.crashed(error)
        self.telemetry.count("Watched", len(states))
        if "failed" in states.values():
            raise MonitoringFailed(", ".join(name for name, state in states.items() if state == "failed"))
        return {"models": states}

    def _watch(self, model: str) -> str:
        from maas.monitor.archive import Archive
        from maas.monitor.watch import Watch

        settings = self._monitor
        watch = Watch(self._registry, self.data_store, retention_days=settings.retention_days)
        report = watch.look(model, windows=settings.windows)
        largest = max(report.drift, report.prediction_drift, report.degradation)
        if self._monitor.state_machine and largest >= self._monitor.threshold:
            report = report.model_copy(update={"retraining": self._retrain(report)})
        key = Archive(self.data_store).keep(report)
        state = "noticed" if report.reason else "quiet"
        metrics = {
            "Drift": report.drift,
            "PredictionDrift": report.prediction_drift,
            "Degradation": report.degradation,
            "CapturedRows": max((one.rows for one in report.comparisons), default=0),
            "Outcomes": report.outcomes,
            "Unmatched": report.unmatched,
            **{f"{LIVE}{score.name}": score.value for score in report.scores},
        }
        self.telemetry.about(
            model,
            metrics,
            "watched",
            state=state,
            reason=report.reason,
            report=key,
            model_version=report.version,
        )
        return state

    def _retrain(self, report: "Report") -> str:
        """Start a training on the newest data, once a week at most; what came of it, in a sentence."""
        from maas.rollout.arrival import newest, start

        data = newest(self.data_store, report.model)
        if data is None:
            return f"Nothing to train with: training/{report.model}/ is empty."
        week = f"{report.created:%G-W%V}"
        marked = data._replace(mark=f"{data.mark}\nwatched in {week}")
        if start(self._states, self._monitor.state_machine, marked, report.reason or ""):
            self.telemetry.count("Retrainings")
            return f"Training on {data.data} was started."
        return f"Training on {data.data} was started before, in {week}."

    @cached_property
    def _monitor(self) -> MonitorSettings:
        return MonitorSettings.from_environment()

    @cached_property
    def _registry(self) -> "Registry":
        return self.make_registry()

    @cached_property
    def _states(self) -> "SFNClient":
        from boto3.session import Session

        return Session().client("stepfunctions")


handler = Monitor("monitor")
