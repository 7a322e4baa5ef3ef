"""A recipe's preferred candidate is kept where the scores say no more than chance does."""

from dataclasses import replace

import pytest

from models.lane_flow.train import RECIPE
from models.selection import _kept


@pytest.mark.parametrize(
    ("preferred", "greater", "scores", "kept"),
    [
        (None, True, [0.80, 0.81, 0.79], 1),
        ("third", True, [0.80, 0.81, 0.805], 2),
        ("third", True, [0.80, 0.83, 0.805], 1),
        ("third", False, [0.80, 0.81, 0.805], 2),
        ("third", False, [0.78, 0.81, 0.805], 0),
        ("absent", True, [0.80, 0.81, 0.79], 1),
    ],
)
def test_the_preferred_candidate_is_kept_within_the_margin(
    preferred: str | None, *, greater: bool, scores: list[float], kept: int
) -> None:
    """Within the margin of the best it is kept; beyond it, or where it cannot be fitted, the best is."""
    recipe = replace(RECIPE, preferred=preferred, margin=0.01, greater_is_better=greater)
    assert _kept(recipe, ["first", "second", "third"], scores) == kept
