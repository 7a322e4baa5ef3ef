"""What the monitor does where there is much to read, little of it, or something old or damaged."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from maas.manifest import Manifest
from maas.monitor import answers, captures, outcomes, window
from maas.monitor.answers import Answers
from maas.monitor.archive import Archive
from maas.monitor.captures import hourly, rows
from maas.monitor.page import page as rendered
from maas.monitor.report import Report
from maas.monitor.sample import Sample
from maas.monitor.watch import Watch
from maas.monitor.window import read_window
from maas.registry import Registry
from maas.store import ObjectStore
from tests.tiny_model import NAME
from tests.watched import buckets, capture, readings, records, watched_version

NOW = datetime.now(UTC)


@pytest.fixture
def data(models_bucket: str) -> ObjectStore:  # noqa: ARG001 -- it makes the bucket
    """The data bucket."""
    return buckets(secret=False)


@pytest.fixture
def manifest(registry: Registry) -> Manifest:
    """The tiny model in production."""
    made, artifact = watched_version(metrics={"rmse": 5.0})
    registry.promote(NAME, registry.publish(made, artifact), actor="tests", reason="first")
    return made


def looked(registry: Registry, data: ObjectStore, **how: Any) -> Report:
    return Watch(registry, data, clock=lambda: NOW, **how).look(NAME)


def reported(data: ObjectStore, found: list[dict[str, Any]], *, name: str = "truth") -> None:
    """Outcomes of these records, 4 more than was predicted, written now."""
    lines = [
        json.dumps({"id": row["id"], "outcome": {"volume": row["prediction"]["volume"] + 4.0}})
        for row in found
    ]
    data.put(f"outcomes/{NAME}/{name}.jsonl", "\n".join(lines).encode())


def test_truth_that_took_weeks_is_joined(registry: Registry, data: ObjectStore, manifest: Manifest) -> None:
    """Predictions of twenty days ago get the outcomes of today; what was never captured is counted."""
    old = capture(data, manifest, readings(80, seed=4), end=NOW - timedelta(days=20), hours=5)
    reported(data, [*old, {"id": "nobody/0", "prediction": {"volume": 1.0}}])
    report = looked(registry, data)
    assert (report.outcomes, report.unmatched) == (80, 1)
    assert "80 outcomes, and 1 of predictions that were not captured; intervals" in rendered(report)
    (rmse,) = [score for score in report.scores if score.name == "rmse"]
    assert rmse.value == pytest.approx(4.0)
    assert [one.rows for one in report.comparisons] == [0, 0]


def test_captures_that_have_expired_are_not_looked_for(
    registry: Registry, data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes back as many days as captures are kept, and as many objects as it may read."""
    old = capture(data, manifest, readings(80, seed=4), end=NOW - timedelta(days=20), hours=5)
    reported(data, old)
    assert looked(registry, data, retention_days=15).unmatched == 80
    monkeypatch.setattr(answers, "MOST_OBJECTS", 2)
    assert 0 < looked(registry, data).unmatched < 80


def test_an_outcome_of_another_version_is_matched_and_not_judged(
    registry: Registry, data: ObjectStore, manifest: Manifest
) -> None:
    """It says nothing about the version in production, and nothing is wrong with it either."""
    other = manifest.model_copy(update={"summary": "another"})
    other.__dict__.pop("digest", None)
    reported(data, capture(data, other, readings(60, seed=4), end=NOW - timedelta(days=9), hours=5))
    report = looked(registry, data)
    assert (report.outcomes, report.unmatched, report.scores) == (0, 0, ())


