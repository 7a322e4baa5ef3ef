"""The monitor from captured requests to metrics, reports and a training that is started."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import boto3
import numpy as np
import pytest
from typer.testing import CliRunner

from cli import deployment
from cli.main import app
from functions.monitor.handler import Monitor, MonitoringFailed
from maas.errors import NoProductionVersion
from maas.manifest import Manifest
from maas.monitor.archive import Archive
from maas.monitor.page import page as rendered
from maas.monitor.report import Report
from maas.monitor.watch import Watch
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.conftest import MODELS_BUCKET
from tests.lambda_events import Caller, Context
from tests.tiny_model import NAME
from tests.tiny_requests import PREDICT
from tests.watched import DATA_BUCKET, buckets, capture, instances, objects, readings, watched_version

NOW = datetime.now(UTC)


@pytest.fixture
def data(models_bucket: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:  # noqa: ARG001 -- it makes the bucket
    """The data bucket, named in the environment as the template names it."""
    monkeypatch.setenv("MAAS_DATA_BUCKET", DATA_BUCKET)
    return buckets(secret=False)


@pytest.fixture
def manifest(registry: Registry) -> Manifest:
    """The tiny model, trained on rows without times, in production."""
    return promoted(registry)


def promoted(registry: Registry, **how: Any) -> Manifest:
    manifest, artifact = watched_version(**how)
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason="first")
    return manifest


def looked(registry: Registry, data: ObjectStore, **how: Any) -> Report:
    return Watch(registry, data, clock=lambda: NOW).look(NAME, **how)


def test_requests_like_training_are_quiet(registry: Registry, data: ObjectStore, manifest: Manifest) -> None:
    """Inputs and predictions of an ordinary day pass, in both windows."""
    capture(data, manifest, readings(400, seed=7), end=NOW, hours=20)
    report = looked(registry, data)
    assert [one.state for one in report.comparisons] == ["quiet", "quiet"]
    assert [one.rows for one in report.comparisons] == [400, 400]
    assert report.reason is None
    assert report.drift < 1
    assert {one.signal for one in report.comparisons[0].outputs} == {"prediction.volume"}


def test_few_requests_are_not_judged(registry: Registry, data: ObjectStore, manifest: Manifest) -> None:
    """Forty rows say nothing, however strange they are."""
    capture(data, manifest, readings(40, temperature=np.full(40, 60.0)), end=NOW, hours=20)
    report = looked(registry, data)
    assert [one.state for one in report.comparisons] == ["too few", "too few"]
    assert report.drift == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"temperature": np.full(300, 12.5)}, ("temperature", "stuck")),
        ({"temperature": np.random.default_rng(1).normal(40, 3, 300)}, ("temperature", "shift")),
        ({"lanes": np.full(300, 12)}, ("lanes", "out of range")),
        ({"weather": np.array(["雪"] * 300, object)}, ("wet", "distribution")),
        ({"rain": np.full(300, np.nan)}, ("rain", "missing")),
    ],
)
def test_what_is_wrong_is_named(
    registry: Registry,
    data: ObjectStore,
    manifest: Manifest,
    changes: dict[str, Any],
    expected: tuple[str, str],
) -> None:
    """A sensor that is stuck, that moved, that is beyond all bounds, a class, a field that is gone."""
    signal, reason = expected
    capture(data, manifest, readings(300, seed=2, **changes), end=NOW, hours=20)
    report = looked(registry, data, windows=(24.0,))
    (comparison,) = report.comparisons
    assert comparison.state == "drifted"
    assert report.reason is not None
    if reason == "missing":
        assert [one.field for one in comparison.missing if one.share.ratio > 1] == [signal]
        assert "rain missing" in report.reason
    else:
        reasons = {one.signal: one.reasons for one in comparison.drifting}
        assert reason in reasons[signal]
        assert f"{signal} (" in report.reason


def test_prediction_drift_is_told_apart(registry: Registry, data: ObjectStore, manifest: Manifest) -> None:
    """What the model answers is watched like what it is asked."""
    capture(data, manifest, readings(300, speeds=np.full((300, 2), 199.0)), end=NOW, hours=20)
    report = looked(registry, data, windows=(24.0,))
    assert report.prediction_drift > 1
    assert "prediction.volume" in (report.reason or "")


def test_hours_are_held_to_what_the_training_data_did_in_as_many(
    registry: Registry, data: ObjectStore
) -> None:
    """A day's temperatures never look like a year's: only what no day of training did is drift."""
    manifest, artifact = watched_version(times=True)
    assert manifest.monitoring is not None
    assert [(quiet.hours, quiet.stretches) for quiet in manifest.monitoring.quiet] == [
        (24, 208),
        (72, 70),
        (168, 30),
    ]
    registry.promote(NAME, registry.publish(manifest, artifact), actor="tests", reason="first")
    day = np.datetime64("2026-11-21T00", "s") + np.arange(24) * np.timedelta64(3600, "s")
    capture(data, manifest, readings(24, seed=3, timestamp=day), end=NOW, hours=23.9, prefix="a")
    assert looked(registry, data, windows=(24.0,)).comparisons[0].state == "quiet"
    capture(
        data,
        manifest,
        readings(24, timestamp=day, temperature=np.full(24, 55.0)),
        end=NOW,
        hours=23.9,
        prefix="b",
    )
    found = looked(registry, data, windows=(12.0, 24.0)).comparisons
    assert [one.state for one in found] == ["too few", "drifted"]
    assert "stretches of 24 h" in found[1].limits


def test_only_what_the_version_in_production_answered_counts(
    registry: Registry, data: ObjectStore, manifest: Manifest
) -> None:
    """Records of another version are left out, and so is what nobody can read."""
    capture(data, manifest, readings(100, seed=1), end=NOW, hours=10)
    other = manifest.model_copy(update={"summary": "another"})
    other.__dict__.pop("digest", None)
    capture(data, other, readings(200, temperature=np.full(200, 60.0)), end=NOW, hours=10, prefix="o")
    data.put(f"captures/{NAME}/{NOW:date=%Y-%m-%d/hour=%H}/junk.jsonl.gz", b'{"id": 1}\nnot json\n')
    report = looked(registry, data, windows=(24.0,))
    assert report.comparisons[0].rows == 100
    assert (report.other_versions, report.broken_lines) == (200, 2)
    assert report.reason is None


def test_outcomes_become_live_metrics(registry: Registry, data: ObjectStore) -> None:
    """What callers and files reported is joined by prediction id; the last word on a prediction counts."""
    manifest = promoted(registry, metrics={"rmse": 5.0, "mae": 4.0})
    rows = capture(data, manifest, readings(200, seed=4), end=NOW, hours=20)
    call = Caller(tiny_model.endpoint())
    items = [{"id": row["id"], "outcome": row["prediction"]["volume"] + 4.0} for row in rows[:150]]
    wrong = [{"id": row["id"], "outcome": 1e6} for row in rows[:50]]
    for feedback in (wrong, items, items):
        assert call("POST", f"/v1/models/{NAME}:feedback", {"feedback": feedback}).status == 200
    table = "id,outcome\n" + "".join(f"{row['id']},{row['prediction']['volume'] + 4}\n" for row in rows[150:])
    data.put(f"outcomes/{NAME}/by_hand.csv", (table + "nonsense,1\n" + f"{rows[0]['id']},much\n").encode())
    report = looked(registry, data, windows=(24.0,))
    scores = {score.name: score for score in report.scores}
    assert report.outcomes == 200
    assert scores["rmse"].value == pytest.approx(4.0)
    assert scores["rmse"].trained == 5.0
    assert report.degradation < 1
    assert report.broken_lines == 2


def test_worse_than_in_training_is_said(registry: Registry, data: ObjectStore) -> None:
    """A model that is asked the same as ever and is wrong all the same."""
    manifest = promoted(registry, metrics={"rmse": 5.0})
    rows = capture(data, manifest, readings(120, seed=4), end=NOW, hours=20)
    lines = [
        json.dumps({"id": row["id"], "outcome": {"volume": row["prediction"]["volume"] + 40}}) for row in rows
    ]
    data.put(f"outcomes/{NAME}/truth.jsonl", "\n".join(lines).encode())
    report = looked(registry, data, windows=(24.0,))
    assert report.degradation > 5
    assert report.reason == "rmse 40, in training 5"


def handled(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Monitor:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Monitor("monitor")


def metrics_of(out: str, service: str) -> dict[str, Any]:
    """The monitor's line about a model, as CloudWatch reads it."""
    for line in out.splitlines():
        document = json.loads(line)
        if document.get("service") == service and document.get("message") == "watched":
            (directive,) = [
                d
                for d in document["_aws"]["CloudWatchMetrics"]
                if {"Name": "Drift", "Unit": "None"} in d["Metrics"]
            ]
            assert directive["Dimensions"] == [["environment", "service"]]
            return dict(document)
    raise AssertionError(out)


