"""What the release decides by: a canary's figures, its plan, its settings, and data that came in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from moto.cloudwatch.models import Statistics
from moto.s3.models import s3_backends

from maas.errors import ConfigurationError, GateRefused, InvalidRequest
from maas.judgement import Check
from maas.manifest import Manifest
from maas.rollout.admission import admit
from maas.rollout.alarm import model_of
from maas.rollout.arrival import FINISHED, arrival, due
from maas.rollout.plan import Plan, Release
from maas.rollout.settings import ReleaseSettings
from maas.rollout.trial import Figures, Metrics, Tolerance
from maas.store import ObjectStore
from tests.emf_metrics import percentile, put
from tests.tiny_model import decision, version

GOOD = Figures(requests=1000, failed=2, latency=50)
ENVIRONMENT = {
    "MAAS_DATA_BUCKET": "data",
    "MAAS_FUNCTIONS": "maas-",
    "MAAS_CANARY_ALARMS": "maas-canary-",
    "MAAS_RELEASE_STATE_MACHINE": "arn",
}


@pytest.mark.parametrize(
    ("canary", "verdict"),
    [
        (Figures(), "wait"),
        (Figures(99, 0, 50), "wait"),
        (Figures(100, 0, 50), "widen"),
        (Figures(100, 1, 50), "widen"),
        (Figures(100, 2, 50), "withdraw"),
        (Figures(10, 2, 50), "wait"),  # two failures may be chance
        (Figures(10, 3, 50), "withdraw"),  # three of ten need no hundred requests
        (Figures(100, 0, 100), "widen"),
        (Figures(100, 0, 101), "withdraw"),
    ],
)
def test_a_canary_is_judged_beside_the_stable_version(canary: Figures, verdict: str) -> None:
    """More failures or slower than its tolerance: back. Too few requests: wait. Else: on."""
    assert Tolerance().verdict(canary, GOOD, []).next == verdict


def test_an_alarm_decides_alone() -> None:
    """However good the figures look, the alarm's name is the reason."""
    verdict = Tolerance().verdict(Figures(1000, 0, 1), GOOD, ["maas-canary-tiny-failures"])
    assert verdict == ("withdraw", "in alarm: maas-canary-tiny-failures")


def test_nobody_notices_a_few_milliseconds() -> None:
    """Twice as slow is nothing where both are quick, or where nothing answers beside it."""
    quick = Figures(1000, 0, 3)
    assert Tolerance().verdict(Figures(200, 0, 20), quick, []).next == "widen"
    assert Tolerance().verdict(Figures(200, 0, 24), quick, []).next == "withdraw"
    assert Tolerance().verdict(Figures(200, 0, 900), Figures(), []).next == "widen"


