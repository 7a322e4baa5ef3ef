"""Training of diagnosis: heart disease from the Cleveland file, a malignant mass from the offline sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.diagnosis.handler import handler
from models.baseline import Mean
from models.budget import Budget
from models.classification import probability_metrics
from models.classifier import Classifier, ClassifierBlend
from models.diagnosis.breast_cancer import load_breast_cancer_set
from models.diagnosis.cleveland import load_cleveland
from models.recipe import Recipe
from models.table import Table
from models.validation import Stratified

_OUTPUT = "probability"
_CLASSES = (0, 1)


def sample(seed: int) -> Table:
    """Real data for a demonstration, the same for every seed."""
    del seed
    return load_breast_cancer_set()


def _logistic(_: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(30, min_samples_leaf=4, max_features=0.3, random_state=seed, n_jobs=1)


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(30, min_samples_leaf=4, max_features=0.3, random_state=seed, n_jobs=1)


def _boosted_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.06,
        max_leaf_nodes=3,
        min_samples_leaf=10,
        l2_regularization=2.0,
        early_stopping=False,
        random_state=seed,
    )


_TREES = {"trees": 30, "min_samples_leaf": 4, "max_features": 0.3}
_LOGISTIC = Classifier("logistic regression", _CLASSES, _logistic, {"C": 0.1})
_FOREST = Classifier("random forest", _CLASSES, _random_forest, _TREES)
_EXTRA = Classifier("extra trees", _CLASSES, _extra_trees, _TREES)
_BOOSTED = Classifier(
    "boosted stumps",
    _CLASSES,
    _boosted_trees,
    {"iterations": 60, "learning_rate": 0.06, "max_leaf_nodes": 3, "min_samples_leaf": 10},
)


def _ages(ages: NDArray[np.float64]) -> NDArray[Any]:
    bands = np.array(["under 50", "50 to 59", "60 or more", None], object)
    return bands[np.digitize(ages, (50, 60, np.inf))]


RECIPE = Recipe(
    endpoint=handler,
    title="Diagnosis",
    summary="The probability of the disease in the version's data: of heart disease from the findings of a "
    "cardiological examination (Cleveland), of malignancy from measurements of cell nuclei (Wisconsin).",
    load=load_cleveland,
    sample=sample,
    candidates=(
        _LOGISTIC,
        _FOREST,
        _BOOSTED,
        ClassifierBlend("blend", (_LOGISTIC, _EXTRA)),
    ),
    splitter=Stratified(n_folds=5),
    held_out=Stratified(n_folds=10).folds,
    baseline=Mean(_OUTPUT, name="share of the ill"),
    metrics=probability_metrics(_OUTPUT),
    score="log_loss",
    parity_tolerance=1e-4,
    slices={"sex": lambda columns: columns["sex"], "age": lambda columns: _ages(columns["age"])},
    # Some 300 patients: chance alone makes this much of two equals.
    budget=Budget(worse=0.15, slice_worse=0.6),
    training_file=(
        "The Cleveland heart disease set (UCI), a CSV file without a header, `?` where a value is missing: "
        "age, sex, chest pain,\n"
        "blood pressure, cholesterol, blood sugar, resting ECG, maximum heart rate, exercise angina, ST "
        "depression, ST slope,\n"
        "vessels and thallium in the set's codes, then the stage of the disease, 0 (none) to 4."
    ),
    public_data=("medical/processed.cleveland.data",),
    limits=(
        "Not a medical device: for trying the service out, never for deciding about anybody's treatment.",
        (
            "The figures are of nested ten-fold cross-validation: each patient's answer comes from models "
            "whose choice and fit had not seen them. With some 300 patients an accuracy is known to about "
            "0.02 only."
        ),
        (
            "The patients were all referred for angiography at one hospital around 1981; among other "
            "people the probabilities are too high."
        ),
        "A finding that is missing counts as the median or, for a category, as its first choice.",
        (
            "The record covers two kinds of examination. A version trained on one kind answers about the "
            "other, but has learnt nothing from its fields. The offline sample, scikit-learn's breast "
            "cancer set, comes as `measurements`, whose order is in the field's description."
        ),
        "Stages 1 to 4 of the Cleveland file count alike as disease.",
        (
            "The settings of the candidates were explored beforehand by cross-validation on all rows; the "
            "figures may be kind by a little."
        ),
    ),
)