def test_scheduled_function_watches_every_model(
    registry: Registry,
    data: ObjectStore,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Metrics under the model's name, a page and figures in S3; what is not in production is passed by."""
    idle, artifact = watched_version(model="idle")
    registry.publish(idle, artifact)
    now = datetime.now(UTC)
    capture(data, manifest, readings(300, temperature=np.full(300, 12.5)), end=now, hours=10)
    answer = handled(monkeypatch)({"time": "2026-11-22T12:00:00Z"}, Context())
    assert answer == {"models": {"idle": "nothing in production", NAME: "noticed"}}
    line = metrics_of(capsys.readouterr().out, NAME)
    assert line["Drift"] > 1.25
    assert (line["CapturedRows"], line["Outcomes"], line["Degradation"]) == (300, 0, 0)
    assert "temperature" in line["reason"]
    names = objects(data, "reports/")
    assert {f"reports/{NAME}/{name}" for name in ("latest.html", "latest.json", "history.json")} < set(names)
    report = json.loads(data.read(f"reports/{NAME}/latest.json").body)
    assert report["version"] == manifest.version
    assert line["report"] in names


def test_history_has_what_the_console_shows(
    registry: Registry, data: ObjectStore, manifest: Manifest
) -> None:
    """One line per comparison, the newest last and with its signals."""
    archive = Archive(data)
    assert archive.history(NAME) == {"windows": []}
    capture(data, manifest, readings(300, seed=1), end=NOW, hours=20)
    archive.keep(looked(registry, data))
    capture(data, manifest, readings(300, temperature=np.full(300, 12.5)), end=NOW, hours=20, prefix="s")
    archive.keep(looked(registry, data))
    windows = archive.history(NAME)["windows"]
    assert [(one["hours"], one["drifted"]) for one in windows] == [
        (24, False),
        (168, False),
        (24, True),
        (168, True),
    ]
    assert windows[-1]["features"][0]["name"] == "temperature"
    assert set(windows[-1]) == {"end", "hours", "rows", "largest", "limit", "drifted", "features"}


class Links(HTMLParser):
    """Everything a page would load, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data"}]


def test_page_stands_alone(registry: Registry, data: ObjectStore, manifest: Manifest) -> None:
    """Figures as inline SVG, nothing to load, no script, names escaped."""
    capture(data, manifest, readings(300, temperature=np.full(300, 12.5)), end=NOW, hours=20)
    report = looked(registry, data).model_copy(update={"model": "<b>tiny</b>"})
    Archive(data).keep(looked(registry, data))
    body = data.read(f"reports/{NAME}/latest.html").body.decode()
    page = Links()
    page.feed(body)
    assert page.loaded == []
    assert page.tags.count("svg") > 10
    assert "script" not in page.tags
    assert "temperature" in body
    assert "http" not in body
    assert "<b>tiny</b>" not in rendered(report)


def test_drift_can_start_a_training_once_a_week(
    data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release's state machine is started with the newest data and the reason, not again the same week."""
    states = boto3.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/none"
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="release", definition=definition, roleArn=role)[
        "stateMachineArn"
    ]
    capture(data, manifest, readings(300, temperature=np.full(300, 12.5)), end=datetime.now(UTC), hours=10)
    monitor = handled(monkeypatch, MAAS_RETRAIN_STATE_MACHINE=machine)
    monitor({}, Context())
    assert states.list_executions(stateMachineArn=machine)["executions"] == []
    assert (
        "training/tiny/ is empty" in json.loads(data.read(f"reports/{NAME}/latest.json").body)["retraining"]
    )
    data.put(f"training/{NAME}/november.csv", b"hour,volume\n1,2\n")
    for _ in range(2):
        monitor({}, Context())
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    started = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    assert (started["model"], started["data"]) == (NAME, f"s3://{DATA_BUCKET}/training/{NAME}/november.csv")
    assert "temperature (" in started["reason"]
    assert "was started" in json.loads(data.read(f"reports/{NAME}/latest.json").body)["retraining"]


