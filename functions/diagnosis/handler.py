"""Diagnosis: the probability of a disease, from findings or from measurements of cells.

One record covers two kinds of examination: the findings of a cardiological one, and thirty measurements of
cell nuclei in a breast mass. A version knows the kind, and the disease, that it was trained on, as its card
says; the other kind's fields do not move its answer. Any finding may be missing.
"""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing.categories import one_hot, one_hot_names
from maas.preprocessing.imputation import fill_constant

ChestPain = Literal["asymptomatic", "typical angina", "atypical angina", "non-anginal pain"]
RestingEcg = Literal["normal", "ST-T abnormality", "left ventricular hypertrophy"]
StSlope = Literal["upsloping", "flat", "downsloping"]
Thallium = Literal["normal", "fixed defect", "reversible defect"]
YesNo = Literal["no", "yes"]
Measurement = Annotated[float, Field(ge=0, le=1e5)]

# Of each: mean, standard error and worst (the mean of the three largest) over the nuclei of an image.
MEASUREMENTS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
_STATISTICS = ("mean", "error", "worst")
_PARTS: list[Any] = [
    f"{measurement} {statistic}" for statistic in _STATISTICS for measurement in MEASUREMENTS
]
_TYPICAL_MEASUREMENTS = (
    *(13.4, 18.8, 86.2, 551.0, 0.0959, 0.0926, 0.0615, 0.0335, 0.179, 0.0615),
    *(0.324, 1.11, 2.29, 24.5, 0.00638, 0.0204, 0.0259, 0.0109, 0.0187, 0.00319),
    *(15.0, 25.4, 97.7, 686.0, 0.131, 0.212, 0.227, 0.0999, 0.282, 0.08),
)


def _number(text: str, unit: str, high: float, example: float) -> Any:
    return Field(
        default=None,
        ge=0,
        le=high,
        description=f"{text}.",
        examples=[example, None],
        json_schema_extra={"unit": unit, "sensitive": True},
    )


def _choice(text: str, example: str) -> Any:
    return Field(
        default=None,
        description=f"{text}.",
        examples=[example, None],
        json_schema_extra={"sensitive": True},
    )


class Patient(Record):
    """What was found; what is left out is taken as typical."""

    age: float | None = _number("Age", "years", 120, 58.0)
    sex: Literal["female", "male"] | None = _choice("Sex", "male")
    chest_pain: ChestPain | None = _choice("Kind of chest pain", "asymptomatic")
    blood_pressure: float | None = _number("Blood pressure at rest, on admission", "mmHg", 350, 142.0)
    cholesterol: float | None = _number("Serum cholesterol", "mg/dl", 1500, 264.0)
    high_blood_sugar: YesNo | None = _choice("Fasting blood sugar above 120 mg/dl", "no")
    resting_ecg: RestingEcg | None = _choice(
        "Electrocardiogram at rest; hypertrophy by Estes' criteria", "left ventricular hypertrophy"
    )
    max_heart_rate: float | None = _number("Highest heart rate under exercise", "1/min", 300, 138.0)
    exercise_angina: YesNo | None = _choice("Angina brought on by exercise", "yes")
    st_depression: float | None = _number("ST depression by exercise, against rest", "mm", 20, 1.8)
    st_slope: StSlope | None = _choice("Slope of the ST segment at peak exercise", "flat")
    vessels: float | None = _number("Major vessels coloured by fluoroscopy, 0 to 3", "vessels", 3, 1.0)
    thallium: Thallium | None = _choice("Thallium scan of the heart", "reversible defect")
    measurements: list[Measurement | None] | None = Field(
        default=None,
        min_length=len(_TYPICAL_MEASUREMENTS),
        max_length=len(_TYPICAL_MEASUREMENTS),
        description="Cell nuclei of a fine needle aspirate: first the means, then the standard errors, then "
        f"the worst values of {', '.join(MEASUREMENTS)}.",
        examples=[list(_TYPICAL_MEASUREMENTS), None],
        json_schema_extra={"unit": "image's own", "sensitive": True, "parts": _PARTS},
    )


class Finding(Prediction):
    """What the version holds likely."""

    probability: float = Field(
        description="Probability of the disease that the version was trained on.",
        examples=[0.8714],
        json_schema_extra={"unit": "probability", "decimals": 4, "probability_of": True},
    )
    positive: bool = Field(
        description="Whether the probability is at least one half.",
        examples=[True],
        json_schema_extra={"outcome": True},
    )


# What stands for a number that is missing: the medians of the Cleveland patients.
_NUMBERS = {
    "age": 56.0,
    "blood_pressure": 130.0,
    "cholesterol": 241.0,
    "max_heart_rate": 153.0,
    "st_depression": 0.8,
    "vessels": 0.0,
}
# The first choice is the reference, and has no column of its own; nor has what is missing.
_CHOICES: dict[str, tuple[str, ...]] = {
    "sex": ("female", "male"),
    "chest_pain": get_args(ChestPain),
    "high_blood_sugar": get_args(YesNo),
    "resting_ecg": get_args(RestingEcg),
    "exercise_angina": get_args(YesNo),
    "st_slope": get_args(StSlope),
    "thallium": get_args(Thallium),
}

FEATURES = (
    *_NUMBERS,
    "any_vessel",
    *(name for field, choices in _CHOICES.items() for name in one_hot_names(field, choices)[1:-1]),
    *(f"{measurement}_{statistic}" for statistic in _STATISTICS for measurement in MEASUREMENTS),
)


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32, finite."""
    numbers = {name: fill_constant(records[name], typical).values for name, typical in _NUMBERS.items()}
    return np.column_stack(
        [
            *numbers.values(),
            numbers["vessels"] > 0,
            *(_indicators(records, field) for field in _CHOICES),
            fill_constant(records["measurements"], _TYPICAL_MEASUREMENTS).values,
        ]
    ).astype(np.float32)


def _indicators(records: Columns, field: str) -> NDArray[np.float32]:
    return one_hot(records[field], _CHOICES[field])[:, 1:-1]


def respond(outputs: Columns) -> Columns:
    """Probabilities of absence and presence as the answer's fields."""
    probability = outputs["probabilities"][:, 1]
    return {"probability": probability, "positive": probability >= 0.5}  # noqa: PLR2004 - one half


handler = Endpoint("diagnosis", Patient, Finding, features, feature_names=FEATURES, respond=respond)