def test_truth_is_joined_where_rows_are_thinned(
    registry: Registry, data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is left out of the comparison is still the one that an outcome is about."""
    monkeypatch.setattr(window, "MOST_ROWS", 60)
    reported(data, capture(data, manifest, readings(300, seed=4), end=NOW, hours=20))
    report = looked(registry, data)
    assert report.comparisons[-1].rows == 60
    assert (report.outcomes, report.unmatched) == (300, 0)


def test_memory_has_a_limit(data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much was captured, never more rows than twice those that are kept, spread over all hours."""
    most = 40
    made = capture(data, manifest, readings(2_000, seed=1), end=NOW, hours=20)
    held: list[int] = []

    class Watched[T](Sample[T]):
        def add(self, item: T) -> None:
            super().add(item)
            held.append(self.held)

    monkeypatch.setattr(window, "Sample", Watched)
    monkeypatch.setattr(window, "MOST_ROWS", most)
    found = read_window(
        data,
        NAME,
        answers=Answers(manifest.version, ()),
        signals=len(made[0]["signals"]),
        begin=NOW - timedelta(hours=24),
        end=NOW,
    )
    assert len(held) > len(made)  # keys besides
    assert max(held) <= 2 * most
    assert len(found) == most
    hours = [time.replace(minute=0, second=0, microsecond=0) for time in found.times]
    assert hours == sorted(hours)
    assert len(set(hours)) > 18


@pytest.mark.parametrize("count", [0, 1, 5, 10, 11, 20, 21, 1_000, 4_097])
def test_samples_are_spread_evenly(count: int) -> None:
    """In order, from the first item to nearly the last, with gaps that differ by no more than twofold."""
    sample = Sample(10, range(count))
    found = list(sample)
    assert len(found) == len(sample) == min(10, count)
    assert sample.held <= 20
    gaps = [after - before for before, after in pairwise(found)]
    if count > 10:
        assert found[0] == 0
        assert found[-1] >= count - 2 * max(gaps)
        assert max(gaps) <= 2 * min(gaps)


def test_rows_that_nobody_asks_for_are_not_read(
    data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of old captures only those whose truth is known are parsed; an id that is hard to read too."""
    made = capture(data, manifest, readings(100, seed=1), end=NOW, hours=2)
    odd = {**made[0], "id": 'a"b\\c/0'}
    key = f"captures/{NAME}/{NOW - timedelta(hours=1):date=%Y-%m-%d/hour=%H}/odd.jsonl.gz"
    data.put(key, json.dumps(odd).encode() + b"\n" + json.dumps(odd, separators=(",", ":")).encode())
    read: list[bytes] = []
    parse = captures._row
    monkeypatch.setattr(captures, "_row", lambda line: read.append(line) or parse(line))
    wanted = Answers(manifest.version, [made[7]["id"], odd["id"]])
    wanted.search(data, NAME, since=NOW - timedelta(days=1), until=NOW)
    assert set(wanted.found) == {made[7]["id"], odd["id"]}
    assert len(read) == 3


def test_objects_are_read_in_order(data: ObjectStore, manifest: Manifest) -> None:
    """Several threads read, and one after the other is what comes out."""
    capture(data, manifest, readings(1_500, seed=1), end=NOW, hours=20)
    found = rows(data, hourly(data, NAME, NOW - timedelta(hours=24), NOW))
    assert [row.id for row in found if row] == [row["id"] for row in records(data)]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b'{"id": 1}')[:-6],
        b'{"id": "a/0"}',
        b'{"id": "a/0", "time": "2026-01-01T00:00:00", "version": "v"}',
        b"[]",
        b"\x1f\x8b",
    ],
)
def test_damaged_captures_are_counted(
    registry: Registry, data: ObjectStore, manifest: Manifest, body: bytes
) -> None:
    """One broken object is no reason not to watch a model for a month."""
    capture(data, manifest, readings(100, seed=1), end=NOW, hours=10)
    data.put(f"captures/{NAME}/{NOW:date=%Y-%m-%d/hour=%H}/junk.jsonl.gz", body)
    report = looked(registry, data)
    assert (report.comparisons[0].rows, report.broken_lines) == (100, 1)


def test_outcomes_have_a_limit_too(
    registry: Registry, data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same predictions are left in every object, so a later word on one of them still counts."""
    made = capture(data, manifest, readings(400, seed=4), end=NOW, hours=20)
    for half, part in enumerate((made[:200], made[200:], made[:200])):
        reported(data, part, name=f"truth{half}")
    monkeypatch.setattr(outcomes, "MOST_OUTCOMES", 150)
    report = looked(registry, data)
    assert 50 <= report.outcomes <= 150
    assert report.unmatched == 0


def test_a_look_at_too_few_rows_leaves_what_is_known(
    registry: Registry, data: ObjectStore, manifest: Manifest
) -> None:
    """The history's newest line keeps its signals when a later look has nothing to add."""
    archive = Archive(data)
    capture(data, manifest, readings(300, seed=1), end=NOW, hours=20)
    archive.keep(looked(registry, data))
    before = archive.history(NAME)
    assert before["windows"][-1]["features"]
    later = Watch(registry, data, clock=lambda: NOW + timedelta(days=30)).look(NAME)
    assert {one.state for one in later.comparisons} == {"too few"}
    archive.keep(later)
    assert archive.history(NAME) == before
