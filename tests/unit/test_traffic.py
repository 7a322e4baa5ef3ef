"""The canary's share: sticky, of the right size, and another one for every canary."""

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.pointer import Canary
from maas.traffic import draws

C, D = "c" * 64, "d" * 64
IDS = [str(UUID(int=number * 0x9E3779B97F4A7C15)) for number in range(20_000)]


def drawn(weight: int, *, model: str = "tiny", digest: str = C) -> set[str]:
    """The ids that fall to a canary."""
    canary = Canary(manifest=digest, weight=weight)
    return {request_id for request_id in IDS if draws(model, canary, request_id)}


@pytest.mark.parametrize("weight", [1, 10, 50, 99])
def test_share_has_the_size_of_the_weight(weight: int) -> None:
    """Of 20,000 ids, five standard deviations around the weight; ids that merely count are no worse."""
    share = weight / 100
    spread = 5 * (len(IDS) * share * (1 - share)) ** 0.5
    assert abs(len(drawn(weight)) - len(IDS) * share) < spread


def test_widening_keeps_who_had_the_canary() -> None:
    """Every id of the smaller share is in the larger one."""
    shares = [drawn(weight) for weight in (1, 5, 25, 60, 99)]
    for smaller, larger in pairwise(shares):
        assert smaller < larger


@given(request_id=st.text(min_size=1, max_size=128), weight=st.integers(1, 99))
def test_same_id_falls_alike(request_id: str, weight: int) -> None:
    """Twice the same question, twice the same answer, whatever the id is made of."""
    first, again = (draws("tiny", Canary(manifest=C, weight=weight), request_id) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("other", [{"digest": D}, {"model": "other"}])
def test_another_canary_divides_callers_anew(other: dict[str, str]) -> None:
    """Two canaries' shares overlap as chance has it: nobody has to try every new version."""
    both = len(drawn(50) & drawn(50, **other))
    assert abs(both - len(IDS) / 4) < 5 * (len(IDS) * 3 / 16) ** 0.5