@given(
    st.integers(0, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.integers(0, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
def test_a_canary_that_fails_less_is_never_taken_back_for_failing(
    canary: tuple[int, int], stable: tuple[int, int]
) -> None:
    """A failing neighbourhood is not the canary's fault."""
    ours, theirs = Figures(*canary), Figures(*stable)
    if ours.failures <= theirs.failures:
        assert Tolerance().verdict(ours, theirs, []).next != "withdraw"


@pytest.mark.usefixtures("aws")
def test_figures_are_those_of_one_version_since_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other models, other versions and earlier requests do not count; the telemetry's own lines do."""
    monkeypatch.setattr(Statistics, "get_statistics_for_type", percentile)
    now = datetime.now(UTC)
    put("tiny", "a" * 12, 30, failed=3)
    put("tiny", "b" * 12, 40, failed=40, track="stable")
    put("other", "a" * 12, 50, failed=50)
    metrics = Metrics(boto3.client("cloudwatch"), environment="local", alarms="maas-canary-")
    found = metrics.figures("tiny", "a" * 12, now - timedelta(minutes=2), now)
    assert (found.requests, found.failed, found.latency) == (30, 3, 5)
    later = metrics.figures("tiny", "a" * 12, now + timedelta(minutes=5), now + timedelta(minutes=6))
    assert later == Figures()


@pytest.mark.parametrize(
    ("weights", "after"), [((10, 50), [10, 50, None]), ((), [None]), ((99,), [99, None])]
)
def test_a_plan_ends_with_all_requests(weights: tuple[int, ...], after: list[int | None]) -> None:
    """One share after the other; behind the last one there is nothing to be canary of."""
    plan, weight, found = Plan(weights=weights), 0, []
    while True:
        found.append(plan.after(weight))
        if found[-1] is None:
            break
        weight = found[-1]
    assert found == after


def test_a_release_is_named_after_its_execution() -> None:
    """Names of executions may have characters that those of jobs may not."""
    release = Release.begin({"model": "tiny"}, "may 2026/ä", 5)
    assert (release.job, release.run, release.data) == ("may-2026--", "may 2026/ä", "simulated")
    with pytest.raises(InvalidRequest, match="no version yet"):
        _ = release.digest


@pytest.mark.parametrize("missing", [*ENVIRONMENT])
def test_settings_say_what_is_missing(missing: str) -> None:
    """A variable that the template forgot is named."""
    with pytest.raises(ConfigurationError, match=missing):
        ReleaseSettings.from_environment({k: v for k, v in ENVIRONMENT.items() if k != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAAS_CANARY_WEIGHTS", "50,10"),
        ("MAAS_CANARY_WEIGHTS", "10,100"),
        ("MAAS_CANARY_WEIGHTS", "ten"),
        ("MAAS_CANARY_FAILURES", "-0.1"),
        ("MAAS_CANARY_SECONDS", "soon"),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: str) -> None:
    """At the start, not when a canary runs."""
    with pytest.raises(ConfigurationError, match=name):
        ReleaseSettings.from_environment(ENVIRONMENT | {name: value})


def test_settings_are_read() -> None:
    """Percents ascend; an empty list means all requests at once."""
    found = ReleaseSettings.from_environment(ENVIRONMENT | {"MAAS_CANARY_WEIGHTS": "5, 25,75"})
    assert found.weights == (5, 25, 75)
    assert ReleaseSettings.from_environment(ENVIRONMENT | {"MAAS_CANARY_WEIGHTS": " "}).weights == ()


def test_admission_needs_a_decision() -> None:
    """A version from before the gate, or one that it refused, is not released by itself."""
    manifest, _ = version()
    with pytest.raises(GateRefused, match="never judged"):
        admit(manifest, None, nowhere)
    check = Check(name="a check", passed=False, note="no good")
    refused, _ = version(gate=decision(check=check))
    with pytest.raises(GateRefused, match="a check: no good"):
        admit(refused, None, nowhere)
    passed, _ = version(gate=decision())
    admit(passed, None, nowhere)
    beside, _ = version(gate=decision("a" * 64))
    with pytest.raises(GateRefused, match="compared with aaaaaaaaaaaa, but nothing"):
        admit(beside, None, nowhere)


def nowhere(model: str, digest: str) -> Manifest:
    """Nothing else is needed to decide."""
    raise AssertionError((model, digest))


@given(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), st.sampled_from(["failures", "latency"]))
def test_an_alarm_names_its_model(model: str, what: str) -> None:
    """Whatever the model is called."""
    assert model_of(f"maas-canary-{model}-{what}", "maas-canary-") == model


@pytest.mark.parametrize("name", ["maas-canary-", "other-canary-tiny-failures", "maas-canary-tiny", ""])
def test_other_alarms_are_not_about_canaries(name: str) -> None:
    """Nothing is withdrawn for an alarm of another stack."""
    with pytest.raises(InvalidRequest):
        model_of(name, "maas-canary-")


def created(key: str, **changes: Any) -> dict[str, Any]:
    """An "Object Created" event as EventBridge delivers it."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": "data"},
            "object": {"key": key, "size": 10, "etag": "e1", "sequencer": "00A", **changes},
        },
    }


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("training/tiny/may.csv", "s3://data/training/tiny/may.csv"),
        ("training/tiny/May 2026 (1).csv.gz", "s3://data/training/tiny/May 2026 (1).csv.gz"),
        (f"training/tiny/may/{FINISHED}", "s3://data/training/tiny/may/"),
        (f"training/tiny/2026/may/{FINISHED}", "s3://data/training/tiny/2026/may/"),
        ("training/tiny/may/images.gz", None),
        (f"training/tiny/{FINISHED}", None),
        ("training/tiny/.hidden", None),
        ("training/tiny/_temporary", None),
        ("training/tiny/", None),
        ("training/tiny", None),
        ("training/../x.csv", None),
        ("inbox/tiny/may.csv", None),
    ],
)
def test_complete_data_are_trained_with(key: str, data: str | None) -> None:
    """A file by itself; a set of files once it is marked as finished; nothing else."""
    found = arrival(created(key))
    assert (found and found.data) == data
    assert found is None or found.model == "tiny"


def test_empty_files_are_not_trained_with() -> None:
    """S3's consoles make empty objects for folders."""
    assert arrival(created("training/tiny/may.csv", size=0)) is None
    assert arrival(created(f"training/tiny/may/{FINISHED}", size=0)) is not None


@given(
    st.tuples(st.sampled_from(["a.csv", "b.csv"]), st.sampled_from(["1", "2"])),
    st.tuples(st.sampled_from(["a.csv", "b.csv"]), st.sampled_from(["1", "2"])),
)
@example(("a.csv", "1"), ("a.csv", "1"))
def test_the_same_data_have_one_execution(one: tuple[str, str], other: tuple[str, str]) -> None:
    """A duplicated event gives the name that there is already; other bytes or another key a new one."""
    names = [arrival(created(f"training/tiny/{key}", etag=etag)) for key, etag in (one, other)]
    assert names[0] is not None
    assert names[1] is not None
    assert (names[0].execution == names[1].execution) == (one == other)


def test_a_set_that_comes_again_is_new() -> None:
    """Its mark is always empty, so the version of the mark tells."""
    key = f"training/tiny/may/{FINISHED}"
    marks = [created(key, **{"version-id": version}) for version in ("v1", "v1", "v2")]
    names = [found.execution for found in map(arrival, marks) if found]
    assert names[0] == names[1] != names[2]


@given(st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True))
def test_executions_have_permitted_names(model: str) -> None:
    """At most 80 characters, whatever the model is called."""
    found = arrival(created(f"training/{model}/x.csv"))
    assert found is not None
    assert len(found.execution) <= 80


@pytest.mark.usefixtures("aws")
def test_what_is_due_is_the_newest_data_once_per_time() -> None:
    """A schedule trains again with what it has, and a model without data not at all."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    for age, key in enumerate(["set/part.csv", "new.csv", "old.csv"]):
        client.put_object(Bucket="data", Key=f"training/tiny/{key}", Body=b"x")
        stored = s3_backends["123456789012"]["aws"].get_object("data", f"training/tiny/{key}")
        stored.last_modified -= timedelta(hours=age)
    store = ObjectStore("data", client)
    found = list(due(store, ["tiny", "other"], "monday"))
    assert [one.model for one in found] == ["tiny"]
    assert found[0].data == "s3://data/training/tiny/new.csv"
    assert found == list(due(store, ["tiny"], "monday"))
    assert found[0].execution != next(due(store, ["tiny"], "tuesday")).execution
