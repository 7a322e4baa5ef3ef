"""The sentiment model: reading of the public formats, features, and the exported table of weights."""

from pathlib import Path

import numpy as np
import pytest

from functions.sentiment.handler import BUCKETS, SLOTS, handler, read_tokens
from maas.errors import DataError
from maas.explain.words import weighed
from maas.runtime import Session
from models.sentiment.linear import FittedLinear
from models.sentiment.reviews import load
from models.sentiment.simulation import simulate
from models.sentiment.train import CANDIDATES, MajorityByLanguage, metrics
from models.source import read_source

CSV = 'label,review\n1,"很好 干净"\n0,太差宾馆反馈2008年4月5日 谢谢\n1,\n'


def write_all(folder: Path) -> None:
    (folder / "hotels.csv").write_text(CSV, encoding="utf-8")
    (folder / "rt.pos.train").write_bytes("a clich\xe9 , but fine \nfine\n".encode("latin-1"))
    (folder / "rt.neg.train").write_bytes(b"dull .\n")
    (folder / "ORIGIN.txt").write_text("about")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("", ["positive", "negative", "negative", "positive", "positive"]),
        ("hotels.csv", ["positive", "negative"]),
        ("rt.pos.train", ["positive", "positive", "negative"]),
        ("rt.neg.train", ["negative", "positive", "positive"]),
    ],
)
def test_every_public_format_is_read(tmp_path: Path, name: str, labels: list[str]) -> None:
    """A folder, a CSV, and either polarity file with the other beside it; empty texts are left out."""
    write_all(tmp_path)
    table = load(read_source(str(tmp_path / name)))
    assert table.target.tolist() == labels
    assert table.data.rows == len(labels)


def test_one_polarity_file_alone_can_be_scored(tmp_path: Path) -> None:
    """A table of one class: accuracy and loss exist, the area under a curve does not."""
    (tmp_path / "x.pos").write_text("fine\nlovely\n")
    table = load(read_source(str(tmp_path / "x.pos")))
    figures = metrics(table.target, MajorityByLanguage().predict(table, table))
    assert figures["accuracy"] == 1
    assert "roc_auc" not in figures


def test_the_hotels_answer_is_left_out(tmp_path: Path) -> None:
    """What a hotel answers below a review is not the guest's opinion."""
    write_all(tmp_path)
    assert load(read_source(str(tmp_path / "hotels.csv"))).columns["text"][1] == "太差"


def test_a_wrong_label_is_named_by_line(tmp_path: Path) -> None:
    """A label other than 0 and 1 stops the reading."""
    (tmp_path / "x.csv").write_text("label,review\n2,x\n")
    with pytest.raises(DataError, match=r"line 2.*label"):
        load(read_source(str(tmp_path / "x.csv")))


def test_language_can_be_given_or_found() -> None:
    """The script decides, unless the caller does; the two languages share no n-gram."""
    asked = [{"text": "很好"}, {"text": "很好", "language": "en"}, {"text": "good"}]
    matrix = handler.contract.matrix(handler.contract.parse(asked))
    assert matrix[:, 0].tolist() == [1, 0, 0]
    assert not set(matrix[0, 1:]) & set(matrix[1, 1:]) - {0}


def test_any_text_has_features() -> None:
    """Nothing but marks, a control character, the longest text: finite, in range."""
    asked = [{"text": text} for text in ("!", " ", "\x00", "\ufdfa" * 5000, "字" * 5000, "wow " * 1250)]
    matrix = handler.contract.matrix(handler.contract.parse(asked))
    assert matrix[:, 1:].max() <= 2 * BUCKETS
    assert matrix.shape == (6, 1 + SLOTS)


def test_graph_computes_what_the_table_says() -> None:
    """Sum over the root of the number, by family, plus the language's bias, squashed."""
    fitted = FittedLinear(
        np.array([3, BUCKETS + 2], np.int64),
        np.array([2.0, -1.0], np.float32),
        np.array([0.5, 0], np.float32),
    )
    matrix = np.zeros((2, 1 + SLOTS), np.float32)
    matrix[0, 1:7] = [3, 4, 5, 6, BUCKETS + 2, 0]
    matrix[1, 0] = 1
    expected = 1 / (1 + np.exp(-(0.5 + 2 / np.sqrt(4) - 1))), 0.5
    answers = Session(fitted.to_onnx()).run(matrix)
    assert answers["probability"].tolist() == pytest.approx(expected)
    assert fitted.predict(matrix)["probability"].tolist() == pytest.approx(expected)
    assert answers["language"].tolist() == [0, 1]


