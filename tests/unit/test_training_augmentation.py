"""Varied images: by the generator alone, within the levels there are, and only as far as allowed."""

import numpy as np
import pytest

from models.augmentation import Warp


def images(n: int = 5) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(0).uniform(10, 20, (n, 12 * 9)).astype(np.float32)


def test_nothing_allowed_changes_nothing() -> None:
    """Without shift, turn, stretch and slant an image stays what it is."""
    same = Warp(12, 9)(images(), np.random.default_rng(1))
    np.testing.assert_allclose(same, images(), rtol=1e-5)


@pytest.mark.parametrize("beyond", [None, 0.0])
def test_levels_stay_within_those_there_are(beyond: float | None) -> None:
    """Interpolation invents nothing; beyond the edge is what was asked for."""
    warp = Warp(12, 9, shift=20, turn=180, stretch=0.5, slant=0.3, beyond=beyond)
    varied = warp(images(50), np.random.default_rng(1))
    assert varied.dtype == np.float32
    assert varied.shape == (50, 108)
    assert varied.max() <= 20.001
    assert varied.min() >= (9.999 if beyond is None else 0.0)
    assert (varied < 5).any() == (beyond is not None)


def test_a_shift_is_a_shift() -> None:
    """A dot moves by at most the allowed way, both ways and differently in each image."""
    dots = np.zeros((200, 11, 11), np.float32)
    dots[:, 5, 5] = 1
    moved = Warp(11, 11, shift=2, beyond=0.0)(dots.reshape(200, -1), np.random.default_rng(0))
    places = moved @ np.indices((11, 11)).reshape(2, -1).T / moved.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(moved.sum(axis=1), 1, atol=1e-4)
    assert np.abs(places - 5).max() <= 2.001
    assert places.min() < 3.3
    assert places.max() > 6.7
    assert len(np.unique(places.round(4))) > 300


def test_a_turn_turns_about_the_middle() -> None:
    """The middle stays; what is above it goes aside."""
    bars = np.zeros((100, 11, 11), np.float32)
    bars[:, :6, 5] = 1
    turned = Warp(11, 11, turn=90, beyond=0.0)(bars.reshape(100, -1), np.random.default_rng(0))
    assert turned.reshape(100, 11, 11)[:, 5, 5].min() > 0.5
    mass = (turned @ np.indices((11, 11)).reshape(2, -1).T / turned.sum(axis=1, keepdims=True)) - 5
    np.testing.assert_allclose(np.hypot(*mass.T), 2.5, atol=0.4)


def test_the_generator_decides() -> None:
    """The same draws give the same images, others others."""
    warp = Warp(12, 9, shift=2, turn=20, stretch=0.2, slant=0.2)
    one, again, other = (warp(images(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.5
