"""Maps of pictures and weights of words, on models whose attention is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import Field

from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.explain.budget import Budget
from maas.explain.declared import Grid, Reading
from maas.explain.picture import MOST_SPOTS, PictureGame, occlusion
from maas.explain.shapley import shapley
from maas.explain.words import MOST_SEGMENTS, TextGame, text_field, weighed

SIDE = 12
GRID = Grid(SIDE, SIDE)


def brightness_of(y: int, x: int, size: int = 2) -> NDArray[np.float64]:
    """Weights that look at one square only."""
    weights = np.zeros((SIDE, SIDE))
    weights[y : y + size, x : x + size] = 1
    return weights.reshape(-1)


def drawn(seed: int = 0) -> Matrix:
    return np.random.default_rng(seed).random((1, SIDE * SIDE)).astype(np.float32)


def test_the_map_shows_where_the_model_looks() -> None:
    """Hiding the one square that counts takes everything, hiding a place far away nothing."""
    weights = brightness_of(4, 8)
    picture = drawn()
    value = float((picture @ weights)[0])
    seen = occlusion(picture, GRID, value, lambda matrix: matrix @ weights, Budget(10.0))
    found = seen.falls.reshape(seen.shape)
    assert seen.shape == (6, 6)
    assert found[2, 4] == pytest.approx(value, abs=1e-5)
    assert found[1:4, 3:6] == pytest.approx(np.full((3, 3), value), abs=1e-5)
    found[1:4, 3:6] = 0
    assert not found.any()


def test_empty_places_cost_nothing() -> None:
    """Where the picture is its ground already, nothing is hidden and nothing computed."""
    picture = np.zeros((1, SIDE * SIDE), np.float32)
    picture[0, 0] = 1
    seen = occlusion(picture, GRID, 1.0, lambda matrix: matrix[:, 0].astype(float), Budget(10.0))
    assert seen.evaluations < 10
    assert np.flatnonzero(seen.falls).tolist() == [0, 1, 6, 7]


@pytest.mark.parametrize(("cost", "shape"), [(1e-6, (16, 16)), (1e-3, (8, 8)), (1.0, (4, 4))])
def test_a_slow_model_gets_a_coarser_map(cost: float, shape: tuple[int, int]) -> None:
    """The map coarsens until it fits the budget, and never has more spots than allowed."""
    computed = 0

    def answer(matrix: Matrix) -> NDArray[np.float64]:
        nonlocal computed
        computed += len(matrix)
        return matrix.sum(axis=1).astype(np.float64)

    picture = np.ones((1, 32 * 32), np.float32)
    budget = Budget(0.1, clock=lambda: computed * cost)
    seen = occlusion(picture, Grid(32, 32), 1024.0, answer, budget)
    assert seen.shape == shape
    assert computed == seen.evaluations <= MOST_SPOTS + 8


def test_large_pictures_are_looked_at_in_larger_spots() -> None:
    """However many pixels: 256 spots at most."""
    picture = np.ones((1, 100 * 60), np.float32)
    seen = occlusion(picture, Grid(100, 60), 0.0, lambda matrix: np.zeros(len(matrix)), Budget(10.0))
    assert seen.shape[0] * seen.shape[1] <= MOST_SPOTS


def test_cells_share_the_answer() -> None:
    """As a game the cells' contributions add up to what the picture has over the empty one."""
    weights = brightness_of(0, 0, 5)
    picture = drawn()
    game = PictureGame(picture, GRID, float((picture @ weights)[0]), lambda matrix: matrix @ weights)
    found = shapley(game, Budget(0.0, 4), np.random.default_rng(0))
    assert game.shape == (6, 6)
    assert found.contributions.sum() == pytest.approx(game.value)
    assert found.contributions.reshape(6, 6)[3:].any() == False  # noqa: E712 -- NumPy's own False


class Comment(Record):
    """A text, and a choice that is none."""

    text: str = Field(min_length=1, max_length=100)
    mood: str = Field(default="", max_length=5)
    code: str = Field(max_length=4, pattern="^[a-z]+$")


class Tone(Prediction):
    """How loud."""

    loud: float


COMMENTS = Contract(Comment, Tone, lambda _: np.zeros((1, 1), np.float32), feature_names=["x"])


def loudness(columns: Columns) -> NDArray[np.float64]:
    return np.array([text.count("!") + 10.0 * ("很好" in text) for text in columns["text"]])


def comment(text: str) -> Columns:
    return {
        "text": np.array([text], object),
        "mood": np.array([""], object),
        "code": np.array(["a"], object),
    }


def test_the_free_text_is_found_in_the_contract() -> None:
    """Required and without choices or pattern; where two are, or none, there is no text to take apart."""
    assert text_field(COMMENTS) == "text"

    class Two(Comment):
        other: str = Field(max_length=9)

    assert (
        text_field(Contract(Two, Tone, lambda _: np.zeros((1, 1), np.float32), feature_names=["x"])) is None
    )


def test_left_out_tokens_show_what_they_did() -> None:
    """Words, marks and single Chinese characters are cut out one by one."""
    game = TextGame(comment("Well! 很好 indeed"), "text", 11.0, loudness)
    assert game.segments == ["Well", "! ", "很", "好 ", "indeed"]
    assert game.left_out().tolist() == [0.0, 1.0, 10.0, 10.0, 0.0]
    assert game.bases.tolist() == [0.0]


def test_long_texts_are_cut_into_runs() -> None:
    """A text of many words has 48 players, that together are the text."""
    text = " ".join(f"word{number}" for number in range(500))
    game = TextGame(comment(text), "text", 0.0, loudness)
    assert game.players == MOST_SEGMENTS
    assert "".join(game.segments) == text


@settings(max_examples=50, derandomize=True, deadline=None)
@given(text=st.text(min_size=1, max_size=60))
def test_any_text_is_its_segments(text: str) -> None:
    """Nothing is lost, whatever it is made of; the last one left out leaves a text that is permitted."""
    game = TextGame(comment(text), "text", 0.0, loudness)
    assert "".join(game.segments) == text
    assert len(game.left_out()) == game.players >= 1


@settings(max_examples=50, derandomize=True, deadline=None)
@given(data=st.data())
def test_tokens_share_what_their_pieces_contribute(data: st.DataObject) -> None:
    """A piece at several places, over several tokens, is shared evenly; nothing is lost or made."""
    tokens = data.draw(st.integers(1, 6))
    columns = data.draw(st.integers(1, 5))
    pieces = data.draw(
        st.lists(st.tuples(st.integers(0, columns - 1), st.integers(0, tokens - 1)), min_size=1, max_size=9)
    )
    weights = np.array([column for column, _ in pieces])
    firsts = np.array([first for _, first in pieces])
    lasts = np.minimum(firsts + data.draw(st.integers(0, 2)), tokens - 1)
    given_ = np.arange(1.0, columns + 1)
    found = weighed(Reading([str(token) for token in range(tokens)], weights, firsts, lasts), given_)
    assert found.contributions.sum() == pytest.approx(sum(given_[column] for column in set(weights.tolist())))
    covered = {t for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True) for t in range(a, b + 1)}
    assert {token for token in range(tokens) if found.contributions[token] > 1e-12} == covered
