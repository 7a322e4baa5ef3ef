"""A decision of the gate is checked again from its figures: whoever trains cannot just write `pass`."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.errors import GateRefused
from maas.judgement import BASELINE, LATENCY, PARITY, PRODUCTION, SIZE, SLOWER, Check, Gate
from maas.manifest import Manifest
from maas.pointer import Pointer
from maas.rollout.admission import admit
from tests.tiny_model import NAME, decision, version

STABLE, _ = version([1.0] * 8)


def pointer(stable: Manifest = STABLE) -> Pointer:
    return Pointer(
        model=NAME,
        seq=1,
        action="promote",
        stable=stable.digest,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        actor="test",
        reason="",
        nonce="0" * 32,
    )


def judged(gate: Gate, stable: Manifest | None = None, **changes: Any) -> None:
    """Ask for the admission of a version with this decision."""
    manifest, _ = version([2.0] * 8, gate=gate, **changes)
    admit(manifest, stable and pointer(stable), lambda *_: stable or STABLE)


def check(name: str, value: float | None, limit: float | None, **more: Any) -> Check:
    return Check(name=name, value=value, limit=limit, passed=True, **more)


def test_a_whole_decision_is_believed() -> None:
    """With nothing in production, and beside a version."""
    judged(decision())
    judged(decision(STABLE.digest), STABLE)


FORGED: dict[str, tuple[dict[str, Check | None], str]] = {
    "worse than the baseline": ({"baseline": check(f"rmse{BASELINE}", 3, 2)}, "3, allowed is at most 2"),
    "only as good as the baseline": ({"baseline": check(f"rmse{BASELINE}", 2, 2)}, "2, allowed"),
    "another score": ({"baseline": check(f"rmse{BASELINE}", 0.5, 2)}, "not the manifest's figures"),
    "another baseline": ({"baseline": check(f"rmse{BASELINE}", 1, 9)}, "not the manifest's figures"),
    "a score that nobody has": (
        {"baseline": check(f"luck{BASELINE}", 1, 2)},
        "0 checks against the baseline",
    ),
    "no baseline": ({"baseline": None}, "0 checks against the baseline"),
    "no word on production": ({"production": None}, "production: missing"),
    "no parity": ({"parity": None}, "fitted model: missing"),
    "too far from the fitted model": ({"parity": check(PARITY, 1, 0.5)}, "1, allowed is at most 0.5"),
    "another parity": ({"parity": check(PARITY, 0, 0.5)}, "not the manifest's figures"),
    "no golden samples": ({"golden": None}, "golden samples: missing"),
    "no size": ({"size": None}, "megabytes of the artifact: missing"),
    "no figure for the size": ({"size": check(SIZE, None, None)}, "megabytes of the artifact: no figures"),
    "larger than it says": ({"size": check(SIZE, 0, 0)}, "not the artifact's"),
    "no latency": ({"latency": None}, "one row: missing"),
    "no figure for the latency": ({"latency": check(LATENCY, None, 10)}, "one row: no figures"),
    "too slow": ({"latency": check(LATENCY, 11, 10)}, "11, allowed is at most 10"),
    "a slice": (
        {"slice": check("r2 where day is Sunday, against the baseline", 1, 2, sense="at least")},
        "Sunday",
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_decision_is_refused(forged: str) -> None:
    """Every check that the gate has is there, holds, and is about this manifest."""
    changes, objection = FORGED[forged]
    with pytest.raises(GateRefused, match=objection):
        judged(decision(**changes))


@pytest.mark.parametrize("left", ["production", "slower"])
def test_what_could_be_compared_has_to_be(left: str) -> None:
    """A note instead of figures is for versions of another contract, or without that score."""
    note = Check(name=f"rmse{PRODUCTION}", passed=True, note="made for another contract: not compared")
    gate = decision(STABLE.digest, **{left: note if left == "production" else None})
    with pytest.raises(GateRefused, match=f"not compared with {STABLE.version}"):
        judged(gate, STABLE)
    for changes in ({"feature_names": ("one",)}, {"metrics": {"mae": 1.0}}):
        other, _ = version([1.0] * 8, **changes)
        judged(decision(other.digest, **{left: note if left == "production" else None}), other)


def test_a_slow_version_may_be_slower_where_nobody_notices() -> None:
    """The ratio to production counts above a millisecond."""
    slower = check(SLOWER, 9, 3)
    judged(decision(STABLE.digest, slower=slower), STABLE)
    with pytest.raises(GateRefused, match="9, allowed is at most 3"):
        judged(decision(STABLE.digest, slower=slower, latency=check(LATENCY, 1.5, 10)), STABLE)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from(["at most", "at least"]))
def test_a_check_holds_as_its_figures_say(
    value: float, limit: float, sense: Literal["at most", "at least"]
) -> None:
    """Up to its limit and including it, but for the baseline, which has to be beaten."""
    inclusive = value <= limit if sense == "at most" else value >= limit
    for name, holds in (
        (SIZE, inclusive),
        ("rmse where day is 1, against the baseline", inclusive),
        (f"rmse{BASELINE}", inclusive and value != limit),
    ):
        assert check(name, value, limit, sense=sense).holds is holds
