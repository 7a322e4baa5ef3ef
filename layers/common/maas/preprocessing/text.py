"""Text as hashed n-grams: normal form, language, tokens, and sets of bucket numbers of a fixed width.

Nothing is learnt here, so that training and serving cannot differ: an n-gram's bucket is a fixed function
of its symbols, the same on every machine and in every process. All functions look at one text at a time;
several texts go through together only to spare loops.
"""

import html
import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.uint64]
Positions = NDArray[np.intp]

_URL = re.compile(r"(?:https?://|www\.)[!-~]+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SPACE = re.compile(r"\s+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f]")
_LATIN_WORD = re.compile(r"[a-z\u00df-\u024f]+")
# A word keeps what an apostrophe joins to it, "'s" aside; any other mark ends a clause.
_TOKEN = re.compile(r"[^\W_]+|[^\w\s'\-\"]")
_CONTRACTIONS = ((re.compile(r"\bwon't\b"), "will not"), (re.compile(r"\bcan't\b"), "can not"))
_NOT = re.compile(r"n't\b")
_SUFFIX = re.compile(r"'(?=(?:re|ve|ll|d|m|s)\b)")
_NEGATORS = frozenset(
    {
        "not",
        "no",
        "never",
        "nor",
        "neither",
        "without",
        "hardly",
        "barely",
        "none",
        "nothing",
        "lack",
        "lacks",
        "lacking",
    }
)
_SCOPE = 3  # words after a negator that it turns round, unless the clause ends before
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "`": "'", "_": " "})


class Tokens(NamedTuple):
    """The words of several texts, one after the other.

    Attributes:
        words: Lower case, without marks.
        texts: The number of the text each word is in, ascending; shape (n,).
        clauses: A number per word that changes where a clause or a text ends, ascending; shape (n,).
        negated: Whether a negator stands up to three words before it in the same clause; shape (n,).
    """

    words: list[str]
    texts: Positions
    clauses: Positions
    negated: NDArray[np.bool_]


class Ngrams(NamedTuple):
    """Hashes of n-grams and where each begins among the symbols they were made of; shapes (m,)."""

    hashes: Symbols
    starts: Positions


def normal_form(text: str) -> str:
    r"""Lower case, compatibility forms (full width and such) made plain, markup and addresses out.

    HTML entities are resolved, tags become a space, web addresses the word "url", numbers a 0, and any
    white space one space. Unicode NFKC (Unicode Standard Annex 15).

    >>> normal_form("A&amp;B<br/>\uff23\uff24  12.5 %")
    'a&b cd 0 %'
    """
    plain = unicodedata.normalize("NFKC", html.unescape(text)) if not text.isascii() or "&" in text else text
    plain = _URL.sub(" url ", _TAG.sub(" ", plain)).lower().translate(_APOSTROPHES)
    return _SPACE.sub(" ", _NUMBER.sub("0", plain)).strip()


def is_chinese(text: str) -> bool:
    """Whether a text in normal form has at least as many Han characters as words in Latin letters.

    >>> is_chinese("wifi 很快"), is_chinese("the 龙 is a dragon")
    (True, False)
    """
    han = len(_HAN.findall(text))
    return han > 0 and han >= len(_LATIN_WORD.findall(text))


def tokens(texts: Sequence[str]) -> Tokens:
    """English words of texts in normal form; contractions are taken apart, so that "isn't" has a "not".

    >>> tokens(["isn't good, but cheap"]).words
    ['is', 'not', 'good', 'but', 'cheap']
    >>> tokens(["isn't good, but cheap"]).negated.tolist()
    [False, False, True, False, False]
    """
    words: list[str] = []
    numbers: list[int] = []
    clauses: list[int] = []
    negated: list[bool] = []
    clause = 0
    for number, text in enumerate(texts):
        clause += 1
        left = 0
        for token in _TOKEN.findall(_without_contractions(text)):
            if not token[0].isalnum():
                clause += 1
                left = 0
                continue
            words.append(token)
            numbers.append(number)
            clauses.append(clause)
            negated.append(left > 0)
            left = _SCOPE if token in _NEGATORS else left - 1
    return Tokens(words, np.array(numbers, np.intp), np.array(clauses, np.intp), np.array(negated, np.bool_))


def word_symbols(words: Sequence[str]) -> Symbols:
    """A number per word, equal for equal words (CRC-32 of its UTF-8); shape (n,)."""
    hashed = (zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words)
    return np.fromiter(hashed, np.uint64, len(words))


def character_symbols(texts: Sequence[str]) -> tuple[Symbols, Positions]:
    """The code points of several texts one after the other, and the number of the text each is in."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    return codes, np.repeat(np.arange(len(texts)), [len(text) for text in texts])


def ngrams(symbols: Symbols, groups: Positions, n: int, *, seed: int) -> Ngrams:
    """Hash every run of n symbols that lies within one group.

    Args:
        symbols: Shape (m,).
        groups: The group of each symbol, ascending; shape (m,).
        n: Length of a run, at least 1.
        seed: Tells kinds of n-grams apart: equal runs with other seeds hash to other numbers.
    """
    count = len(symbols) - n + 1
    if count <= 0:
        return Ngrams(np.empty(0, np.uint64), np.empty(0, np.intp))
    starts = np.flatnonzero(groups[:count] == groups[n - 1 :])
    hashes = np.full(len(starts), np.uint64(seed * 64 + n))
    for offset in range(n):
        hashes = _mixed(hashes + symbols[starts + offset])
    return Ngrams(hashes, starts)


def buckets(hashes: Symbols, n_buckets: int, *, first: int) -> NDArray[np.int64]:
    """Hashes as whole numbers from `first` to `first + n_buckets - 1`."""
    return (hashes % np.uint64(n_buckets)).astype(np.int64) + first


def distinct_slots(ids: NDArray[np.int64], texts: Positions, n_texts: int, width: int) -> NDArray[np.float32]:
    """The distinct numbers of each text in the order of their first occurrence, padded with 0.

    Of a text with more than `width` distinct numbers those that occur first in its middle are left out: the
    first half of the slots holds the earliest ones, the second half the latest ones.

    Args:
        ids: At least 1 and below 2^24, which float32 holds exactly; shape (m,).
        texts: The number of the text each is in, ascending; shape (m,).
        n_texts: Number of texts.
        width: Number of slots.

    Returns:
        Shape (n_texts, width).
    """
    slots = np.zeros((n_texts, width), np.float32)
    keys = texts.astype(np.int64) << 24 | ids
    firsts = np.sort(np.unique(keys, return_index=True)[1])
    ids, texts = ids[firsts], texts[firsts]
    counts = np.bincount(texts, minlength=n_texts)
    rank = np.arange(len(ids)) - (np.cumsum(counts) - counts)[texts]
    excess = np.maximum(counts - width, 0)[texts]
    half = width // 2
    kept = (rank < half) | (rank >= half + excess)
    slot = np.where(rank < half, rank, rank - excess)
    slots[texts[kept], slot[kept]] = ids[kept]
    return slots


def _without_contractions(text: str) -> str:
    if "'" not in text:
        return text
    for pattern, whole in _CONTRACTIONS:
        text = pattern.sub(whole, text)
    return _SUFFIX.sub(" ", _NOT.sub(" not", text))


def _mixed(values: Symbols) -> Symbols:
    """Spread 64 bits over 64 bits (finaliser of G. Steele and others, "SplitMix", OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
