"""Text as n-gram buckets: normal form, language, tokens, stable hashes, slots."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.preprocessing.text import (
    buckets,
    character_symbols,
    distinct_slots,
    is_chinese,
    ngrams,
    normal_form,
    tokens,
    word_symbols,
)

texts = st.text(max_size=60)


def test_normal_form_removes_what_only_looks_different() -> None:
    """Width, case, entities, tags, addresses and the digits of numbers do not tell texts apart."""
    assert normal_form("\uff27OOD &lt;3<br>") == "good <0"
    assert normal_form("see https://a.example/x?y=1 now") == "see url now"
    assert normal_form("1,299.50 or 7") == "0 or 0"
    assert normal_form("it\u2019s\n\t fine") == "it's fine"


@given(texts)
def test_normal_form_has_no_outer_or_double_space(text: str) -> None:
    """Whatever comes in, words are one space apart."""
    assert normal_form(text) == " ".join(normal_form(text).split())


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("房间 wifi ok", True),
        ("no", False),
        ("", False),
        ("123 !", False),
        ("the word 龙 means dragon", False),
    ],
)
def test_language_goes_by_the_script(text: str, *, chinese: bool) -> None:
    """A few Latin words do not make a Chinese text English, nor one character an English text Chinese."""
    assert is_chinese(text) is chinese


def test_contractions_and_the_scope_of_negation() -> None:
    """A negator turns three words round, and none beyond the end of its clause."""
    read = tokens(["won't be a very good film", "never , good"])
    assert read.words == ["will", "not", "be", "a", "very", "good", "film", "never", "good"]
    assert np.array(read.words)[read.negated].tolist() == ["be", "a", "very"]
    assert read.texts.tolist() == [0] * 7 + [1] * 2


def test_hashes_are_the_same_in_every_process() -> None:
    """A published model's weights belong to these numbers: they must never change."""
    words = word_symbols(["good", "film"])
    assert words.tolist() == [1820610194, 2185543202]
    assert ngrams(words, np.zeros(2, np.intp), 2, seed=1).hashes.tolist() == [3317693691475619211]


def test_ngrams_stay_within_their_group() -> None:
    """No n-gram spans two texts, and a text shorter than n has none."""
    symbols, rows = character_symbols(["abc", "d", "ef"])
    assert ngrams(symbols, rows, 2, seed=1).starts.tolist() == [0, 1, 4]
    assert ngrams(symbols, rows, 7, seed=1).hashes.size == 0


@given(st.lists(texts, min_size=1, max_size=4), st.integers(1, 3))
def test_ngrams_of_a_batch_are_those_of_its_texts(batch: list[str], n: int) -> None:
    """Going through together changes nothing."""
    symbols, rows = character_symbols(batch)
    together = ngrams(symbols, rows, n, seed=3).hashes.tolist()
    apart = [ngrams(*character_symbols([text]), n, seed=3).hashes.tolist() for text in batch]
    assert together == [one for text in apart for one in text]


def test_seed_length_and_order_tell_ngrams_apart() -> None:
    """ "ab", "ba", "a" and another kind of "ab" have different numbers."""
    group = np.zeros(2, np.intp)
    ab, ba = (character_symbols([text])[0] for text in ("ab", "ba"))
    found = {
        int(ngrams(ab, group, 2, seed=1).hashes[0]),
        int(ngrams(ba, group, 2, seed=1).hashes[0]),
        int(ngrams(ab, group, 2, seed=2).hashes[0]),
        int(ngrams(ab, group, 1, seed=1).hashes[0]),
    }
    assert len(found) == 4


def test_buckets_stay_in_their_range() -> None:
    """The first bucket is the given one, the last one n - 1 further."""
    assert buckets(np.array([0, 9, 10], np.uint64), 10, first=5).tolist() == [5, 14, 5]


def test_slots_keep_first_occurrences_and_both_ends() -> None:
    """Repetitions take no slot; beyond the width the middle goes."""
    ids, rows = np.array([7, 3, 7, 5, 9, 1, 2]), np.array([0, 0, 0, 0, 0, 1, 1])
    assert distinct_slots(ids, rows, 3, 5).tolist() == [[7, 3, 5, 9, 0], [1, 2, 0, 0, 0], [0] * 5]
    assert distinct_slots(np.array([1, 2, 3, 4, 5]), np.zeros(5, np.intp), 1, 4).tolist() == [[1, 2, 4, 5]]


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 12))
def test_slots_are_distinct_and_as_many_as_fit(ids: list[int], width: int) -> None:
    """Each number at most once, none that was not there, and no slot empty that could be filled."""
    row = distinct_slots(np.array(ids, np.int64), np.zeros(len(ids), np.intp), 1, width)[0]
    used = row[row > 0].astype(int).tolist()
    assert len(used) == len(set(used)) == min(width, len(set(ids)))
    assert set(used) <= set(ids)
