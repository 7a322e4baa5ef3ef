"""Sentiment: whether a text in Chinese or English praises or complains.

A text becomes the set of its n-grams, each as the number of a bucket; the model weighs buckets. What each
n-gram adds to the answer can therefore be told exactly.
"""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.explain.declared import Reading, Words
from maas.preprocessing.text import (
    Ngrams,
    Positions,
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
_FIRST_MAIN, _FIRST_FINE = 1, 1 + BUCKETS
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
        json_schema_extra={"sensitive": True},
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
        json_schema_extra={"unit": "1", "decimals": 4, "probability_of": "positive"},
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
    for number, language in enumerate(LANGUAGES):
        rows = np.flatnonzero(chinese == bool(number))
        if rows.size:
            matrix[rows, 1:] = _slots(_READ[language]([texts[row] for row in rows]), rows.size, language)
    return matrix


class Kind(NamedTuple):
    """One kind of n-grams, with the text and the token that each symbol is in, and an n-gram's symbols."""

    found: Ngrams
    texts: Positions
    tokens: Positions
    length: int


class Read(NamedTuple):
    """Texts as the model reads them: their tokens, and their n-grams by family."""

    tokens: list[str]
    main: list[Kind]
    fine: list[Kind]


def _english(texts: list[str]) -> Read:
    read = tokens(texts)
    symbols, words = word_symbols(read.words), np.arange(len(read.words))
    long = np.array([len(word) >= _SHORTEST_TAKEN_APART for word in read.words], np.bool_)
    parts = [f"<{word}>" for word in read.words if len(word) >= _SHORTEST_TAKEN_APART]
    letters, part = character_symbols(parts)
    turned = ngrams(symbols, read.texts, 1, seed=2)
    turned = Ngrams(turned.hashes[read.negated], turned.starts[read.negated])
    main = [
        Kind(ngrams(symbols, read.texts, 1, seed=1), read.texts, words, 1),
        Kind(ngrams(symbols, read.texts, 2, seed=1), read.texts, words, 2),
        Kind(turned, read.texts, words, 1),
    ]
    of_letters, within = read.texts[long][part], words[long][part]
    fine = [Kind(ngrams(letters, part, n, seed=3), of_letters, within, n) for n in (4, 5, 6)]
    return Read(read.words, main, fine)


def _chinese(texts: list[str]) -> Read:
    joined = [text.replace(" ", "") for text in texts]
    characters, rows = character_symbols(joined)
    places = np.arange(len(characters))
    kinds = [Kind(ngrams(characters, rows, n, seed=4), rows, places, n) for n in (1, 2, 3)]
    return Read(list("".join(joined)), kinds, [])


def _slots(read: Read, n_texts: int, language: str) -> Matrix:
    width = _MAIN_SLOTS[language]
    main = _family(read.main, n_texts, first=_FIRST_MAIN, width=width)
    return np.hstack([main, _family(read.fine, n_texts, first=_FIRST_FINE, width=SLOTS - width)])


def _family(kinds: list[Kind], n_texts: int, *, first: int, width: int) -> Matrix:
    """All kinds of n-grams of one family, in the order of the texts."""
    if not kinds:
        return np.zeros((n_texts, width), np.float32)
    hashes = np.concatenate([kind.found.hashes for kind in kinds])
    starts = np.concatenate([kind.found.starts for kind in kinds])
    texts = np.concatenate([kind.texts[kind.found.starts] for kind in kinds])
    order = np.lexsort((starts, texts))
    return distinct_slots(buckets(hashes, BUCKETS, first=first)[order], texts[order], n_texts, width)


def read_tokens(records: Columns) -> Reading:
    """The words or Chinese characters of one record's text, and those that each slot's n-gram is made of."""
    row = features(records)[0]
    language, used = LANGUAGES[int(row[0])], row[1:].astype(np.int64)
    read = _READ[language]([normal_form(records["text"][0])])
    order = np.argsort(used, kind="stable")
    slots, firsts, lasts = [], [], []
    for kinds, first in ((read.main, _FIRST_MAIN), (read.fine, _FIRST_FINE)):
        for kind in kinds:
            ids = buckets(kind.found.hashes, BUCKETS, first=first)
            place = order[np.minimum(np.searchsorted(used, ids, sorter=order), SLOTS - 1)]
            held = used[place] == ids  # of a long text not all are
            starts = kind.found.starts[held]
            slots.append(place[held])
            firsts.append(kind.tokens[starts])
            lasts.append(kind.tokens[starts + kind.length - 1])
    return Reading(read.tokens, *(np.concatenate(parts) for parts in (slots, firsts, lasts)))


_READ = {"en": _english, "zh": _chinese}


def respond(outputs: Columns) -> Columns:
    """The label from the probability, the language from its number."""
    probability = np.asarray(outputs["probability"], np.float64).reshape(-1)
    number = np.asarray(outputs["language"]).reshape(-1).astype(np.intp)
    return {
        "label": np.where(probability >= _EVEN, "positive", "negative").astype(object),
        "probability": probability,
        "language": np.array(LANGUAGES, object)[number],
    }


handler = Endpoint(
    "sentiment",
    Text,
    Sentiment,
    features,
    feature_names=FEATURES,
    respond=respond,
    explained=Words(read_tokens),
)
