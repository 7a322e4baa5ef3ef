"""One log line that is a request's record and its metrics, in the Embedded Metric Format."""

import io
import json
from typing import Any

import numpy as np
import pytest

from maas import emf
from maas.errors import GoldenMismatch
from maas.settings import Settings
from maas.telemetry import Telemetry
from tests.lambda_events import Context

VERSION = "0123456789ab"
WHOLE = ["environment", "service"]


def document(metrics: dict[str, Any], **properties: Any) -> dict[str, Any]:
    line = emf.line(metrics, {"environment": "prod", "service": "tiny", **properties})
    return dict(json.loads(line))


def sets_of(line: dict[str, Any], metric: str) -> list[list[str]]:
    """The dimension sets under which a metric appears."""
    found = [
        dimensions
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        if metric in {one["Name"] for one in directive["Metrics"]}
    ]
    # CloudWatch takes a dimension's value from the line's own members, which have to be text.
    assert all(isinstance(line[name], str) for dimensions in found for name in dimensions)
    return found


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_line_is_what_cloudwatch_reads() -> None:
    """Namespace, dimensions and metrics are declared; values and dimensions are members of the same line."""
    line = document({"Requests": 1, "Latency": 3.5}, message="request")
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "maas"
    assert directive["Metrics"] == [
        {"Name": "Requests", "Unit": "Count"},
        {"Name": "Latency", "Unit": "Milliseconds"},
    ]
    assert directive["Dimensions"] == [WHOLE]
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert (line["Requests"], line["Latency"], line["message"]) == (1, 3.5, "request")


def test_metric_goes_to_the_sets_whose_dimensions_are_known() -> None:
    """By track and version once these are decided; refusals by their code; loads by version, not by track."""
    line = document(
        {"Requests": 1, "Rejected": 1, "Predictions": 4, "ColdStart": 1},
        version=VERSION,
        track="canary",
        code="bad",
    )
    assert sets_of(line, "Requests") == [WHOLE, [*WHOLE, "track"], [*WHOLE, "version"]]
    assert sets_of(line, "Rejected") == [WHOLE, [*WHOLE, "code"]]
    assert sets_of(line, "Predictions") == [WHOLE, [*WHOLE, "version"]]
    assert sets_of(line, "ColdStart") == [WHOLE]


def test_shadow_counts_in_no_sum() -> None:
    """Nobody got its answers: it has its track and version, not the service as a whole."""
    line = json.loads(
        emf.line(
            {"Requests": 1, "Disagreement": 0.5},
            {"environment": "prod", "service": "tiny", "version": VERSION, "track": "shadow"},
            shadow=True,
        )
    )
    assert (
        sets_of(line, "Requests") == sets_of(line, "Disagreement") == [[*WHOLE, "track"], [*WHOLE, "version"]]
    )


@pytest.mark.parametrize("count", [1, 2, 100, 101, 10_000])
def test_any_number_of_values_fits(count: int) -> None:
    """At most a hundred go into a line, and these have the same mean and the same quantiles."""
    numbers = np.random.default_rng(0).gamma(2.0, 3.0, count)
    values = emf.values(numbers)
    listed = [values] if isinstance(values, float) else values
    assert len(listed) == min(count, 100)
    assert np.mean(listed) == pytest.approx(numbers.mean(), rel=0.03)
    assert np.median(listed) == pytest.approx(np.median(numbers), rel=0.1)


def test_request_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Log record, counters, distribution and cold start together; the next request has none of them."""
    telemetry = Telemetry("tiny", Settings("b", environment="prod"))

    def answer(event: dict[str, Any], _: Any) -> str:
        telemetry.note(method="POST", request_id="r1")
        if event["good"]:
            telemetry.served(version=VERSION, track="canary")
            telemetry.count("Predictions", 2)
            telemetry.count("Predictions", 3)
            telemetry.observe("Confidence", np.array([0.5, 0.75]))
        telemetry.answered(0.0123, status=200 if event["good"] else 503)
        return "done"

    handler = telemetry.wrap(answer)
    assert [handler({"good": True}, Context()), handler({"good": False}, Context())] == ["done", "done"]
    first, second = lines(capsys)
    assert (first["level"], first["message"], first["status"]) == ("INFO", "request", 200)
    assert (first["version"], first["track"], first["request_id"]) == (VERSION, "canary", "r1")
    assert first["function_request_id"] == Context().aws_request_id
    assert (first["Predictions"], first["Confidence"], first["Latency"]) == (5, [0.5, 0.75], 12.3)
    assert (first["Requests"], first["Failed"], first["CanaryFailed"], first["ColdStart"]) == (1, 0, 0, 1)
    assert sets_of(first, "Failed") == [WHOLE, [*WHOLE, "track"], [*WHOLE, "version"]]
    assert (second["Failed"], second["status"]) == (1, 503)
    assert sets_of(second, "Failed") == [WHOLE]
    assert not {"version", "track", "ColdStart", "Predictions", "CanaryFailed"} & set(second)


def test_two_stacks_share_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a namespace of its own, in every line: else one would take back the other's canary."""
    telemetry = Telemetry("tiny", Settings("b", environment="dev", metrics_namespace="maas/second"))
    telemetry.wrap(lambda _, __: telemetry.answered(0.001, status=200))({}, Context())
    telemetry.shadowed(0.005, version=VERSION, failed=True)
    telemetry.canary_failed(GoldenMismatch("broken"), version=VERSION)
    telemetry.loaded(0.25, version=VERSION)
    telemetry.about("other", {"Drift": 1.5}, "watched")
    telemetry.apart("CaptureFailed", "not captured")
    found = {
        directive["Namespace"] for line in lines(capsys) for directive in line["_aws"]["CloudWatchMetrics"]
    }
    assert found == {"maas/second"}


