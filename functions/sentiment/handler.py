"""Sentiment: whether a text in Chinese or English praises or complains.

A text becomes the set of its n-grams, each as the number of a bucket; the model weighs buckets. What each
n-gram adds to the answer can therefore be told exactly.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing.text import (
    Ngrams,
    buckets,
    character_symbols,
    distinct_slots,
    is_chinese,
    ngrams,
    normal_form,
    tokens,
    word_symbols,
)

LANGUAGES = ("en", "zh")
# Two families of n-grams, scaled apart: the main one (one or two words; one to three Chinese characters) and
# for English a fine one, parts of words, which know a word's relatives.
SLOTS = 768
_MAIN_SLOTS = {"en": 320, "zh": SLOTS}
BUCKETS = 1 << 22  # of each family: the main one's are 1 to BUCKETS, the fine one's follow
FEATURES = ("language", *(f"slot_{slot}" for slot in range(SLOTS)))
_SHORTEST_TAKEN_APART = 4  # letters; shorter words are themselves their own parts
_EVEN = 0.5


class Text(Record):
    """A text, such as a review, a complaint or a post."""

    text: str = Field(
        min_length=1,
        max_length=5000,
        description="The text, plain or with HTML entities. Of a long text the middle counts for less.",
        examples=[
            "The room was clean and the staff could not have been kinder.",
            "房间很干净 服务态度非常好",
        ],
    )
    language: Literal["auto", "zh", "en"] = Field(
        default="auto", description="Its language; auto goes by the script.", examples=["auto", "zh"]
    )


class Sentiment(Prediction):
    """Praise or complaint."""

    label: Literal["positive", "negative"] = Field(
        description="The likelier of the two.", examples=["positive"]
    )
    probability: float = Field(
        description="Probability that the text is positive.",
        examples=[0.9412],
        json_schema_extra={"unit": "1", "decimals": 4},
    )
    language: Literal["zh", "en"] = Field(
        description="The language that the text was read as.", examples=["en"]
    )


def features(records: Columns) -> Matrix:
    """The language's number in LANGUAGES, then the buckets of the text's n-grams, 0 in empty slots."""
    texts = [normal_form(text) for text in records["text"]]
    chinese = np.array(
        [
            language == "zh" or (language == "auto" and is_chinese(text))
            for text, language in zip(texts, records["language"], strict=True)
        ],
        np.bool_,
    )
    matrix = np.zeros((len(texts), len(FEATURES)), np.float32)
    matrix[:, 0] = chinese
    for rows, read in ((np.flatnonzero(~chinese), _english), (np.flatnonzero(chinese), _chinese)):
        if rows.size:
            matrix[rows, 1:] = read([texts[row] for row in rows])
    return matrix


def _english(texts: list[str]) -> Matrix:
    read = tokens(texts)
    symbols = word_symbols(read.words)
    long = np.array([len(word) >= _SHORTEST_TAKEN_APART for word in read.words], np.bool_)
    parts = [f"<{word}>" for word in read.words if len(word) >= _SHORTEST_TAKEN_APART]
    letters, part = character_symbols(parts)
    turned = ngrams(symbols, read.texts, 1, seed=2)
    main = [
        (ngrams(symbols, read.texts, 1, seed=1), read.texts),
        (ngrams(symbols, read.texts, 2, seed=1), read.texts),
        (Ngrams(turned.hashes[read.negated], turned.starts[read.negated]), read.texts),
    ]
    of_letters = read.texts[long][part]
    fine = [(ngrams(letters, part, n, seed=3), of_letters) for n in (4, 5, 6)]
    width = _MAIN_SLOTS["en"]
    return np.hstack(
        [
            _family(main, len(texts), first=1, width=width),
            _family(fine, len(texts), first=1 + BUCKETS, width=SLOTS - width),
        ]
    )


def _chinese(texts: list[str]) -> Matrix:
    characters, rows = character_symbols([text.replace(" ", "") for text in texts])
    kinds = [(ngrams(characters, rows, n, seed=4), rows) for n in (1, 2, 3)]
    return _family(kinds, len(texts), first=1, width=_MAIN_SLOTS["zh"])


def _family(kinds: list[tuple[Ngrams, NDArray[np.intp]]], n_texts: int, *, first: int, width: int) -> Matrix:
    """All kinds of n-grams of one family, in the order of the texts."""
    hashes = np.concatenate([found.hashes for found, _ in kinds])
    starts = np.concatenate([found.starts for found, _ in kinds])
    texts = np.concatenate([of[found.starts] for found, of in kinds])
    order = np.lexsort((starts, texts))
    return distinct_slots(buckets(hashes, BUCKETS, first=first)[order], texts[order], n_texts, width)


def respond(outputs: Columns) -> Columns:
    """The label from the probability, the language from its number."""
    probability = np.asarray(outputs["probability"], np.float64).reshape(-1)
    number = np.asarray(outputs["language"]).reshape(-1).astype(np.intp)
    return {
        "label": np.where(probability >= _EVEN, "positive", "negative").astype(object),
        "probability": probability,
        "language": np.array(LANGUAGES, object)[number],
    }


handler = Endpoint("sentiment", Text, Sentiment, features, feature_names=FEATURES, respond=respond)
