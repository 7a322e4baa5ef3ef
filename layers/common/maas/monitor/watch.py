"""One look at one model: its captures and outcomes against the version's manifest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maas.errors import NoProductionVersion
from maas.manifest import Distribution
from maas.metrics import binned_kolmogorov_smirnov
from maas.monitor import limits as allowed
from maas.monitor.answers import Answers
from maas.monitor.drift import Figures, Reference, bins_of, figures
from maas.monitor.outcomes import read_outcomes
from maas.monitor.report import Comparison, Finding, LiveScore, Measure, Missing, Report
from maas.monitor.score import scores
from maas.monitor.window import Window, read_window
from maas.monitoring import Monitoring, Quiet
from maas.registry import Registry
from maas.signals import PREDICTION
from maas.store import ObjectStore

WINDOWS = (24.0, 168.0)
"""Hours: a day shows what broke, a week what moved."""
RETENTION_DAYS = 30
"""How long captures are kept, unless a stack's parameter says otherwise."""
LONGEST_DAYS = 92
"""How far back the monitor looks at most."""


def _now() -> datetime:
    return datetime.now(UTC)


class Watch:
    """Looks at models.

    Args:
        registry: Where versions are.
        data: The bucket with captures and outcomes.
        clock: The time now.
        retention_days: How far back there may be captures.
    """

    def __init__(
        self,
        registry: Registry,
        data: ObjectStore,
        *,
        clock: Callable[[], datetime] = _now,
        retention_days: float = RETENTION_DAYS,
    ) -> None:
        self._registry = registry
        self._data = data
        self._clock = clock
        self._retention = timedelta(days=min(retention_days, LONGEST_DAYS))

    def look(self, model: str, *, windows: Sequence[float] = WINDOWS) -> Report:
        """Compare the last hours, as many as each of `windows` says, with the data production was trained on.

        Raises:
            NoProductionVersion: There is none.
            MaasError: The registry or S3 does not answer.
        """
        pointer = self._registry.production(model)
        if pointer is None:
            raise NoProductionVersion(f"{model} has no version in production: there is nothing to watch")
        manifest = self._registry.manifest(model, pointer.stable)
        end = self._clock()
        watched = manifest.monitoring
        if watched is None:
            # It was trained before there was a monitor, and does not say what to watch.
            return Report(model=model, version=manifest.version, created=end, comparisons=())
        begin = end - timedelta(hours=max(windows))
        known: dict[str, dict[str, Any]] = {}
        broken = 0
        if watched.outcomes:
            known, broken = read_outcomes(self._data, model, watched.outcomes, since=begin)
        answers = Answers(manifest.version, known)
        window = read_window(
            self._data, model, answers=answers, signals=len(watched.signals), begin=begin, end=end
        )
        # The truth of today may be about a prediction of last month.
        answers.search(self._data, model, since=end - self._retention, until=begin)
        found = scores(
            watched.outcomes,
            list(answers.found.values()),
            [known[identifier] for identifier in answers.found],
            manifest.metrics,
            watched.worst,
        )
        return Report(
            model=model,
            version=manifest.version,
            created=end,
            comparisons=tuple(
                compare(watched, manifest.distributions, window.last(hours)) for hours in sorted(windows)
            ),
            scores=tuple(map(LiveScore.of, found)),
            outcomes=len(answers.found),
            unmatched=len(answers.unmatched),
            broken_lines=window.broken + broken,
            other_versions=window.other_versions,
        )


def compare(watched: Monitoring, distributions: Mapping[str, Distribution], window: Window) -> Comparison:
    """A window against the training data; without findings where it has too few rows."""
    quiet = allowed.quiet_for(watched.quiet, window.hours)
    base: dict[str, Any] = {
        "begin": window.begin,
        "end": window.end,
        "hours": window.hours,
        "rows": len(window),
        "limits": f"chance, 1 in {1 / allowed.ALARM_RATE:.0f} windows"
        if quiet is None
        else f"the farthest of {quiet.stretches} stretches of {quiet.hours} h in training, and a margin",
    }
    # Where training had times, hours that are fewer than its shortest stretch have nothing to be held to.
    least = allowed.LEAST_ROWS if quiet is None else min(allowed.LEAST_ROWS, quiet.rows // 2)
    if len(window) < least or (watched.quiet and quiet is None):
        return Comparison(**base)
    kept = np.flatnonzero(np.isfinite(window.signals).all(axis=0))
    reference = _reference(watched, distributions, kept)
    found = figures(reference, window.signals[:, kept], np.zeros(len(window), np.intp), 1)
    most = allowed.limits(
        reference, np.array(watched.repeated)[kept], len(window), quiet and _part(quiet, kept), watched.rows
    )
    findings = []
    for place, signal in enumerate(kept):
        expected = reference.fractions[place]
        low, high = float(reference.low[place]), float(reference.high[place])
        bins = bins_of(window.signals[:, signal], reference.edges[place], low, high)
        counts = np.bincount(bins, minlength=len(expected))
        measures = [
            Measure(value=_short(value[0, place]), limit=_short(limit[place]), is_share=name != "psi")
            for name, value, limit in zip(Figures._fields, found, most, strict=True)
        ]
        findings.append(
            Finding(
                signal=watched.signals[signal],
                psi=measures[0],
                ks=measures[1],
                outside=measures[2],
                repeated=measures[3],
                p_value=_short(binned_kolmogorov_smirnov(expected, counts).p_value),
                expected=tuple(map(_short, expected)),
                observed=tuple(map(_short, counts / len(window))),
            )
        )
    return Comparison(
        **base,
        inputs=tuple(finding for finding in findings if not finding.signal.startswith(PREDICTION)),
        outputs=tuple(finding for finding in findings if finding.signal.startswith(PREDICTION)),
        missing=tuple(_missing(watched, window)),
        unwatched=tuple(np.delete(np.array(watched.signals, object), kept)),
    )


def _reference(
    watched: Monitoring, distributions: Mapping[str, Distribution], kept: NDArray[np.intp]
) -> Reference:
    names = [watched.signals[signal] for signal in kept]
    histograms = [
        watched.histograms.get(name) or distributions[name.removeprefix(PREDICTION)] for name in names
    ]
    return Reference(
        [np.asarray(histogram.edges) for histogram in histograms],
        [np.asarray(histogram.fractions) for histogram in histograms],
        np.array(watched.low)[kept],
        np.array(watched.high)[kept],
    )


def _part(quiet: Quiet, kept: NDArray[np.intp]) -> Quiet:
    """The limits of some signals."""
    return quiet.model_copy(
        update={
            name: tuple(np.array(getattr(quiet, name))[kept].tolist())
            for name in ("psi", "ks", "outside", "repeated")
        }
    )


def _missing(watched: Monitoring, window: Window) -> Iterator[Missing]:
    """The fields that may be left out, unless they are masked."""
    for name, (expected, farthest) in watched.missing.items():
        # A masked field is not in the record at all.
        if not any(name in instance for instance in window.instances):
            continue
        share = sum(_lacks(instance.get(name)) for instance in window.instances) / len(window)
        limit = allowed.share_limit(expected, farthest, len(window), tests=len(watched.missing))
        yield Missing(field=name, share=Measure(value=_short(share), limit=_short(limit), is_share=True))


def _lacks(value: Any) -> bool:
    return value is None or (isinstance(value, list) and any(map(_lacks, value)))


def _short(value: float) -> float:
    return float(f"{value:.6g}")
