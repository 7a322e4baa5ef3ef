"""Has requests answered: by the version they fall to, and by a shadow once the caller has gone."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.contract import Columns, Contract
from maas.errors import MaasError, reason_of
from maas.registry import Registry
from maas.rounding import rounded
from maas.serving import Served
from maas.settings import Settings
from maas.shelf import Shelf
from maas.spread import Spread
from maas.traffic import Answer, Traffic

if TYPE_CHECKING:
    from maas.afterwards import Afterwards
    from maas.capture.record import Exchange
    from maas.capture.sampler import Sampler
    from maas.shadow import Shadow
    from maas.telemetry import Telemetry


class Predictor:
    """The versions of one model behind one method, `answer`.

    Args:
        contract: What all versions fit.
        registry: Makes the registry's client at first use.
        settings: Of the function.
        telemetry: Is told who answered, and what went wrong.
        afterwards: Where work goes that the caller is not to wait for; called when there is some.
        sampler: Captures a share of the requests; None where nothing is captured.
    """

    def __init__(
        self,
        model: str,
        contract: Contract[Any, Any],
        registry: Callable[[], Registry],
        *,
        settings: Settings,
        telemetry: "Telemetry",
        afterwards: "Callable[[], Afterwards]",
        sampler: "Sampler | None" = None,
    ) -> None:
        self._telemetry = telemetry
        self._afterwards = afterwards
        self._sampler = sampler
        self._spread = Spread(contract)
        self._digits = settings.round_digits
        self._shadowed: str | None = None
        self.shelf = Shelf(
            model,
            contract,
            registry,
            threads=settings.threads,
            refresh_seconds=settings.refresh_seconds,
            report=self._kept_last_good,
            loaded=lambda served: telemetry.loaded(served.load_seconds, version=served.version),
        )

    def served(self, version: str | None) -> Served:
        """The version that is named, else the one in production; errors as in `Shelf`."""
        with self._telemetry.segment("load"):
            served = self.shelf.production() if version is None else self.shelf.version(version)
        self._telemetry.served(version=served.version)
        return served

    def answer(
        self, columns: Columns, request_id: str, version: str | None = None, *, subject: str | None = None
    ) -> Answer:
        """What the named version answers, else the one that this request falls to.

        Raises:
            InvalidRecord: A record is outside what the model can compute with.
            VersionNotFound, NoProductionVersion, IntegrityError, RegistryUnavailable: As in `Shelf`.
        """
        started = time.perf_counter()
        with self._telemetry.segment("load"):
            traffic = self.shelf.traffic() if version is None else Traffic(self.shelf.version(version))
        self._telemetry.served(version=traffic.stable.version)  # for the case that it crashes
        segment = self._telemetry.segment
        answer = traffic.answer(columns, request_id, self._telemetry.crashed, segment)
        if answer.served is not traffic.stable:
            self._telemetry.served(version=answer.served.version, track=answer.track)
        if traffic.trial is not None and answer.canary_fault is not None:
            self._telemetry.canary_failed(answer.canary_fault, version=traffic.trial.canary.version)
        if version is None:
            self._follow_shadow(traffic.shadow, answer, columns, request_id)
        return self._given(answer, columns, request_id, subject, started)

    def pinned(self, served: Served, columns: Columns, request_id: str) -> Columns:
        """What one version answers, whoever else is on trial; errors as in `answer`."""
        started = time.perf_counter()
        answer = Answer(served, served.predict(columns, self._telemetry.segment))
        return self._given(answer, columns, request_id, None, started).columns

    def _given(
        self, answer: Answer, columns: Columns, request_id: str, subject: str | None, started: float
    ) -> Answer:
        self._telemetry.count("Predictions", len(next(iter(answer.columns.values()))))
        # Nought as well: an alarm counts with it, and does not know what was never written.
        self._telemetry.count("KeptLastGood", 0)
        for name, values in self._spread.of(answer.columns):
            self._telemetry.observe(name, values)
        if self._digits:
            answer = replace(answer, columns=rounded(answer.columns, self._digits))
        if self._sampler is not None and self._sampler.draws(request_id):
            from maas.capture.record import Exchange

            exchange = Exchange(
                request_id=request_id,
                version=answer.served.version,
                track=answer.track,
                time=datetime.now(UTC),
                milliseconds=round((time.perf_counter() - started) * 1000, 3),
                columns=columns,
                answers=answer.columns,
                subject=subject,
            )
            self._afterwards().do(lambda: self._capture(exchange, answer.served))
        return answer

    def _capture(self, exchange: "Exchange", served: Served) -> None:
        if self._sampler is None:
            return
        golden = served.manifest.golden.instances
        try:
            self._sampler.keep(exchange, lambda: served.contract.parse(golden))
        except Exception as error:  # noqa: BLE001 -- nobody waits for it: it is counted
            self._telemetry.apart("CaptureFailed", "not captured", reason=reason_of(error))

    def _follow_shadow(self, digest: str | None, answer: Answer, columns: Columns, request_id: str) -> None:
        if digest is not None:
            self._afterwards().do(lambda: self._shadow.follow(digest, answer, columns, request_id))
        elif self._shadowed is not None:
            self._afterwards().do(self._shadow.end)
        self._shadowed = digest

    @cached_property
    def _shadow(self) -> "Shadow":
        from maas.shadow import Shadow

        return Shadow(self.shelf.load, self._telemetry)

    def _kept_last_good(self, error: MaasError) -> None:
        self._telemetry.count("KeptLastGood")
        self._telemetry.logger.error(
            "kept the last good version", extra={"code": error.code, "reason": error.detail}
        )