def test_a_language_never_seen_is_even_odds() -> None:
    """Trained on Chinese alone, English is answered with one half."""
    table = simulate(0, rows=400)
    matrix = handler.contract.matrix(table.columns)
    chinese = np.flatnonzero(matrix[:, 0] == 1)
    fitted = CANDIDATES[0].fit(matrix[chinese], table.take(chinese), seed=0)
    predicted = fitted.predict(matrix)
    assert set(predicted["probability"][matrix[:, 0] == 0]) == {0.5}
    answers = predicted["probability"][chinese] > 0.5
    assert np.mean(answers == (table.target[chinese] == "positive")) > 0.9


def test_a_few_texts_of_a_language_are_no_training_data() -> None:
    """Two stray texts of the other language, one of each class, leave it near even odds and stop nothing."""
    table = simulate(0, rows=400)
    matrix = handler.contract.matrix(table.columns)
    zh, en = np.flatnonzero(matrix[:, 0] == 1), np.flatnonzero(matrix[:, 0] == 0)
    strays = [en[table.target[en] == label][0] for label in ("negative", "positive")]
    rows = np.concatenate([zh, strays])
    fitted = CANDIDATES[0].fit(matrix[rows], table.take(rows), seed=0)
    probability = np.asarray(fitted.predict(matrix[en])["probability"])
    np.testing.assert_allclose(probability, 0.5, atol=0.01)


def test_a_batch_changes_no_row() -> None:
    """Negated words keep their place among the others whatever text goes before."""
    asked = [{"text": "nothing was good"}, {"text": "it was never late and not dirty"}]
    together = handler.contract.matrix(handler.contract.parse(asked))
    apart = [handler.contract.matrix(handler.contract.parse([one])) for one in asked]
    np.testing.assert_array_equal(together, np.vstack(apart))


def _fitted_to_sample() -> tuple[FittedLinear, Session]:
    table = simulate(0)
    fitted = CANDIDATES[-1].fit(handler.contract.matrix(table.columns), table, seed=0)
    return fitted, Session(fitted.to_onnx())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The room was not clean, and BAD!", ["the", "room", "was", "not", "clean", "and", "bad"]),
        ("Isn&#39;t it", ["is", "not", "it"]),
        ("房间 很脏", list("房间很脏")),
        ("...", []),
    ],
)
def test_words_share_what_the_graph_says_about_their_ngrams(text: str, words: list[str]) -> None:
    """Contributions of the slots, told to the words they were read from, make the log-odds with the bias."""
    fitted, session = _fitted_to_sample()
    columns = handler.contract.parse([{"text": text}])
    matrix = handler.contract.matrix(columns)
    outputs = session.run(matrix)
    reading = read_tokens(columns)
    assert reading.tokens == words
    assert set(reading.weights.tolist()) == set(np.flatnonzero(matrix[0, 1:]).tolist())
    found = weighed(reading, outputs["contributions"][0].astype(np.float64))
    bias = float(fitted.bias[int(matrix[0, 0])])
    assert bias + found.contributions.sum() == pytest.approx(float(outputs["log_odds"][0]), abs=1e-5)
    odds = np.log(outputs["probability"][0] / (1 - outputs["probability"][0]))
    assert float(odds) == pytest.approx(float(outputs["log_odds"][0]), abs=1e-3)


def test_an_ngram_is_told_to_the_words_it_covers() -> None:
    """A pair of words to both, a part of a word to that word, a negation to the word that is negated."""
    reading = read_tokens(handler.contract.parse([{"text": "never wonderful"}]))
    spans = set(zip(reading.firsts.tolist(), reading.lasts.tolist(), strict=True))
    assert spans == {(0, 0), (1, 1), (0, 1)}
    pairs = [place for place in range(len(reading.weights)) if reading.lasts[place] != reading.firsts[place]]
    assert len(pairs) == 1
    parts = sum(reading.firsts[place] == 1 == reading.lasts[place] for place in range(len(reading.weights)))
    assert parts == 2 + sum(len("<wonderful>") - n + 1 for n in (4, 5, 6))


def test_of_a_long_text_only_what_was_read_is_told() -> None:
    """N-grams that were left out in the middle of a long text belong to no word."""
    text = " ".join(f"{a}{b}{c}word" for a in "abcdefgh" for b in "ijklmnop" for c in "qrstuvwx")
    columns = handler.contract.parse([{"text": text[:5000]}])
    reading = read_tokens(columns)
    assert set(reading.weights.tolist()) == set(range(SLOTS))
    assert reading.lasts.max() < len(reading.tokens)