@pytest.mark.parametrize("latency", ["ExplainLatency", "BlockLatency", "OtherLatency"])
def test_only_predictions_are_timed_as_such(latency: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Alarms and canaries judge by `Latency`: what takes longer by nature is timed apart, once each."""
    telemetry = Telemetry("tiny", Settings("b"))
    kinds = iter([latency, None])

    def handler(_: Any, __: Any) -> None:
        telemetry.served(version=VERSION, track="canary")
        if (kind := next(kinds)) is not None:
            telemetry.timed_as(kind)
        telemetry.answered(0.25, status=200)

    wrapped = telemetry.wrap(handler)
    wrapped({}, Context())
    wrapped({}, Context())
    apart, prediction = lines(capsys)
    assert (apart[latency], "Latency" in apart) == (250, False)
    assert (prediction["Latency"], latency in prediction) == (250, False)
    assert [*WHOLE, "track"] not in sets_of(apart, latency)


def test_classes_are_counted_by_version() -> None:
    """A class that is a text has a metric of its own name, beside the predictions'."""
    line = document({"Class.fine weather": 3}, version=VERSION, track="stable")
    assert sets_of(line, "Class.fine weather") == [WHOLE, [*WHOLE, "version"]]
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] == "Count"


def test_failure_of_a_canary_is_a_metric_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """What alarms take a canary back by needs no dimension of the track."""
    telemetry = Telemetry("tiny", Settings("b"))

    def fail(_: Any, __: Any) -> None:
        telemetry.served(version=VERSION, track="canary")
        telemetry.answered(0.001, status=500)

    telemetry.wrap(fail)({}, Context())
    (line,) = lines(capsys)
    assert line["CanaryFailed"] == 1
    assert sets_of(line, "CanaryFailed") == [WHOLE]


def test_snapshot_is_a_cold_start_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A restored process has its first request like a new one."""
    telemetry = Telemetry("tiny", Settings("b"))
    handler = telemetry.wrap(lambda _, __: telemetry.answered(0.001, status=200))
    handler({}, Context())
    handler({}, Context())
    telemetry.restored()
    handler({}, Context())
    assert ["ColdStart" in line for line in lines(capsys)] == [True, False, True]


def test_quieter_log_levels_keep_the_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """At WARNING the line of a request holds nothing but what CloudWatch counts."""
    telemetry = Telemetry("tiny", Settings("b", log_level="WARNING"))
    telemetry.wrap(lambda _, __: telemetry.answered(0.001, status=200))({}, Context())
    (line,) = lines(capsys)
    assert line["Requests"] == 1
    assert not {"message", "level", "status", "timestamp"} & set(line)


def test_loads_and_shadows_have_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """They happen outside of requests, on other threads."""
    telemetry = Telemetry("tiny", Settings("b"))
    telemetry.loaded(0.25, version=VERSION)
    telemetry.shadowed(0.005, version=VERSION, failed=False, disagreement=0.1, differed=True)
    telemetry.about("other", {"Drift": 1.5}, "watched", reason="x")
    telemetry.apart("CaptureFailed", "not captured", reason="y")
    loaded, shadow, about, apart = lines(capsys)
    assert (loaded["ModelLoad"], sets_of(loaded, "ModelLoad")) == (250.0, [WHOLE, [*WHOLE, "version"]])
    assert (shadow["Latency"], shadow["track"], shadow["ShadowDiffered"]) == (5.0, "shadow", 1)
    assert (about["service"], about["Drift"]) == ("other", 1.5)
    assert (apart["service"], apart["CaptureFailed"]) == ("tiny", 1)


@pytest.mark.parametrize(("level", "shown"), [("INFO", False), ("DEBUG", True)])
def test_crash_is_logged_without_its_message(level: str, shown: bool) -> None:  # noqa: FBT001
    """An error's text may quote what somebody sent; where it happened quotes nobody. DEBUG shows the text."""
    telemetry = Telemetry(f"crashing-{level}", Settings("b", log_level=level))
    log = io.StringIO()
    telemetry.logger.registered_handler.stream = log  # type: ignore[attr-defined]
    try:
        float("Ada Lovelace")
    except ValueError as error:
        told = telemetry.crashed(error)
    assert "Ada" not in told.detail
    assert "ValueError" in log.getvalue()
    assert "test_emf.py" in log.getvalue()
    assert ("Ada" in log.getvalue()) == shown


class Segments:
    """X-Ray's recorder, as far as segments go."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def in_subsegment(self, name: str) -> "Segments":
        self.names.append(name)
        return self

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return


def test_segments_only_where_x_ray_listens() -> None:
    """Without tracing a segment is nothing at all; with it each part of the work has one."""
    telemetry = Telemetry("tiny", Settings("b"))
    assert telemetry.segment("load") is telemetry.segment("predict")
    recorder = Segments()
    telemetry._tracer = type("Tracer", (), {"provider": recorder})()
    for name in ("load", "preprocess", "predict"):
        with telemetry.segment(name):
            pass
    assert recorder.names == ["load", "preprocess", "predict"]
