"""Texts: the weights of their tokens where the graph tells them, and a game of tokens where it does not."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maas.contract import Columns, Contract
from maas.explain.declared import Reading
from maas.explain.game import Rows, Values
from maas.explain.parts import Mask

MOST_SEGMENTS = 48
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+|[^\w\s]")
_NOTHING = " "
_LIMITED = {"enum", "const", "pattern", "$ref", "contentEncoding"}


class Weighed(NamedTuple):
    """What each token contributes, shape (number of tokens,)."""

    tokens: list[str]
    contributions: Values


def weighed(reading: Reading, contributions: Values) -> Weighed:
    """Contributions of pieces of a text, shape (slots,), as those of its tokens.

    A piece shares its contribution evenly between the places where it stands, and there between its tokens.
    """
    places = np.bincount(reading.weights, minlength=len(contributions))
    lengths = reading.lasts - reading.firsts + 1
    shares = contributions[reading.weights] / places[reading.weights] / lengths
    steps = np.zeros(len(reading.tokens) + 1)
    np.add.at(steps, reading.firsts, shares)
    np.subtract.at(steps, reading.lasts + 1, shares)
    return Weighed(reading.tokens, np.cumsum(steps)[:-1])


def text_field(contract: Contract[Any, Any]) -> str | None:
    """The one field that holds a free text: required, without choices or a pattern, if there is one."""
    properties = contract.record.model_json_schema()["properties"]
    found = [
        field.name
        for field in contract.fields.values()
        if field.kind == "text"
        and field.required
        and not field.shape
        and not _LIMITED & properties[field.name].keys()
    ]
    return found[0] if len(found) == 1 else None


class TextGame:
    """The tokens of a text, or runs of them in a long one; left out they are cut from the text.

    The one opponent is the record with an empty text.
    """

    def __init__(self, own: Columns, field: str, value: float, answer: Callable[[Columns], Values]) -> None:
        text = str(own[field][0])
        starts = [found.start() for found in _TOKEN.finditer(text)] or [0]
        count = min(len(starts), MOST_SEGMENTS)
        cuts = [starts[number * len(starts) // count] for number in range(count)]
        cuts[0] = 0
        self.segments = [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
        self.players = count
        self.value = value
        self._own, self._field, self._answer = own, field, answer
        self.bases = self._texts([""])
        self.evaluations = 1

    @property
    def active(self) -> NDArray[np.intp]:
        """All of them."""
        return np.arange(self.players)

    def play(self, kept: Mask, rows: Rows) -> Values:
        """As in Game."""
        del rows  # there is one opponent
        distinct, inverse = np.unique(kept, axis=0, return_inverse=True)
        texts = [
            "".join(segment for segment, stays in zip(self.segments, row, strict=True) if stays)
            for row in distinct.tolist()
        ]
        self.evaluations += len(distinct)
        return self._texts(texts)[inverse.reshape(-1)]

    def left_out(self) -> Values:
        """By how much the answer falls when each token alone is cut out, shape (players,)."""
        kept = ~np.eye(self.players, dtype=np.bool_)
        return self.value - self.play(kept, np.zeros(self.players, np.intp))

    def _texts(self, texts: list[str]) -> Values:
        columns = {name: np.repeat(column, len(texts), axis=0) for name, column in self._own.items()}
        columns[self._field] = np.array([text.strip() or _NOTHING for text in texts], object)
        return self._answer(columns)