def test_quiet_model_starts_no_training(
    data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither does one that is only just beyond a limit."""
    capture(data, manifest, readings(300, seed=5), end=datetime.now(UTC), hours=10)
    data.put(f"training/{NAME}/november.csv", b"hour,volume\n1,2\n")
    monitor = handled(
        monkeypatch, MAAS_RETRAIN_STATE_MACHINE="arn:aws:states:us-east-1:123456789012:stateMachine:no"
    )
    assert monitor({}, Context())["models"] == {NAME: "quiet"}


def test_one_model_that_cannot_be_watched_keeps_no_other_from_it(
    registry: Registry,
    data: ObjectStore,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The others are watched, and the failure is told, so that the event comes again."""
    broken, artifact = watched_version(model="broken")
    registry.promote("broken", registry.publish(broken, artifact), actor="tests", reason="first")
    boto3.client("s3").put_object(Bucket=MODELS_BUCKET, Key=broken.key, Body=b"{}")
    capture(data, manifest, readings(300, seed=5), end=datetime.now(UTC), hours=10)
    with pytest.raises(MonitoringFailed, match="broken"):
        handled(monkeypatch)({}, Context())
    out = capsys.readouterr().out
    assert metrics_of(out, NAME)["Drift"] < 1
    assert '"Failed":1' in out


def test_version_from_before_there_was_a_monitor(registry: Registry, data: ObjectStore) -> None:
    """Its manifest says nothing to compare with: it is passed by, and the page says what to do."""
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
    report = looked(registry, data)
    assert report.comparisons == ()
    Archive(data).keep(report)
    assert b"train it again" in data.read(f"reports/{NAME}/latest.html").body


def test_nothing_in_production_is_nothing_to_watch(registry: Registry, data: ObjectStore) -> None:
    """A model that never served is said to be so."""
    registry.publish(*watched_version())
    with pytest.raises(NoProductionVersion):
        looked(registry, data)


def test_command(
    data: ObjectStore,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    """`maas monitor` shows a table, or everything as JSON, and writes the page."""
    capture(data, manifest, readings(300, temperature=np.full(300, 12.5)), end=datetime.now(UTC), hours=10)
    outputs = {"DataBucket": DATA_BUCKET, "ModelsBucket": MODELS_BUCKET}
    monkeypatch.setattr(deployment, "find", lambda _: deployment.Deployment(outputs, boto3.client))
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(app, ["monitor", NAME, "--window", "24", "--page", str(page)])
    assert shown.exit_code == 0, shown.output
    assert "last 24 h: 300 captured rows" in shown.stdout
    assert "stuck" in shown.stdout
    assert "<svg" in page.read_text()
    document = json.loads(CliRunner().invoke(app, ["monitor", NAME, "--json"]).stdout)
    assert [one["hours"] for one in document["comparisons"]] == [24, 168]
    refused = CliRunner().invoke(app, ["monitor", NAME, "--window", "soon"])
    assert refused.exit_code == 1


def test_through_the_real_function(
    registry: Registry, data: ObjectStore, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests sent to the model's handler are what the monitor compares, in both dialects alike."""
    monkeypatch.setenv("MAAS_CAPTURE_RATE", "1")
    call = Caller(tiny_model.endpoint())
    rows = instances(readings(120, seed=9, temperature=np.full(120, 12.5)))
    for start in range(0, 120, 40):
        assert call("POST", PREDICT, {"instances": rows[start : start + 40]}).status == 200
    call.handler.afterwards.drain()
    call.handler.sampler.flush()
    clock = datetime.now(UTC) + timedelta(seconds=1)
    report = Watch(registry, data, clock=lambda: clock).look(NAME, windows=(24.0,))
    assert report.comparisons[0].rows == 120
    assert [one.signal for one in report.comparisons[0].drifting if "stuck" in one.reasons] == ["temperature"]
    assert report.version == manifest.version
